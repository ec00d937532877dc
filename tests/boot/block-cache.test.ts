// Compiled code that outlives the command: a second run takes what the first left, and `proxeny cache` shows it.
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runCommand, smallKernel, writeTestFile } from './run-command.js';

const folder = mkdtempSync(join(tmpdir(), 'proxeny-block-cache-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Adds 3 to EAX 200,000 times; its exit code is 2 × 5 + 1. */
const kernel = writeTestFile(
  'hot-loop.elf',
  smallKernel(`mov ecx, 200000
again:
add eax, 3
dec ecx
jnz again
mov eax, 5
out 0xf4, al
hlt`),
);
const run = (...more: string[]) =>
  runCommand(['run', kernel, '-m', '16M', '--serial', 'none', ...more]);
const cache = async (...args: string[]) =>
  JSON.parse((await runCommand(['cache', ...args, '--json', '--block-cache', folder])).stdout);

describe('compiled code', () => {
  it('is kept for the next run, listed and pruned; what is damaged changes nothing', async () => {
    const first = await run('--block-cache', folder);
    expect(first).toMatchObject({ stderr: '', code: 11 });
    const { files } = await cache('ls');
    expect(files).toHaveLength(1);
    expect(files[0]).toMatchObject({ image: 'hot-loop.elf', state: 'usable' });
    expect(files[0].regions).toBeGreaterThan(0);

    const second = await run('--block-cache', folder, '--stats', 'json');
    expect(second.code).toBe(11);
    const { regions, library, instructions } = JSON.parse(second.stderr);
    expect(regions).toMatchObject({ compiled: 0, reused: 1 });
    expect(library).toMatchObject({ loadedModules: 1 });
    expect(instructions).toBeGreaterThan(500_000);
    expect((await cache('ls')).files[0].regions).toBe(files[0].regions);

    const path = join(folder, readdirSync(folder)[0] as string);
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.subarray(0, bytes.length - 1));
    expect(await run('--block-cache', folder)).toMatchObject({ stderr: '', code: 11 });

    expect((await cache('prune', '--all')).removed).toHaveLength(1);
    expect(await cache('stat')).toMatchObject({ files: 0, bytes: 0 });
  });

  it('is kept after some seconds too, of a guest that never ends and is killed', async () => {
    const endless = writeTestFile(
      'endless.elf',
      smallKernel(`again:
mov ecx, 20000000
each:
add eax, 3
dec ecx
jnz each
mov dx, 0x3f8
mov al, '.'
out dx, al
jmp again`),
    );
    const args = ['run', endless, '-m', '16M', '--block-cache', folder];
    const onOutput = (_: string, child: ChildProcess): void => {
      if (readdirSync(folder).some((name) => name.endsWith('.regions'))) child.kill('SIGKILL');
    };
    const input = { open: true } as const;
    expect((await runCommand(args, { input, onOutput, limitMs: 30_000 })).code).toBeNull();
    const { files } = await cache('ls');
    expect(files).toMatchObject([{ image: 'endless.elf', state: 'usable' }]);
    expect(files[0].regions).toBeGreaterThan(0);
    expect(files[0].nativeBytes).toBeGreaterThan(0);
    await cache('prune', '--all');
  });

  it('is not kept with --no-block-cache', async () => {
    expect((await run('--no-block-cache')).code).toBe(11);
    expect((await cache('ls')).files).toHaveLength(0);
  });
});
