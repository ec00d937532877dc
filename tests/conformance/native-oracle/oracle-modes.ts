// The modes in which forms are compared: what code size, and which segments of which bases and limits. 16-bit and segmented code
// run in the 32-bit harness under LDT segments (SDM vol. 3A §3.4.5); the window lies at WINDOW_ADDRESS - dataBase in them.
import type { CodeBits } from '../../../packages/vcpu-x86/src/isa/instruction.js';
import {
  CODE_ADDRESS,
  type LdtDescriptor,
  ldtSelector,
  SEGMENT_DEFAULT,
  WINDOW_ADDRESS,
} from './protocol.js';

/** A segment as an override sees it. */
export interface OverrideSegment {
  readonly base: number;
  /** The window can be reached with 16-bit addresses. */
  readonly isLow: boolean;
}

export interface OracleMode {
  readonly name: '16-bit' | '32-bit' | '32-bit segmented' | '64-bit';
  readonly bits: CodeBits;
  /** Which harness runs it. */
  readonly harness: 32 | 64;
  readonly stackBits: 16 | 32 | 64;
  readonly dataBase: number;
  readonly codeBase: number;
  /** Six selectors; undefined: all as the kernel gave them. */
  readonly segments: Uint16Array | undefined;
  /** Bases of FS and GS, 64-bit only. */
  readonly bases: { readonly fs: number; readonly gs: number } | undefined;
  /** By segment number. */
  readonly overrides: readonly OverrideSegment[];
}

const DATA_BASE: number = WINDOW_ADDRESS - 0x4000;
const CODE_BASE: number = CODE_ADDRESS - 0x1000;
const data = { base: DATA_BASE, code: false };

/** LDT entries, by index. Limits that cut the window make some accesses exceed them. */
export const descriptors: readonly LdtDescriptor[] = [
  { base: CODE_BASE, limit: 0xffff, big: false, code: true },
  { ...data, limit: 0xffff, big: false },
  { ...data, limit: 0x5f7e, big: false },
  { ...data, limit: 0x4003, big: false, expandDown: true },
  { ...data, limit: 0xffff, big: true, restricted: true },
  { base: CODE_BASE, limit: 0x1ffff, big: true, code: true },
  { ...data, limit: 0xffff, big: true },
  { ...data, limit: 0x5f7e, big: true },
  { ...data, limit: 0x4003, big: true, expandDown: true },
  { ...data, limit: 0xffff, big: true, notPresent: true },
  { base: CODE_BASE, limit: 0xffff, big: true, code: true, restricted: true },
  // Linux lets no conforming segment be present.
  { base: CODE_BASE, limit: 0xffff, big: true, code: true, conforming: true, notPresent: true },
];
const [cs16, data16, short16, down16, readOnly, cs32, data32, short32, down32] = Array.from(
  { length: 12 },
  (_, i) => ldtSelector(i),
);

const low: OverrideSegment = { base: DATA_BASE, isLow: true };
const flat: OverrideSegment = { base: 0, isLow: false };
/** CS of segmented code: reads through it reach no window. */
const code: OverrideSegment = { base: CODE_BASE, isLow: false };
const D = SEGMENT_DEFAULT;
/** Any bases will do; GS's lies above 4 GiB. */
const bases = { fs: 0x1234_5670, gs: 0x2345_6789_a000 };

export const oracleModes: readonly OracleMode[] = [
  {
    ...{ name: '16-bit', bits: 16, harness: 32, stackBits: 16 },
    ...{ dataBase: DATA_BASE, codeBase: CODE_BASE, bases: undefined },
    segments: Uint16Array.of(data16, cs16, data16, short16, down16, readOnly),
    overrides: [low, code, low, low, low, low],
  },
  {
    ...{ name: '32-bit', bits: 32, harness: 32, stackBits: 32 },
    ...{ dataBase: 0, codeBase: 0, bases: undefined },
    segments: Uint16Array.of(D, D, D, D, data32, readOnly),
    overrides: [flat, flat, flat, flat, low, low],
  },
  {
    ...{ name: '32-bit segmented', bits: 32, harness: 32, stackBits: 32 },
    ...{ dataBase: DATA_BASE, codeBase: CODE_BASE, bases: undefined },
    segments: Uint16Array.of(data32, cs32, data32, short32, down32, readOnly),
    overrides: [low, code, low, low, low, low],
  },
  {
    ...{ name: '64-bit', bits: 64, harness: 64, stackBits: 64 },
    ...{ dataBase: 0, codeBase: 0, segments: undefined, bases },
    overrides: [
      flat,
      flat,
      flat,
      flat,
      { base: bases.fs, isLow: false },
      { base: bases.gs, isLow: false },
    ],
  },
];

/** Selectors worth loading in this mode: usable, null, privileged, beyond the tables, of each kind of LDT segment. */
export function selectorsToLoad(mode: OracleMode): readonly number[] {
  // 64-bit code cannot be entered by the 32-bit harness, and entry 15 of the GDT holds the number of a CPU.
  const global = [0, 3, 0x2b, 0x23, 0x10, 0x18, 0x80, 0xfff8, 0x28];
  if (mode.bits === 64) return [...global, 0x33, 7, 0x1f];
  return [...global, ...descriptors.map((_, i) => ldtSelector(i)), data32 & ~3, 0x1fff];
}
