// Makes cases by hand: a default state with only the interesting parts named.
import {
  CODE_ADDRESS,
  FXSAVE_BYTES,
  GPR_NAMES,
  type NativeCase,
  SEGMENT_DEFAULT,
  SEGMENT_NAMES,
  WINDOW_ADDRESS,
} from './protocol.js';

type GprName = (typeof GPR_NAMES)[number];
type SegmentName = (typeof SEGMENT_NAMES)[number];

/** What a hand-written case may name; the rest is zero, RSP in mid-window, FPU and SSE reset. */
export interface CaseParts extends Partial<Omit<NativeCase, 'code' | 'gpr' | 'segments'>> {
  readonly code: ArrayLike<number>;
  readonly registers?: Partial<Record<GprName, number | bigint>>;
  readonly segments?: Partial<Record<SegmentName, number>>;
}

/** FXSAVE image after FNINIT with MXCSR = 1F80h and all data registers zero. */
export function resetFxsave(): Uint8Array {
  const image = new Uint8Array(FXSAVE_BYTES);
  const view = new DataView(image.buffer);
  view.setUint16(0, 0x37f, true);
  view.setUint32(24, 0x1f80, true);
  return image;
}

/** Writes a 64-bit value (a number is sign-extended) into a `gpr` array. */
export function setGpr(gpr: Uint32Array, index: number, value: number | bigint): void {
  const wide = BigInt.asUintN(64, BigInt(value));
  gpr[index * 2] = Number(wide & 0xffff_ffffn);
  gpr[index * 2 + 1] = Number(wide >> 32n);
}

/** Reads register `index` of a `gpr` array as an unsigned 64-bit value. */
export function gprOf(gpr: Uint32Array, index: number): bigint {
  return (BigInt(gpr[index * 2 + 1]) << 32n) | BigInt(gpr[index * 2]);
}

/** A complete case from its interesting parts. */
export function nativeCase(parts: CaseParts): NativeCase {
  const gpr = new Uint32Array(32);
  setGpr(gpr, 4, WINDOW_ADDRESS + 0x1000);
  for (const [name, value] of Object.entries(parts.registers ?? {})) {
    setGpr(gpr, GPR_NAMES.indexOf(name as GprName), value);
  }
  const segments = new Uint16Array(6).fill(SEGMENT_DEFAULT);
  for (const [name, selector] of Object.entries(parts.segments ?? {})) {
    segments[SEGMENT_NAMES.indexOf(name as SegmentName)] = selector;
  }
  return {
    ...{ rflags: 0x202, fxsave: resetFxsave(), seed: 0, patches: [], protection: 'read-write' },
    ...{ steps: 0, rip: CODE_ADDRESS, bases: undefined },
    ...parts,
    ...{ code: Uint8Array.from(parts.code), gpr, segments },
  };
}
