// Compares a native result with an emulated one, apart from what the manual leaves undefined, and
// prints a difference so that it can be understood without a debugger.

import { gprOf } from './native-case.js';
import {
  type ExecutionResult,
  GPR_NAMES,
  type NativeCase,
  type Outcome,
  SEGMENT_NAMES,
  WINDOW_ADDRESS,
  type WindowBytes,
} from './protocol.js';
import { initialWindow } from './window-memory.js';

/** CF PF AF ZF SF DF OF NT AC ID: the flags user code can see change. */
const COMPARED_FLAGS = 0x24_4cd5;
const FLAG_NAMES: readonly (readonly [number, string])[] = [
  ...([
    [0, 'CF'],
    [2, 'PF'],
    [4, 'AF'],
    [6, 'ZF'],
    [7, 'SF'],
    [8, 'TF'],
    [9, 'IF'],
  ] as const),
  ...([
    [10, 'DF'],
    [11, 'OF'],
    [14, 'NT'],
    [18, 'AC'],
    [21, 'ID'],
  ] as const),
];

/** A run of FXSAVE bytes. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** FOP, FIP, FCS, FDP, FDS: AMD keeps them only for pending exceptions, and Linux drops FCS/FDS. */
export const X87_POINTERS: ByteRange = { offset: 6, length: 18 };

/** What of a result does not count. */
export interface CompareMask {
  readonly bits: 16 | 32 | 64;
  /** RFLAGS bits the instruction leaves undefined. */
  readonly undefinedFlags?: number;
  /** Register numbers left undefined (BSF of zero on some CPUs, …). */
  readonly undefinedRegisters?: readonly number[];
  /** Default: {@link X87_POINTERS}. */
  readonly ignoredFxsave?: readonly ByteRange[];
  /** Compare selectors too (default: only when the case sets one). */
  readonly segments?: boolean;
}

/** One field that differs, as text. */
export interface FieldDifference {
  readonly field: string;
  readonly before: string;
  readonly native: string;
  readonly emulated: string;
}

const hex = (value: number | bigint, digits: number): string =>
  value.toString(16).padStart(digits, '0');
const hexBytes = (bytes: Uint8Array): string => Array.from(bytes, (b) => hex(b, 2)).join(' ');
/** Lowest address first in the bytes, so print registers the other way round. */
const hexValue = (bytes: Uint8Array): string =>
  Array.from(bytes, (b) => hex(b, 2))
    .reverse()
    .join('');

function flagText(flags: number): string {
  const names = FLAG_NAMES.filter(([bit]) => (flags >>> bit) & 1).map(([, name]) => name);
  return `${hex(flags >>> 0, 6)} ${names.join(' ')}`.trim();
}

function endText(outcome: Outcome, vector: number, errorCode: number, address: number): string {
  if (outcome !== 'fault') return outcome;
  const code = hasErrorCode(vector) ? ` error ${hex(errorCode, 4)}` : '';
  return `vector ${vector}${code}${vector === 14 ? ` at ${hex(address, 8)}` : ''}`;
}

const FXSAVE_FIELDS: readonly (readonly [string, number, number])[] = [
  ...([
    ['fcw', 0, 2],
    ['fsw', 2, 2],
    ['ftw', 4, 1],
    ['fop', 6, 2],
    ['fip', 8, 8],
  ] as const),
  ...([
    ['fdp', 16, 8],
    ['mxcsr', 24, 4],
  ] as const),
  ...Array.from({ length: 8 }, (_, i) => [`st${i}`, 32 + i * 16, 10] as const),
  ...Array.from({ length: 16 }, (_, i) => [`xmm${i}`, 160 + i * 16, 16] as const),
];

const hasErrorCode = (vector: number): boolean => [8, 10, 11, 12, 13, 14, 17].includes(vector);

/** Whether two results agree in everything: quickly, and false in doubt. */
function areEqual(
  input: NativeCase,
  native: ExecutionResult,
  emulated: ExecutionResult,
  mask: CompareMask,
): boolean {
  const { vector } = native;
  const defined = COMPARED_FLAGS & ~(mask.undefinedFlags ?? 0);
  if (native.outcome !== emulated.outcome || vector !== emulated.vector) return false;
  if (hasErrorCode(vector) && native.errorCode !== emulated.errorCode) return false;
  if (vector === 14 && native.faultAddress !== emulated.faultAddress) return false;
  if (native.rip !== emulated.rip || ((native.rflags ^ emulated.rflags) & defined) !== 0)
    return false;
  if (input.bases && native.fsBase !== emulated.fsBase) return false;
  if (input.bases && native.gsBase !== emulated.gsBase) return false;
  for (let i = 0; i < 32; i++) if (native.gpr[i] !== emulated.gpr[i]) return false;
  for (let i = 0; i < 6; i++) if (native.segments[i] !== emulated.segments[i]) return false;
  const ignored = mask.ignoredFxsave ?? [X87_POINTERS];
  for (let i = 0; i < native.fxsave.length; i++) {
    if (native.fxsave[i] === emulated.fxsave[i]) continue;
    if (!ignored.some(({ offset, length }) => i >= offset && i < offset + length)) return false;
  }
  return (
    native.changes.length === emulated.changes.length &&
    native.changes.every(({ offset, bytes }, i) => {
      const other = emulated.changes[i];
      return (
        other.offset === offset &&
        other.bytes.length === bytes.length &&
        bytes.every((byte, k) => byte === other.bytes[k])
      );
    })
  );
}

/** The fields in which two results differ, empty when they agree. */
export function differences(
  input: NativeCase,
  native: ExecutionResult,
  emulated: ExecutionResult,
  mask: CompareMask,
): FieldDifference[] {
  const found: FieldDifference[] = [];
  const add = (field: string, before: string, n: string, e: string): void => {
    if (n !== e) found.push({ field, before, native: n, emulated: e });
  };
  const end = (r: ExecutionResult): string =>
    endText(r.outcome, r.vector, r.errorCode, r.faultAddress);
  add('end', '', end(native), end(emulated));
  add('rip', hex(input.rip, 8), hex(native.rip, 8), hex(emulated.rip, 8));
  const long = mask.bits === 64;
  for (let i = 0; i < (long ? 16 : 8); i++) {
    if (mask.undefinedRegisters?.includes(i)) continue;
    const text = (gpr: Uint32Array): string => (long ? hex(gprOf(gpr, i), 16) : hex(gpr[i * 2], 8));
    add(
      long ? GPR_NAMES[i] : `e${GPR_NAMES[i].slice(1)}`,
      text(input.gpr),
      text(native.gpr),
      text(emulated.gpr),
    );
  }
  const defined = COMPARED_FLAGS & ~(mask.undefinedFlags ?? 0);
  add(
    'rflags',
    flagText(input.rflags & defined),
    flagText(native.rflags & defined),
    flagText(emulated.rflags & defined),
  );
  compareFxsave(input, native, emulated, mask, add);
  if (mask.segments ?? input.segments.some((selector) => selector !== 0xffff)) {
    for (let i = 0; i < 6; i++) {
      add(
        SEGMENT_NAMES[i],
        hex(input.segments[i], 4),
        hex(native.segments[i], 4),
        hex(emulated.segments[i], 4),
      );
    }
  }
  if (input.bases) {
    add('fs_base', hex(input.bases.fs, 8), hex(native.fsBase, 8), hex(emulated.fsBase, 8));
    add('gs_base', hex(input.bases.gs, 8), hex(native.gsBase, 8), hex(emulated.gsBase, 8));
  }
  compareMemory(input, native.changes, emulated.changes, add);
  return found;
}

type Add = (field: string, before: string, native: string, emulated: string) => void;

function compareFxsave(
  input: NativeCase,
  native: ExecutionResult,
  emulated: ExecutionResult,
  mask: CompareMask,
  add: Add,
): void {
  const ignored = mask.ignoredFxsave ?? [X87_POINTERS];
  const counted = (image: Uint8Array): Uint8Array => {
    const copy = image.slice();
    for (const { offset, length } of ignored) copy.fill(0, offset, offset + length);
    return copy;
  };
  const [before, n, e] = [counted(input.fxsave), counted(native.fxsave), counted(emulated.fxsave)];
  for (const [name, at, length] of FXSAVE_FIELDS) {
    if (mask.bits !== 64 && at >= 288) break;
    const text = (image: Uint8Array): string => hexValue(image.subarray(at, at + length));
    add(name, text(before), text(n), text(e));
  }
}

function compareMemory(
  input: NativeCase,
  native: readonly WindowBytes[],
  emulated: readonly WindowBytes[],
  add: Add,
): void {
  if (native.length === 0 && emulated.length === 0) return;
  const before = initialWindow(input.seed, input.patches);
  const apply = (changes: readonly WindowBytes[]): Uint8Array => {
    const image = before.slice();
    for (const { offset, bytes } of changes) image.set(bytes, offset);
    return image;
  };
  const [n, e] = [apply(native), apply(emulated)];
  for (let at = 0, shown = 0; at < n.length && shown < 8; at++) {
    if (n[at] === e[at]) continue;
    const end = Math.min(at + 16, n.length);
    const text = (image: Uint8Array): string => hexBytes(image.subarray(at, end));
    add(`[${hex(WINDOW_ADDRESS + at, 8)}]`, text(before), text(n), text(e));
    at = end - 1;
    shown++;
  }
}

/**
 * The difference of two results as text: the instruction, its inputs and each differing field.
 * @returns undefined when they agree under the mask
 */
export function describeDifference(
  name: string,
  input: NativeCase,
  native: ExecutionResult,
  emulated: ExecutionResult,
  mask: CompareMask,
): string | undefined {
  if (areEqual(input, native, emulated, mask)) return undefined;
  const found = differences(input, native, emulated, mask);
  if (found.length === 0) return undefined;
  const width = Math.max(...found.map(({ field }) => field.length));
  const long = mask.bits === 64;
  const registers = Array.from({ length: long ? 16 : 8 }, (_, i) => {
    const value = long ? hex(gprOf(input.gpr, i), 16) : hex(input.gpr[i * 2], 8);
    return `${GPR_NAMES[i]}=${value}`;
  });
  const lines = [
    `${name}: ${hexBytes(input.code)} (${mask.bits}-bit) differs in ${found.map((d) => d.field).join(', ')}`,
    `  input  rflags ${flagText(input.rflags)}; seed ${input.seed}; second page ${input.protection}`,
    ...[0, 4, 8, 12]
      .filter((i) => i < registers.length)
      .map((i) => `         ${registers.slice(i, i + 4).join(' ')}`),
    ...input.patches.map(
      (p) =>
        `         [${hex(WINDOW_ADDRESS + p.offset, 8)}] = ${hexBytes(p.bytes.subarray(0, 32))}`,
    ),
  ];
  for (const d of found) {
    lines.push(`  ${d.field.padEnd(width)}  before   ${d.before}`);
    lines.push(`  ${' '.repeat(width)}  native   ${d.native}`);
    lines.push(`  ${' '.repeat(width)}  emulated ${d.emulated}`);
  }
  return lines.join('\n');
}
