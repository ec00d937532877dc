// The long native-oracle run (npm run test:oracle): hundreds of cases of every form in every mode, by the reference evaluator, the
// cold tier, the cold tier with every form inline, and in regions of the hot tier; compared with the host, or with the reference evaluator
// in modes that the host cannot judge, as it says. Prints totals; exits with 1 on any difference.
//   --cases N (200)   --seed N (random)   --mode NAME   --forms REGEX   --show N (differences printed in full, 10)
//   --cold-forms (names the forms that no region did)
import { setPriority } from 'node:os';
import { parseArgs } from 'node:util';
import { hostJudges } from './coverage.js';
import { oracleForms } from './forms.js';
import { hostVerdict } from './host-judge.js';
import { type OracleMode, oracleModes } from './oracle-modes.js';
import { type FormFailure, judgeName, OracleRun } from './oracle-run.js';

const LOW_PRIORITY = 10;
/** Forms between two lines of progress. */
const PROGRESS = 500;

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '200' },
    seed: { type: 'string' },
    mode: { type: 'string' },
    forms: { type: 'string', default: '' },
    show: { type: 'string', default: '10' },
    'cold-forms': { type: 'boolean', default: false },
  },
});

let shown = 0;
const show = ({ tier, differing, cases, text }: FormFailure): void =>
  console.log(`[${tier}: ${differing} of ${cases}] ${text}`);

interface Totals {
  forms: number;
  cases: number;
  left: number;
  failures: FormFailure[];
}

async function runMode(mode: OracleMode, seed: number, cases: number): Promise<Totals> {
  const all = oracleForms(mode).filter(({ name }) => new RegExp(values.forms).test(name));
  const forms = all.filter(({ form }) => hostJudges(form, mode.bits));
  console.log(`${mode.name}: judged by ${judgeName(await hostVerdict(mode.harness))}`);
  const run = await OracleRun.open(mode, { seed, inline: true });
  const failures: FormFailure[] = [];
  const started = performance.now();
  for (let at = 0; at < forms.length; at += PROGRESS) {
    const found = await run.compare(forms.slice(at, at + PROGRESS), cases);
    for (const failure of found) if (shown++ < Number(values.show)) show(failure);
    failures.push(...found);
    const done = Math.min(at + PROGRESS, forms.length);
    console.error(`${mode.name}: ${done} of ${forms.length} forms, ${failures.length} differ`);
  }
  await run.close();
  const { hot } = run;
  const cold = forms.filter((form) => !hot.forms.has(form));
  console.log(
    `${mode.name}, hot tier: ${hot.cases} cases of ${hot.forms.size} forms; ${hot.left} cases of forms ` +
      `that have a region were left to the cold tier, and ${cold.length} forms altogether`,
  );
  if (values['cold-forms']) for (const { name } of cold) console.log(`  ${name}`);
  const ends = Array.from(run.ends, ([end, count]) => `${end} ${count}`).join(', ');
  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(`${mode.name}: ${forms.length} forms, ${run.cases} cases in ${seconds} s (${ends})`);
  return { forms: forms.length, cases: run.cases, left: all.length - forms.length, failures };
}

async function main(): Promise<void> {
  setPriority(LOW_PRIORITY);
  const seed = values.seed === undefined ? Date.now() >>> 0 : Number(values.seed);
  const cases = Number(values.cases);
  console.log(`native oracle: seed ${seed}, ${cases} cases a form, reference, cold and hot tier`);
  const totals: Totals = { forms: 0, cases: 0, left: 0, failures: [] };
  for (const mode of oracleModes) {
    if (values.mode !== undefined && values.mode !== mode.name) continue;
    const result = await runMode(mode, seed, cases);
    totals.forms += result.forms;
    totals.cases += result.cases;
    totals.left += result.left;
    totals.failures.push(...result.failures);
  }
  console.log(
    `${totals.forms} forms, ${totals.cases} cases, ${totals.failures.length} differences; ` +
      `${totals.left} forms that this host cannot judge`,
  );
  process.exitCode = totals.failures.length > 0 || totals.cases === 0 ? 1 : 0;
}

await main();
