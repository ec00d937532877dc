// The ordinary cases of scalar SSE arithmetic against the routines that stand behind them: the same state page, whatever the operands.
import { describe, expect, it } from 'vitest';
import type { Core } from '../core.js';
import { CPU_FAULT } from '../fault.js';
import { routines } from '../routines/table.js';
import { fastRoutines } from '../semantics/fast-table.js';
import { sseFastRoutines } from '../semantics/sse-fast.js';
import { MXCSR, SCRATCH, STATE_SIZE, XMM } from '../state/layout.js';
import { VcpuState } from '../state/vcpu-state.js';
import { fastName } from '../wasm/import-names.js';
import { fastImports } from './fast-routines.js';

const memory = new WebAssembly.Memory({ initial: 1 });
const [plain, fast] = [0, STATE_SIZE].map((base) => new VcpuState(memory, base));
/** What generated code gets of a routine. */
function outcome(state: VcpuState, name: string, args: readonly number[]): number {
  try {
    return routines[name]({ state } as Core, ...args);
  } catch (e) {
    if (e !== CPU_FAULT) throw e;
    return -1;
  }
}
/** Calm; nothing recorded; flushing denormals and taking them for zero; rounding down; inexactness unmasked. */
const CALM = 0x1fa0;
const controls = [CALM, 0x1f80, 0x9fe0, 0x3fa0, 0x0fa0];
const magnitudes = {
  64: [
    ...[0n, 1n, 0x000fffffffffffffn, 0x0010000000000000n, 0x3ff0000000000000n],
    ...[0x3ff0000000000001n, 0x4000000000000000n, 0x7fe0000000000000n, 0x7fefffffffffffffn],
    ...[0x7ff0000000000000n, 0x7ff0000000000001n, 0x7ff8000000000000n],
  ],
  32: [
    ...[0n, 1n, 0x007fffffn, 0x00800000n, 0x3f800000n, 0x3f800001n, 0x40000000n, 0x7f000000n],
    ...[0x7f7fffffn, 0x7f800000n, 0x7f800001n, 0x7fc00000n],
  ],
};

describe('scalar arithmetic', () => {
  let slow = 0;
  const env: Record<string, WebAssembly.ImportValue> = { memory };
  for (const name of Object.keys(fastRoutines)) {
    env[name] = (...args: number[]) => {
      slow++;
      return outcome(fast, name, args);
    };
  }
  const functions = fastImports(env);

  it.each(Object.keys(sseFastRoutines))('%s leaves what the routine leaves', (name) => {
    const bits = name.endsWith('D') ? 64 : 32;
    const numbers = magnitudes[bits].flatMap((m) => [m, m | (1n << BigInt(bits - 1))]);
    const isZero = (v: bigint): boolean => BigInt.asUintN(bits - 1, v) === 0n;
    const run = functions[fastName(name)] as (...all: number[]) => number;
    const destination = XMM + 3 * 16;
    let [cases, zeros] = [0, 0];
    slow = 0;
    for (const mxcsr of controls) {
      for (const a of numbers) {
        for (const c of numbers) {
          plain.u8.fill(0x5a, 0, STATE_SIZE);
          plain.set(MXCSR, mxcsr);
          plain.view.setBigUint64(destination, a | (bits === 32 ? 0x1234567800000000n : 0n), true);
          plain.view.setBigUint64(SCRATCH, c, true);
          plain.u8.copyWithin(STATE_SIZE, 0, STATE_SIZE);
          const expected = outcome(plain, name, [destination, SCRATCH]);
          expect(run(STATE_SIZE, destination, SCRATCH)).toBe(expected);
          const [p, f] = [plain, fast].map((s) => s.u8.subarray(s.base, s.base + STATE_SIZE));
          if (Buffer.compare(p, f) !== 0)
            expect(Array.from(f), `${a} ${c} under ${mxcsr}`).toEqual(Array.from(p));
          cases++;
          if (mxcsr === CALM && isZero(a) && isZero(c)) zeros++;
        }
      }
    }
    // Zeros of zeros are done at least, but for a quotient of them.
    if (!name.startsWith('DIV')) expect(cases - slow).toBeGreaterThanOrEqual(zeros);
    expect(slow).toBeLessThan(cases);
  });
});
