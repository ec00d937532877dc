// `npm run bench:peers`: Proxeny beside QEMU TCG and v86 in one run: small loops of a kernel of our own, and Debian's kernel to its
// /init, in turns. Writes peers.json, peers.txt (the table) and peers.svg; an engine that is not there is named, and left out.
//   --rounds N (3)   --engines a,b (proxeny,qemu,v86)   --loops REGEX   --no-boot   --out FOLDER (tests/.cache/peers)
//   --core N: everything on that core (taskset)
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { debianKernel } from '../../boot/debian-packages.js';
import { busyboxInitramfs } from '../../boot/initramfs.js';
import { root } from '../../contracts/source-tree.js';
import {
  type Engine,
  type EngineName,
  engineNames,
  findEngine,
  type PeerGuest,
} from './engines.js';
import { loopKernel, loops } from './loops.js';
import { type Comparison, plotOf, tableOf } from './results.js';
import { timedRun } from './timed-run.js';

const LIMIT_MS = 300_000;
const MARK = 'user space is here';
const BOOT = 'Debian 686 to /init';
const KERNEL = 'linux-image-686';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    engines: { type: 'string', default: engineNames.join(',') },
    loops: { type: 'string', default: '' },
    'no-boot': { type: 'boolean', default: false },
    out: { type: 'string', default: join(root, 'tests/.cache/peers') },
    core: { type: 'string' },
  },
});

type Times = Record<string, Record<string, number[]>>;

/** What runs, by what ends it. */
interface Job {
  readonly guest: PeerGuest;
  readonly last: string;
}

function jobs(folder: string): Job[] {
  const chosen = loops.filter(({ name }) => new RegExp(values.loops).test(name));
  const found: Job[] = [];
  if (chosen.length > 0) {
    const kernel = join(folder, 'loops.bin');
    writeFileSync(kernel, loopKernel(chosen));
    found.push({ guest: { kind: 'multiboot', kernel }, last: 'DONE' });
  }
  if (!values['no-boot']) {
    const initrd = join(folder, 'initramfs.cpio');
    const init = `echo ${MARK}; sleep 1000`;
    writeFileSync(initrd, busyboxInitramfs({ architecture: 'i386', init }));
    const kernel = debianKernel(KERNEL, 'i386');
    const commandLine = 'console=ttyS0 quiet nokaslr tsc=reliable mitigations=off';
    found.push({ guest: { kind: 'linux', kernel, initrd, commandLine }, last: MARK });
  }
  return found;
}

/** Runs a job in an engine, and notes its times, those before a failure too. */
async function run(engine: Engine, { guest, last }: Job, times: Times): Promise<void> {
  const note = (workload: string, ms: number): void => {
    const byEngine = times[workload] ?? {};
    times[workload] = byEngine;
    byEngine[engine.name] = [...(byEngine[engine.name] ?? []), ms];
  };
  const pinned = values.core === undefined ? [] : ['taskset', '-c', values.core];
  const command = [...pinned, ...engine.command(guest)];
  const { lines, failure } = await timedRun(command, last, LIMIT_MS);
  if (failure !== null) console.log(`${engine.name} failed: ${failure}`);
  if (guest.kind === 'linux') {
    if (failure === null) note(BOOT, lines.at(-1)?.ms ?? Number.NaN);
    return;
  }
  const began = new Map<string, number>();
  for (const { text, ms } of lines) {
    const [, what, name = ''] = /(BEGIN|END) (.+)/.exec(text) ?? [];
    if (what === 'BEGIN') began.set(name, ms);
    if (what === 'END') note(name, ms - (began.get(name) ?? Number.NaN));
  }
}

async function main(): Promise<void> {
  const wanted = values.engines.split(',').filter((name) => name !== '');
  const unknown = wanted.find((name) => !engineNames.includes(name as EngineName));
  if (unknown !== undefined)
    throw new Error(`--engines '${unknown}': there are ${engineNames.join(', ')}`);
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds '${values.rounds}': a whole number from 1 on is wanted`);
  mkdirSync(values.out, { recursive: true });
  const found = wanted.map((name) => findEngine(name as EngineName));
  const engines = found.filter((each): each is Engine => 'command' in each);
  const missing = found.flatMap((each) =>
    'missing' in each ? [{ name: each.name, why: each.missing }] : [],
  );
  for (const { name, why } of missing) console.log(`${name} is left out: ${why}`);
  const times: Times = {};
  const todo = jobs(values.out);
  for (let round = 1; round <= rounds; round++) {
    for (const job of todo) {
      for (const engine of engines) {
        console.log(`round ${round}: ${engine.name}, ${job.guest.kind}`);
        await run(engine, job, times);
      }
    }
  }
  const comparison: Comparison = {
    date: new Date().toISOString(),
    host: `${cpus()[0]?.model ?? 'an unknown processor'}, ${cpus().length} cores`,
    engines: engines.map(({ name, version }) => ({ name, version })),
    ...{ missing, times },
  };
  const table = tableOf(comparison);
  writeFileSync(join(values.out, 'peers.json'), `${JSON.stringify(comparison, null, 2)}\n`);
  writeFileSync(join(values.out, 'peers.txt'), `${table}\n`);
  writeFileSync(join(values.out, 'peers.svg'), plotOf(comparison));
  console.log(`\n${table}\n\n${values.out}: peers.json, peers.txt, peers.svg`);
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
