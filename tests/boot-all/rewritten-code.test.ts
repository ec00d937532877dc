// A guest that writes code and runs it without end, over 1,024 pages: what is kept of code that is gone must not add up. MINUTES=… watches
// it for another time than ten.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { runCommand, smallKernel, writeTestFile } from '../boot/run-command.js';

const MINUTES = Number(process.env['MINUTES'] ?? 10);
const SAMPLE_MS = 10_000;
const WARM_UP_MS = 60_000;
/** By then as much compiled code is kept as ever will be, in memory and on disk. */
const WARM_UP_ROUNDS = 100;
const WARM_UP_LIMIT_MS = 1_200_000;
/** How far the process's memory may move from then on: V8 frees compiled code by and by. */
const BAND_MIB = 96;

/**
 * Each page gets a function of its own, at a place of its own, that is seen nowhere else: a loop over `ADD EAX, imm32; XOR EAX, imm32`.
 * One of four runs often enough to be compiled, and the first bytes of every eighth are changed once more while it is hot.
 */
const guest = `
xor ebx, ebx
round:
mov edi, 0x400000
page:
inc ebx
mov esi, ebx
shl esi, 5
and esi, 0xfc0
add esi, edi
mov ecx, 100
test ebx, 3
jnz short_one
mov ecx, 40000
short_one:
mov byte [esi], 0xb9
mov [esi+1], ecx
mov byte [esi+5], 0x05
mov [esi+6], ebx
mov byte [esi+10], 0x35
imul edx, ebx, 0x9e3779b1
mov [esi+11], edx
mov dword [esi+15], 0xc3f37549
call esi
test ebx, 7
jnz next
mov [esi+6], edx
call esi
next:
add edi, 0x1000
cmp edi, 0x800000
jb page
mov dx, 0x3f8
mov al, '.'
out dx, al
jmp round`;

it(
  `the memory of a guest that rewrites and runs code stays within ${BAND_MIB} MiB for ${MINUTES} minutes`,
  async () => {
    const kernel = writeTestFile('rewriting.bin', smallKernel(guest));
    const startMs = performance.now();
    const samples: number[] = [];
    let rounds = 0;
    let timer: NodeJS.Timeout | null = null;
    const result = await runCommand(['run', kernel, '-m', '64M', '--expect', 'never printed'], {
      input: { open: true },
      limitMs: MINUTES * 60_000 + WARM_UP_LIMIT_MS,
      onOutput: (stdout, child) => {
        rounds = stdout.length;
        timer ??= setInterval(() => {
          const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
          const residentMib = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
          const passedMs = performance.now() - startMs;
          if (passedMs > WARM_UP_MS && rounds > WARM_UP_ROUNDS) samples.push(residentMib);
          if (samples.length > (MINUTES * 60_000) / SAMPLE_MS) child.kill('SIGTERM');
        }, SAMPLE_MS);
      },
    });
    if (timer) clearInterval(timer);
    const [least, most] = [Math.min(...samples), Math.max(...samples)];
    console.log(
      `${rounds} rounds; resident from ${least.toFixed()} to ${most.toFixed()} MiB: ${samples.map((mib) => mib.toFixed()).join(' ')}`,
    );
    expect(result.code).toBe(143);
    expect(rounds).toBeGreaterThan(WARM_UP_ROUNDS);
    expect(most - least).toBeLessThan(BAND_MIB);
  },
  MINUTES * 60_000 + WARM_UP_LIMIT_MS + 60_000,
);
