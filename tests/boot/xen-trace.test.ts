// `--trace hypercalls`: what GRUB asks of Xen up to its first event is known exactly from real Xen (4.17, 64 MiB).
// `npm run update-golden --workspace=tests` writes the trace in tests/golden anew, after a change of the trace's form or of GRUB's package.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { debianPackage } from './debian-packages.js';
import { runCommand, writeTestFile } from './run-command.js';

interface Line {
  readonly hypercall: string;
  readonly operation?: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly result: number;
  readonly time: number;
  readonly duration: number;
}

const LIMIT_MS = 200_000;

async function traceGrub(...options: string[]): Promise<{ head: unknown; lines: Line[] }> {
  const image = 'usr/lib/grub-xen/grub-x86_64-xen.bin';
  const file = writeTestFile('grub.trace.jsonl', '');
  const { code } = await runCommand(
    [
      ...['run', join(debianPackage('grub-xen-host', 'amd64'), image), '-m', '64M'],
      ...['--trace', ['hypercalls', file, ...options].join(','), '--expect', 'grub>'],
    ],
    { limitMs: LIMIT_MS },
  );
  expect(code).toBe(0);
  const [head, ...lines] = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  return { head, lines };
}

it(
  'GRUB makes the hypercalls that it makes on Xen, in number and order',
  async () => {
    const { head, lines } = await traceGrub();
    expect(head).toEqual({ apiVersion: 'proxeny/v1', kind: 'HypercallTrace' });
    const runs: [string, number][] = [];
    for (const { hypercall } of lines) {
      if (hypercall === 'event_channel_op') break;
      const last = runs.at(-1);
      if (last?.[0] === hypercall) last[1]++;
      else runs.push([hypercall, 1]);
    }
    expect(runs).toEqual([
      ['grant_table_op', 2],
      ['mmu_update', 1],
      ['update_va_mapping', 37],
      ['mmuext_op', 1],
      ['update_va_mapping', 7],
    ]);
    expect(lines[0]).toMatchObject({
      operation: 'GNTTABOP_set_version',
      arguments: { uop: [{ version: 1 }], count: 1 },
      result: 0,
    });
    expect(lines[1]).toMatchObject({
      operation: 'GNTTABOP_setup_table',
      arguments: { uop: [{ dom: 0x7ff0, nr_frames: 1 }] },
    });
    // The console's and xenstore's frames change places with the last two.
    expect(lines[2]?.arguments.ureqs).toMatchObject([{}, { val: 16383 }, {}, { val: 16382 }]);
    const extended = lines.find(({ hypercall }) => hypercall === 'mmuext_op');
    const commands = extended?.arguments.uops as { cmd: number }[];
    expect(commands.map(({ cmd }) => cmd)).toEqual([3, 5, 4]);
    const times = lines.map(({ time }) => time);
    expect([...times].sort((a, b) => a - b)).toEqual(times);
  },
  LIMIT_MS,
);

it(
  "the decoded trace of GRUB's start is, but for its times, the one kept in tests/golden",
  async () => {
    const { head, lines } = await traceGrub();
    const end = lines.findIndex(({ hypercall }) => hypercall === 'event_channel_op');
    const timeless = lines.slice(0, end).map((line) => {
      const { time, duration, ...rest } = line;
      expect(time).toBeGreaterThan(0);
      expect(duration).toBeGreaterThanOrEqual(0);
      return rest;
    });
    const text = [head, ...timeless].map((line) => `${JSON.stringify(line)}\n`).join('');
    await expect(text).toMatchFileSnapshot('../golden/grub-x86_64-xen.hypercalls.jsonl');
  },
  LIMIT_MS,
);

it(
  'a trace tells only what it was asked for',
  async () => {
    const { lines } = await traceGrub('only=mmuext_op', 'only=GNTTABOP_set_version');
    expect(lines.map(({ hypercall }) => hypercall)).toEqual(['grant_table_op', 'mmuext_op']);
  },
  LIMIT_MS,
);
