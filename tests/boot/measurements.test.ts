// What `--stats` and `--profile` say of a guest, through the command line.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCommand, smallKernel, writeTestFile } from './run-command.js';

/** Counts down for some hundred million instructions at 0x10002a; its exit code is 2 × 5 + 1. */
const kernel = writeTestFile(
  'busy.bin',
  smallKernel(
    'mov ecx, 100000000\nbusy: dec ecx\njnz busy\nmov al, 5\nmov dx, 0xf4\nout dx, al\nhlt',
  ),
);
const symbols = writeTestFile('busy.map', '00100000 T start\n0010002a T busy\n00100040 T behind\n');
const options = ['-m', '16M', '--serial', 'none', '--no-block-cache'];
const sum = (counts: Record<string, number>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0);

describe('--stats', () => {
  it('tells where the time of a PC went, by tier and by stage of compilation', async () => {
    const { code, stderr } = await runCommand(['run', kernel, ...options, '--stats', 'json']);
    expect(code).toBe(11);
    const { instructions, timeMs, compileMs, regions, tlb, dropped } = JSON.parse(stderr);
    expect(instructions).toBeGreaterThan(190_000_000);
    expect(timeMs.hot).toBeGreaterThan(timeMs.cold);
    expect(timeMs.cold + timeMs.hot + timeMs.compile).toBe(timeMs.run);
    expect(Object.keys(compileMs)).toEqual(['decode', 'ir', 'emit', 'compile']);
    expect(sum(compileMs)).toBeGreaterThan(0);
    expect(regions.compiled).toBe(1);
    expect(tlb.misses).toBeGreaterThanOrEqual(tlb.fills - 1);
    expect(sum(dropped)).toBe(0);
  });

  it('counts what all domains of a machine did, those that are gone too', async () => {
    const { stderr } = await runCommand(['run', '--builtin', '--stats', 'json'], { input: '' });
    const line = stderr.split('\n').find((each) => each.startsWith('{')) as string;
    const { instructions, blocks, dropped, events } = JSON.parse(line);
    expect(instructions).toBeGreaterThan(10_000);
    expect(blocks.translated).toBeGreaterThan(100);
    expect(sum(dropped)).toBe(blocks.dropped);
    expect(events.lookups).toBeGreaterThan(100);
  });
});

describe('--profile', () => {
  const folder = dirname(symbols);

  it('names the function that took the time, in collapsed stacks and for speedscope', async () => {
    for (const name of ['busy.folded', 'busy.json']) {
      const path = join(folder, name);
      const args = ['run', kernel, ...options, '--profile', path, '--symbols', symbols];
      expect(await runCommand(args)).toMatchObject({ code: 11, stderr: '' });
      const text = readFileSync(path, 'utf8');
      if (name.endsWith('.folded')) expect(text).toMatch(/^kernel;busy;hot \d{4,}\n/);
      else {
        const { shared, profiles } = JSON.parse(text);
        expect(shared.frames).toContainEqual({ name: 'busy' });
        expect(profiles[0].samples).toHaveLength(profiles[0].weights.length);
      }
    }
  });

  it('says in one line what is wrong with its files', async () => {
    const run = (...more: string[]) => runCommand(['run', kernel, ...options, ...more]);
    const bad = writeTestFile('empty.map', 'ffffffffffffffff B elsewhere\n');
    expect((await run('--profile', '/no/where.json')).stderr).toMatch(
      /^proxeny: --profile '\/no\/where\.json' cannot be written: .*\n$/,
    );
    expect((await run('--profile', join(folder, 'x.json'), '--symbols', bad)).stderr).toMatch(
      /^proxeny: --symbols '.*empty\.map' has no symbols of code; .*\n$/,
    );
    expect(await run('--symbols', symbols)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--symbols gives the names of --profile'),
    });
  });
});
