// A sample of the native-oracle run: every form of every row in every mode, a few cases each, on the host CPU, by the reference
// evaluator, through the cold tier and in a region of the hot tier. Where the host cannot judge a mode, the reference evaluator does;
// the tests' names say so. The long run (npm run test:oracle) takes hundreds of cases, and every form inline as well.
import { describe, expect, it } from 'vitest';
import type { Row } from '../../../packages/vcpu-x86/src/isa/row.js';
import { rows } from '../../../packages/vcpu-x86/src/isa/table.js';
import { coverageOf, hostJudges } from './coverage.js';
import { oracleForms } from './forms.js';
import { hostVerdict } from './host-judge.js';
import { type OracleMode, oracleModes } from './oracle-modes.js';
import { type FormFailure, judgeName, OracleRun } from './oracle-run.js';

const CASES = 3;
/** Of each form one case, and a third of those on state, in the hot tier too: to compile regions takes longer than all the rest. */
const HOT_SHARE = 3;
/** Of instructions on x87 and vector state, whose operands have more classes than integers have. */
const STATE_CASES = 12;
const INLINE_CASES = 4;
/** One form in so many runs inline here. */
const INLINE_SHARE = 12;
const SEED = 20;
/** The part of flat code's forms that regions do in some case here; the long run names the others. */
const HOT_FORMS = 0.6;

const judges: Readonly<Record<32 | 64, string>> = {
  32: judgeName(await hostVerdict(32)),
  64: judgeName(await hostVerdict(64)),
};
const judgeOf = ({ harness }: OracleMode): string => judges[harness];

const describeFailures = (failures: readonly FormFailure[]): string =>
  failures
    .slice(0, 5)
    .map((f) => `[${f.tier}: ${f.differing} of ${f.cases}] ${f.text}`)
    .join('\n');

describe.each(oracleModes)('$name code', (mode) => {
  const forms = oracleForms(mode).filter(({ form }) => hostJudges(form, mode.bits));

  it(`does in every tier what ${judgeOf(mode)} does, form by form`, async () => {
    const run = await OracleRun.open(mode, { seed: SEED, hotShare: HOT_SHARE });
    const failures = await run.compare(forms, CASES);
    await run.close();
    expect(describeFailures(failures)).toBe('');
    expect(run.cases).toBe(forms.length * CASES);
    expect(run.ends.get('completed')).toBeGreaterThan(run.cases / 2);
    // Segments that are not flat have no regions; of the others' forms most do.
    const { hot } = run;
    if (mode.dataBase > 0) expect(hot.forms.size).toBe(0);
    else expect(hot.forms.size).toBeGreaterThan(forms.length * HOT_FORMS);
    for (const vector of [0, 6, 13, 14, 16, 17, 19])
      expect(run.ends.get(`vector ${vector}`)).toBeGreaterThan(0);
  }, 300_000);

  it('does the same inline in the interpreter', async () => {
    const run = await OracleRun.open(mode, { seed: SEED + 1, inline: true, hotShare: Infinity });
    const some = forms.filter((_, i) => i % INLINE_SHARE === mode.stackBits % INLINE_SHARE);
    expect(some.length).toBeGreaterThan(200);
    const failures = await run.compare(some, INLINE_CASES);
    await run.close();
    expect(describeFailures(failures)).toBe('');
  }, 300_000);
});

const isOnState = ({ feature }: Row): boolean => /^(fpu|mmx|fxsr|xsave|s?sse)/.test(feature);

describe.each(oracleModes.filter(({ dataBase }) => dataBase === 0))('$name code', (mode) => {
  it(`does with x87 and vector state what ${judgeOf(mode)} does`, async () => {
    const forms = oracleForms(mode).filter(
      ({ form }) => isOnState(form.row) && hostJudges(form, mode.bits),
    );
    expect(forms.length).toBeGreaterThan(900);
    const run = await OracleRun.open(mode, { seed: SEED + 2, hotShare: HOT_SHARE });
    const failures = await run.compare(forms, STATE_CASES);
    await run.close();
    expect(describeFailures(failures)).toBe('');
  }, 300_000);
});

describe('coverage', () => {
  it('leaves out only what the table says, and nearly nothing', () => {
    const left = rows.filter((row) => coverageOf(row).kind === 'not compared');
    expect(left.length).toBeGreaterThan(0);
    expect(left.length).toBeLessThan(rows.length / 30);
    const host = oracleModes.flatMap((mode) =>
      oracleForms(mode).map(({ form }) => hostJudges(form, mode.bits)),
    );
    expect(host.filter(Boolean).length).toBeGreaterThan(host.length * 0.98);
  });
});
