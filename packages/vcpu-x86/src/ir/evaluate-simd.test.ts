// The evaluator's vector operations against WebAssembly itself: every listed operation in a module of its own, on random and
// boundary operands.
import { describe, expect, it } from 'vitest';
import { FunctionWriter } from '../wasm/encoder.js';
import { ModuleWriter } from '../wasm/module.js';
import { SIMD, SIMD_LANES } from '../wasm/opcodes.js';
import { evaluateSimd } from './evaluate-simd.js';
import type { IrValue } from './ir-value.js';

type Kind = 'v128' | 'i32' | 'i64';

function signature(name: string): { args: Kind[]; result: Kind; lanes: number } {
  const [shape, op] = name.split('.');
  const scalar: Kind = shape === 'i64x2' ? 'i64' : 'i32';
  const width = Number(shape.slice(1, shape.indexOf('x')));
  const lanes = shape === 'v128' ? 0 : 128 / width;
  if (op === 'shuffle') return { args: ['v128', 'v128'], result: 'v128', lanes: 32 };
  if (op === 'splat') return { args: [scalar], result: 'v128', lanes: 0 };
  if (op.startsWith('extract_lane')) return { args: ['v128'], result: scalar, lanes };
  if (op === 'replace_lane') return { args: ['v128', scalar], result: 'v128', lanes };
  if (/^sh[lr]/.test(op)) return { args: ['v128', 'i32'], result: 'v128', lanes: 0 };
  if (/bitmask|_true/.test(op)) return { args: ['v128'], result: 'i32', lanes: 0 };
  if (/^(abs|neg|not|popcnt|extend|extadd|sqrt|convert|trunc|promote|demote)/.test(op))
    return { args: ['v128'], result: 'v128', lanes: 0 };
  if (op === 'bitselect') return { args: ['v128', 'v128', 'v128'], result: 'v128', lanes: 0 };
  return { args: ['v128', 'v128'], result: 'v128', lanes: 0 };
}

/** Memory: arguments at 0, 16, 32; the result goes to 48. */
function compile(name: string, lanes: readonly number[]): { memory: DataView; run: () => void } {
  const { args, result } = signature(name);
  const module = new ModuleWriter();
  const w = new FunctionWriter(0);
  w.i32Const(0);
  for (const [i, kind] of args.entries()) {
    w.i32Const(0);
    if (kind === 'v128') w.vectorMemory(false, i * 16);
    else w.memory(kind === 'i32' ? 0x28 : 0x29, i * 16);
  }
  w.vector(SIMD.get(name) ?? (SIMD_LANES.get(name) as number));
  for (const lane of lanes) w.u8(lane);
  if (result === 'v128') w.vectorMemory(true, 48);
  else w.memory(result === 'i32' ? 0x36 : 0x37, 48);
  module.add('run', [], [], w);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: false });
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(module.build()));
  const env: Record<string, Record<string, WebAssembly.ImportValue>> = {};
  for (const { module: from, name: what } of imports) {
    env[from] ??= {};
    env[from][what] = memory;
  }
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.build()), env);
  const exported = instance.exports as { run: () => void; memory?: WebAssembly.Memory };
  return { memory: new DataView((exported.memory ?? memory).buffer), run: exported.run };
}

let seed = 12345;
const random = (): number => {
  seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
  return (seed >>> 8) & 0xffff;
};
const boundary = [0, 0xff, 0x80, 0x7f, 1];
const drawByte = (): number => (random() % 3 === 0 ? boundary[random() % 5] : random() & 0xff);
const draw = (): Uint8Array => {
  const alike = random() % 4 === 0 ? drawByte() : -1;
  return Uint8Array.from({ length: 16 }, () => (alike >= 0 && random() % 4 ? alike : drawByte()));
};

/** One pattern for all NaNs of a floating-point result. */
function quieted(name: string, v: IrValue): IrValue {
  if (!/^f.*(add|sub|mul|div|sqrt|promote_low_f32x4|demote_f64x2_zero)$/.test(name)) return v;
  const view = new DataView((v as Uint8Array).slice().buffer);
  const single = name.startsWith('f32');
  for (let i = 0; i < 16; i += single ? 4 : 8) {
    if (single && Number.isNaN(view.getFloat32(i, true))) view.setInt32(i, 0x7fc00000, true);
    if (!single && Number.isNaN(view.getFloat64(i, true)))
      view.setBigInt64(i, 0x7ff8n << 48n, true);
  }
  return new Uint8Array(view.buffer);
}

describe('the evaluator agrees with WebAssembly', () => {
  it.each([...SIMD.keys(), ...SIMD_LANES.keys()])('on %s', (name) => {
    const { args, result, lanes: laneCount } = signature(name);
    for (let round = 0; round < 4; round++) {
      const count = laneCount === 32 ? 16 : laneCount > 0 ? 1 : 0;
      const lanes = Array.from({ length: count }, () => random() % laneCount);
      const { memory, run } = compile(name, lanes);
      const all = new Uint8Array(memory.buffer);
      for (let i = 0; i < 40; i++) {
        const raw = args.map((_, at) => {
          const v = draw();
          all.set(v, at * 16);
          return v;
        });
        const values = args.map((kind, at) => {
          if (kind === 'v128') return raw[at];
          return kind === 'i32'
            ? memory.getInt32(at * 16, true)
            : memory.getBigInt64(at * 16, true);
        });
        run();
        const evaluated = evaluateSimd(name, values, lanes);
        const expected =
          result === 'v128'
            ? all.slice(48, 64)
            : result === 'i32'
              ? memory.getInt32(48, true)
              : memory.getBigInt64(48, true);
        expect(quieted(name, evaluated)).toEqual(quieted(name, expected));
      }
    }
  });
});
