// Fast routines against the routines they stand in front of: the same x87 state, whatever the operands.
import { describe, expect, it } from 'vitest';
import type { Core } from '../core.js';
import { routines } from '../routines/table.js';
import { fastRoutines } from '../semantics/fast-table.js';
import { x87FastRoutines } from '../semantics/x87-fast.js';
import {
  FPU_CONTROL,
  FPU_REGISTERS,
  FPU_STATUS,
  FPU_TAG,
  SCRATCH,
  STATE_SIZE,
} from '../state/layout.js';
import { VcpuState } from '../state/vcpu-state.js';
import { STORE } from '../state/x87-bits.js';
import { fastName } from '../wasm/import-names.js';
import { fastImports } from './fast-routines.js';

const ROUNDS = 15_000;
const memory = new WebAssembly.Memory({ initial: 1 });
const [plain, fast] = [0, STATE_SIZE].map((base) => new VcpuState(memory, base));

let seed = 1;
/** Unsigned below `n` (mulberry32). */
function below(n: number): number {
  seed = (seed + 0x6d2b79f5) >>> 0;
  let t = Math.imul(seed ^ (seed >>> 15), seed | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) % n;
}
const bits = (n: bigint): bigint =>
  ((BigInt(below(0x10000)) << 48n) |
    (BigInt(below(0x10000)) << 32n) |
    (BigInt(below(0x10000)) << 16n) |
    BigInt(below(0x10000))) >>
  (64n - n);
/** Significands near ties and carries as often as any. */
function significand(): bigint {
  const v = [
    () => bits(64n),
    () => bits(8n) << 56n,
    () => (1n << 64n) - 1n - bits(4n),
    () => bits(53n) << 11n,
    () => (bits(53n) << 11n) | 0x400n,
    () => (1n << 63n) | bits(3n),
  ][below(6)]();
  return below(50) === 0 ? v : v | (1n << 63n);
}
function exponent(near: number): number {
  return [
    () => near + below(5) - 2,
    () => near + below(140) - 70,
    () => near + below(2200) - 1100,
    () => below(0x8000),
    () => [0, 1, 2, 0x7ffe, 0x7fff][below(5)],
  ][below(20) === 0 ? 3 + below(2) : below(3)]();
}
function draw(): void {
  const control = below(8) === 0 ? 0x40 | (below(64) & 0x3f) | (below(16) << 8) : 0x37f;
  plain.set(FPU_CONTROL, control);
  plain.set(FPU_STATUS, (below(8) << 11) | (below(2) << 9) | (below(2) * 0x4120));
  // Mostly four registers full from the top on.
  const top = (plain.get(FPU_STATUS) >> 11) & 7;
  let tags = 0xffff;
  for (let i = 0; i < 4; i++) tags &= ~(3 << (((top + i) & 7) * 2));
  plain.set(FPU_TAG, below(10) === 0 ? tags ^ (3 << (below(8) * 2)) : tags);
  for (let i = 0; i < 8; i++) {
    const at = FPU_REGISTERS + i * 16;
    const isZero = below(30) === 0;
    plain.view.setBigUint64(at, isZero ? 0n : significand(), true);
    plain.setU16(at + 8, (below(2) << 15) | (isZero ? 0 : exponent(0x3fff) & 0x7fff));
  }
}
const double = (): bigint =>
  below(30) === 0
    ? bits(1n) << 63n
    : (bits(1n) << 63n) | (BigInt(1023 + below(40) - 20) << 52n) | (bits(52n) & -(1n << bits(5n)));

/** Arguments as instructions pass them. */
const argumentsOf: Readonly<Record<string, () => number[]>> = {
  x87Arithmetic: () => {
    const i = below(4);
    const [target, source] = below(2) ? [0, i] : [i, 0];
    return [[0, 1, 4, 5, 6, 7][below(6)], target, source, below(2)];
  },
  x87ArithmeticFloat32: () => [below(8), 0x3f800000 + below(0x2000000) - 0x1000000],
  x87ArithmeticFloat64: () => {
    const v = double();
    return [below(8), Number(BigInt.asIntN(32, v)), Number(v >> 32n) | 0];
  },
  x87ArithmeticInteger: () => [below(8), below(3) ? below(2000) - 1000 : below(0x100000000) | 0],
  x87LoadFloat32: () => [below(0x100000000) | 0],
  x87LoadFloat64: () => {
    const v = below(2) ? double() : bits(64n);
    return [Number(BigInt.asIntN(32, v)), Number(v >> 32n) | 0];
  },
  x87LoadInt32: () => [below(20) ? below(0x100000000) | 0 : 0],
  x87LoadRegister: () => [below(5)],
  x87StoreRegister: () => [below(8), below(2), below(2)],
  x87Exchange: () => [below(5)],
  x87ToFloat32: () => [],
  x87ToFloat64: () => [],
  x87Stored: () => [(below(8) ? STORE : 0) | below(64) | (below(2) << 9), below(2)],
};

describe('fast routines', () => {
  let slow = 0;
  const env: Record<string, WebAssembly.ImportValue> = { memory };
  for (const name of Object.keys(fastRoutines)) {
    env[name] = (...args: number[]) => {
      slow++;
      return routines[name]({ state: fast } as Core, ...args);
    };
  }
  const functions = fastImports(env);

  it.each(Object.keys(x87FastRoutines))(
    '%s leaves what the routine leaves',
    (name) => {
      slow = 0;
      for (let round = 0; round < ROUNDS; round++) {
        draw();
        plain.u8.copyWithin(STATE_SIZE, 0, STATE_SIZE);
        const args = argumentsOf[name]();
        const before = Array.from(plain.u8.subarray(FPU_CONTROL, FPU_REGISTERS + 128));
        const run = functions[fastName(name)] as (...all: number[]) => number;
        const results = [
          routines[name]({ state: plain } as Core, ...args),
          run(STATE_SIZE, ...args),
        ];
        const from = name.startsWith('x87To') ? SCRATCH : FPU_CONTROL;
        const to =
          name === 'x87ToFloat32'
            ? SCRATCH + 4
            : from === SCRATCH
              ? SCRATCH + 8
              : FPU_REGISTERS + 128;
        const [a, c] = [plain, fast].map((s) => s.u8.subarray(s.base + from, s.base + to));
        if (results[0] !== results[1] || Buffer.compare(a, c) !== 0) {
          const text = `${name}(${args}) round ${round}`;
          expect({ results: results[1], bytes: Array.from(c) }, `${text} of ${before}`).toEqual({
            results: results[0],
            bytes: Array.from(a),
          });
        }
      }
      // Else there is nothing fast about it.
      expect(slow).toBeLessThan(ROUNDS * 0.8);
    },
    60_000,
  );
});
