// The reference evaluator's vector operations, lane by lane (WebAssembly core specification 2.0 §4.3.3). A v128 is 16 bytes,
// little-endian; lanes are computed as bigints, whatever their width, so one rule serves all shapes.
import type { IrValue } from './ir-value.js';

type Lanes = readonly bigint[];

/** Evaluates a vector operation by its WebAssembly name. */
export function evaluateSimd(
  name: string,
  args: readonly IrValue[],
  lanes: readonly number[],
): IrValue {
  const dot = name.indexOf('.');
  const shape = name.slice(0, dot);
  const op = name.slice(dot + 1);
  const result = shape === 'v128' ? bitwise(op, args) : laneWise(shape, op, args, lanes);
  if (result === null)
    throw new Error(`the evaluator does not know ${name} (${args.length} arguments)`);
  return result;
}

const bytes = (v: IrValue): Uint8Array => v as Uint8Array;
const anyTrue = (v: Uint8Array): boolean => v.some((byte) => byte !== 0);

function bitwise(op: string, args: readonly IrValue[]): IrValue | null {
  const a = bytes(args[0]);
  const c = args.length > 1 ? bytes(args[1]) : a;
  switch (op) {
    case 'any_true':
      return anyTrue(a) ? 1 : 0;
    case 'not':
      return a.map((v) => ~v);
    case 'and':
      return a.map((v, i) => v & c[i]);
    case 'andnot':
      return a.map((v, i) => v & ~c[i]);
    case 'or':
      return a.map((v, i) => v | c[i]);
    case 'xor':
      return a.map((v, i) => v ^ c[i]);
    case 'bitselect': {
      const mask = bytes(args[2]);
      return a.map((v, i) => (v & mask[i]) | (c[i] & ~mask[i]));
    }
    default:
      return null;
  }
}

function unpack(v: IrValue, width: number, signed: boolean): Lanes {
  const source = bytes(v);
  const step = width / 8;
  return Array.from({ length: 128 / width }, (_, lane) => {
    let value = 0n;
    for (let i = step - 1; i >= 0; i--) value = (value << 8n) | BigInt(source[lane * step + i]);
    return signed ? BigInt.asIntN(width, value) : value;
  });
}

function pack(lanes: Lanes, width: number): Uint8Array {
  const target = new Uint8Array(16);
  const step = width / 8;
  for (let lane = 0; lane < lanes.length; lane++) {
    let value = BigInt.asUintN(width, lanes[lane]);
    for (let i = 0; i < step; i++, value >>= 8n) target[lane * step + i] = Number(value & 0xffn);
  }
  return target;
}

const clamp = (v: bigint, low: bigint, high: bigint): bigint =>
  v < low ? low : v > high ? high : v;
function saturate(v: bigint, width: number, signed: boolean): bigint {
  const top = 1n << BigInt(signed ? width - 1 : width);
  return clamp(v, signed ? -top : 0n, top - 1n);
}

function laneWise(
  shape: string,
  op: string,
  args: readonly IrValue[],
  lanes: readonly number[],
): IrValue | null {
  if (shape.startsWith('f') || op === 'trunc_sat_f64x2_s_zero') return floating(shape, op, args);
  const width = Number(shape.slice(1, shape.indexOf('x')));
  const first = args[0];
  switch (op) {
    case 'shuffle': {
      const both = Uint8Array.of(...bytes(first), ...bytes(args[1]));
      return Uint8Array.from(lanes, (i) => both[i]);
    }
    case 'swizzle': {
      const a = bytes(first);
      return bytes(args[1]).map((i) => (i < 16 ? a[i] : 0));
    }
    case 'splat':
      return pack(new Array<bigint>(128 / width).fill(BigInt(first as number)), width);
    case 'extract_lane':
    case 'extract_lane_u':
    case 'extract_lane_s': {
      const signed = op === 'extract_lane_s' || width >= 32;
      const value = unpack(first, width, signed)[lanes[0]];
      return width === 64 ? value : Number(value);
    }
    case 'replace_lane': {
      const all = [...unpack(first, width, false)];
      all[lanes[0]] = BigInt(args[1] as number);
      return pack(all, width);
    }
    case 'shl':
    case 'shr_s':
    case 'shr_u': {
      const count = BigInt((args[1] as number) & (width - 1));
      const values = unpack(first, width, op === 'shr_s');
      return pack(
        values.map((v) => (op === 'shl' ? v << count : v >> count)),
        width,
      );
    }
    case 'all_true':
      return unpack(first, width, false).every((v) => v !== 0n) ? 1 : 0;
    case 'bitmask':
      return unpack(first, width, true).reduce(
        (mask, v, i) => (v < 0n ? mask | (1 << i) : mask),
        0,
      );
  }
  return resized(op, args, width) ?? perLane(op, args, width);
}

/** Operations between lanes of two widths: `narrow_i16x8_u`, `extend_low_i8x16_s`, `extmul_high_i16x8_u`, … */
function resized(op: string, args: readonly IrValue[], width: number): Uint8Array | null {
  const match =
    /^(narrow|extend|extmul|extadd|dot)(?:_(low|high|pairwise))?_i(\d+)x\d+_([su])$/.exec(op);
  if (!match) return null;
  const [, kind, half, from, sign] = match;
  const sourceWidth = Number(from);
  // Narrowing reads its lanes as signed, whatever it saturates to.
  const signed = sign === 's' || kind === 'narrow';
  const sources = args.map((a) => unpack(a, sourceWidth, signed));
  if (kind === 'narrow') {
    const both = [...sources[0], ...sources[1]];
    return pack(
      both.map((v) => saturate(v, width, sign === 's')),
      width,
    );
  }
  const a = sources[0];
  const count = 128 / width;
  if (kind === 'extadd') {
    return pack(
      Array.from({ length: count }, (_, i) => a[2 * i] + a[2 * i + 1]),
      width,
    );
  }
  if (kind === 'dot') {
    const c = sources[1];
    return pack(
      Array.from({ length: count }, (_, i) => a[2 * i] * c[2 * i] + a[2 * i + 1] * c[2 * i + 1]),
      width,
    );
  }
  const start = half === 'high' ? count : 0;
  const part = (v: Lanes): Lanes => v.slice(start, start + count);
  if (kind === 'extend') return pack(part(a), width);
  const c = part(sources[1]);
  return pack(
    part(a).map((v, i) => v * c[i]),
    width,
  );
}

function perLane(op: string, args: readonly IrValue[], width: number): Uint8Array | null {
  const unsigned = op.endsWith('_u');
  const a = unpack(args[0], width, !unsigned);
  if (op === 'abs')
    return pack(
      a.map((v) => (v < 0n ? -v : v)),
      width,
    );
  if (op === 'neg')
    return pack(
      a.map((v) => -v),
      width,
    );
  if (args.length !== 2) return null;
  const c = unpack(args[1], width, !unsigned);
  const of = binary(op, width);
  return (
    of &&
    pack(
      a.map((v, i) => of(v, c[i])),
      width,
    )
  );
}

const mask = (holds: boolean): bigint => (holds ? -1n : 0n);
function binary(op: string, width: number): ((a: bigint, c: bigint) => bigint) | null {
  switch (op) {
    case 'add':
      return (a, c) => a + c;
    case 'sub':
      return (a, c) => a - c;
    case 'mul':
      return (a, c) => a * c;
    case 'add_sat_s':
      return (a, c) => saturate(a + c, width, true);
    case 'add_sat_u':
      return (a, c) => saturate(a + c, width, false);
    case 'sub_sat_s':
      return (a, c) => saturate(a - c, width, true);
    case 'sub_sat_u':
      return (a, c) => saturate(a - c, width, false);
    case 'avgr_u':
      return (a, c) => (a + c + 1n) >> 1n;
    case 'q15mulr_sat_s':
      return (a, c) => saturate((a * c + 0x4000n) >> 15n, width, true);
    case 'min_s':
    case 'min_u':
      return (a, c) => (a < c ? a : c);
    case 'max_s':
    case 'max_u':
      return (a, c) => (a > c ? a : c);
    case 'eq':
      return (a, c) => mask(a === c);
    case 'ne':
      return (a, c) => mask(a !== c);
    case 'lt_s':
    case 'lt_u':
      return (a, c) => mask(a < c);
    case 'gt_s':
    case 'gt_u':
      return (a, c) => mask(a > c);
    case 'le_s':
    case 'le_u':
      return (a, c) => mask(a <= c);
    case 'ge_s':
    case 'ge_u':
      return (a, c) => mask(a >= c);
    default:
      return null;
  }
}

/** Floating-point operations round to nearest; what NaN they yield is WebAssembly's choice, so IR must not let it show. */
function floating(shape: string, op: string, args: readonly IrValue[]): Uint8Array | null {
  const [a, c] = args.map((v) => new DataView(bytes(v).slice().buffer));
  const result = new DataView(new ArrayBuffer(16));
  const isDouble = shape !== 'f32x4';
  const step = isDouble ? 8 : 4;
  const at = (v: DataView, i: number): number =>
    isDouble ? v.getFloat64(i, true) : v.getFloat32(i, true);
  for (let i = 0; i < 16; i += step) {
    if (op === 'convert_low_i32x4_s') {
      result.setFloat64(i, a.getInt32(i / 2, true), true);
    } else if (op === 'promote_low_f32x4') {
      result.setFloat64(i, a.getFloat32(i / 2, true), true);
    } else if (op === 'demote_f64x2_zero') {
      if (i < 8) result.setFloat32(i, a.getFloat64(i * 2, true), true);
    } else if (op === 'trunc_sat_f64x2_s_zero') {
      const value = Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, Math.trunc(at(a, i))));
      result.setInt32(i / 2, Number.isNaN(value) ? 0 : value, true);
    } else if (op === 'eq' || op === 'lt') {
      const holds = op === 'eq' ? at(a, i) === at(c, i) : at(a, i) < at(c, i);
      for (let k = 0; k < step; k++) result.setInt8(i + k, holds ? -1 : 0);
    } else {
      const value = arithmetic(op, at(a, i), c ? at(c, i) : 0);
      if (value === null) return null;
      if (isDouble) result.setFloat64(i, value, true);
      else result.setFloat32(i, value, true);
    }
  }
  return new Uint8Array(result.buffer);
}

/** Of single precision too: rounding the double result once more is right for these five. */
function arithmetic(op: string, a: number, c: number): number | null {
  switch (op) {
    case 'add':
      return a + c;
    case 'sub':
      return a - c;
    case 'mul':
      return a * c;
    case 'div':
      return a / c;
    case 'sqrt':
      return Math.sqrt(a);
    default:
      return null;
  }
}
