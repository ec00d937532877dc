// `--compile`: hot code compiled beside the guest, or on its thread. The guest computes the same, and the process ends with it.
import { describe, expect, it } from 'vitest';
import { runCommand, smallKernel, writeTestFile } from './run-command.js';

/** Eight loops, forty times over; its exit code is 2 × 5 + 1 if the sum is right. */
const loops = Array.from(
  { length: 8 },
  (_, i) => `mov ecx, 300000
loop${i}:
lea ebx, [ebx+ebx*2+${i}]
add eax, ebx
dec ecx
jnz loop${i}`,
);
/** What the sum is: EAX and EBX as the loops leave them. */
function sum(): number {
  let [a, b] = [0, 0];
  for (let round = 0; round < 40; round++) {
    for (let i = 0; i < loops.length; i++) {
      for (let n = 0; n < 300_000; n++) {
        b = (b * 3 + i) | 0;
        a = (a + b) | 0;
      }
    }
  }
  return a >>> 0;
}
const kernel = writeTestFile(
  'hot-loops.elf',
  smallKernel(`xor eax, eax
xor ebx, ebx
mov edi, 40
outer:
${loops.join('\n')}
dec edi
jnz outer
cmp eax, ${sum()}
mov eax, 5
je right
mov eax, 6
right:
out 0xf4, al
hlt`),
);
const run = async (...more: string[]) => {
  const args = ['run', kernel, '-m', '16M', '--serial', 'none', '--no-block-cache'];
  const { code, stderr } = await runCommand([...args, '--stats', 'json', ...more]);
  return { code, statistics: JSON.parse(stderr) };
};

describe('hot code', () => {
  it('is compiled by a helper beside the guest', async () => {
    const { code, statistics } = await run('--compile', 'worker');
    expect(code).toBe(11);
    const { regions, helper } = statistics;
    expect(regions.compiled).toBeGreaterThan(0);
    expect(helper.regions).toBeGreaterThanOrEqual(regions.compiled);
    expect(helper.answers).toBeGreaterThanOrEqual(regions.modules);
  });

  it('is compiled on the thread of the guest', async () => {
    const { code, statistics } = await run('--compile', 'thread');
    expect(code).toBe(11);
    expect(statistics.regions.compiled).toBeGreaterThan(0);
    expect(statistics.helper).toEqual({});
  });
});
