// The native oracle's wire format: one table of fields per record, from which both this file's
// encoder/decoder and the C header of harness.c are made, so an offset is written down nowhere.
//
// Invariants: all integers are little-endian; a case and a result keep the FXSAVE image, the
// registers and the tail at the same offsets; records are a multiple of 4 bytes long.
// FXSAVE image: SDM 1 §10.5.1. Register order: the encoding order of SDM 2 table 3-1.

/** Linear address of the instruction under test; its whole page and both neighbours hold INT3. */
export const CODE_ADDRESS = 0x1000_1000;
/** First byte of the three INT3 pages around {@link CODE_ADDRESS}. */
export const CODE_REGION_ADDRESS = 0x1000_0000;
export const CODE_REGION_BYTES = 0x3000;
/** Longest code of a case: one instruction is at most 15 bytes, a short sequence may be more. */
export const CODE_BYTES_MAX = 64;
/** Linear address of the data window; the pages around it are PROT_NONE. */
export const WINDOW_ADDRESS = 0x2000_0000;
export const WINDOW_BYTES = 0x2000;
export const FXSAVE_BYTES = 512;
/** Selector value that means "leave the segment register as the kernel gave it". */
export const SEGMENT_DEFAULT = 0xffff;

/** Order of `gpr`: register n is the words 2n (low) and 2n + 1 (high). */
export const GPR_NAMES = [
  ...['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi'],
  ...['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'],
] as const satisfies readonly string[];
/** Order of `segments`: the Sreg encoding of SDM 2 table 3-1. */
export const SEGMENT_NAMES = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'] as const satisfies string[];

/** What the second page of the data window allows; the first is always readable and writable. */
export type WindowProtection = 'read-write' | 'read-only' | 'none';
const PROTECTIONS: readonly WindowProtection[] = ['read-write', 'read-only', 'none'];

/** Bytes at an offset of the data window. */
export interface WindowBytes {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Everything an instruction may read: the input of one run. */
export interface NativeCase {
  /** The instruction, 1–15 bytes (up to {@link CODE_BYTES_MAX} for a sequence). */
  readonly code: Uint8Array;
  /** 32 words, see {@link GPR_NAMES}. */
  readonly gpr: Uint32Array;
  /** Bits a user program may set: status flags, DF, TF, AC, NT, ID. */
  readonly rflags: number;
  /** 512-byte FXSAVE image: x87/MMX, MXCSR, XMM. */
  readonly fxsave: Uint8Array;
  /** The window's contents before `patches`, see `window-memory.ts`; 0 is all zero bytes. */
  readonly seed: number;
  readonly patches: readonly WindowBytes[];
  readonly protection: WindowProtection;
  /** 0 runs until the INT3 after the instruction; n stops after n single steps (TF). */
  readonly steps: number;
  /** Instruction pointer at entry, an offset in CS; differs only under an LDT code segment. */
  readonly rip: number;
  /** Six selectors in the order of {@link SEGMENT_NAMES}, {@link SEGMENT_DEFAULT} to leave one. */
  readonly segments: Uint16Array;
  /** 64-bit only: bases to set before and read after; undefined leaves them alone. */
  readonly bases: { readonly fs: number; readonly gs: number } | undefined;
}

/** How a run ended. `killed`: the harness process died, so no state is known. */
export type Outcome = 'completed' | 'stepped' | 'fault' | 'timeout' | 'killed';

/** Everything an instruction may change: the output of one run, native or emulated. */
export interface ExecutionResult {
  readonly outcome: Outcome;
  /** Exception vector; -1 unless `outcome` is `fault`. */
  readonly vector: number;
  readonly errorCode: number;
  /** CR2, meaningful when `vector` is 14. */
  readonly faultAddress: number;
  /** Address of the next instruction to execute (a faulting instruction's own, for faults). */
  readonly rip: number;
  readonly gpr: Uint32Array;
  readonly rflags: number;
  readonly fxsave: Uint8Array;
  readonly segments: Uint16Array;
  readonly fsBase: number;
  readonly gsBase: number;
  /** Runs of window bytes that differ from the initial contents, by ascending offset. */
  readonly changes: readonly WindowBytes[];
}

/** A result of the host CPU, with the signal the kernel made of the exception. */
export interface NativeResult extends ExecutionResult {
  readonly signal: number;
}

type FieldTable = readonly (readonly [name: string, byteLength: number])[];
type Offsets<T extends FieldTable> = Record<T[number][0], number> & { byteLength: number };

function place<const T extends FieldTable>(fields: T): Offsets<T> {
  const offsets: Record<string, number> = {};
  let at = 0;
  for (const [name, byteLength] of fields) {
    offsets[name] = at;
    at += byteLength;
  }
  offsets.byteLength = at;
  return offsets as Offsets<T>;
}

const HEADER = [
  ['KIND', 4],
  ['LENGTH', 4],
  ['ID', 4],
] as const;
const STATE = [
  ['GPR', 128],
  ['RFLAGS', 8],
  ['RIP', 8],
  ['FS_BASE', 8],
  ['GS_BASE', 8],
  ['SEGMENTS', 12],
  ['TAIL_COUNT', 4],
  ['FXSAVE', FXSAVE_BYTES],
] as const;
const CASE = place([
  ...HEADER,
  ['FLAGS', 4],
  ['SEED', 4],
  ['STEPS', 4],
  ['PROTECTION', 4],
  ['CODE_LENGTH', 4],
  ['CODE', CODE_BYTES_MAX],
  ...STATE,
] as const);
const RESULT = place([
  ...HEADER,
  ['SIGNAL', 4],
  ['TRAP', 4],
  ['ERROR_CODE', 4],
  ['FAULT_ADDRESS', 8],
  ...STATE,
] as const);
const DESCRIPTOR = place([
  ...HEADER,
  ['ENTRY', 4],
  ['BASE', 4],
  ['LIMIT', 4],
  ['BITS', 4],
] as const);

const KIND = { CASE: 1, DESCRIPTOR: 2, RESULT: 3 } as const;
const FLAG_BASES = 1;
const SIGNAL = { SIGTRAP: 5, SIGKILL: 9, SIGALRM: 14 } as const;
/** More than any result can need: header, image and a window in which every other byte changed. */
export const RESULT_BYTES_MAX: number = RESULT.byteLength + WINDOW_BYTES * 4;

/** The C header that harness.c includes: every offset and constant of this file as a macro. */
export function protocolHeader(): string {
  const lines = [
    ['CODE_ADDRESS', CODE_ADDRESS],
    ['CODE_REGION_ADDRESS', CODE_REGION_ADDRESS],
    ['CODE_REGION_BYTES', CODE_REGION_BYTES],
    ['CODE_BYTES_MAX', CODE_BYTES_MAX],
    ['WINDOW_ADDRESS', WINDOW_ADDRESS],
    ['WINDOW_BYTES', WINDOW_BYTES],
    ['SEGMENT_DEFAULT', SEGMENT_DEFAULT],
    ['RESULT_BYTES_MAX', RESULT_BYTES_MAX],
    ['FLAG_BASES', FLAG_BASES],
    ...Object.entries(KIND).map(([name, value]) => [`KIND_${name}`, value]),
    ...Object.entries(CASE).map(([name, at]) => [`CASE_${name}`, at]),
    ...Object.entries(RESULT).map(([name, at]) => [`RESULT_${name}`, at]),
    ...Object.entries(DESCRIPTOR).map(([name, at]) => [`DESCRIPTOR_${name}`, at]),
  ];
  return lines.map(([name, value]) => `#define ${name} ${value}u\n`).join('');
}

const pad4 = (n: number): number => (n + 3) & ~3;

function writeAddress(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setInt32(at + 4, Math.floor(value / 2 ** 32), true);
}

function readAddress(view: DataView, at: number): number {
  return view.getInt32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
}

/** Bytes {@link encodeCase} will write. */
export function caseByteLength(input: NativeCase): number {
  return input.patches.reduce((n, p) => n + 4 + pad4(p.bytes.length), CASE.byteLength);
}

/**
 * Writes one case.
 * @param target at least {@link caseByteLength} bytes from `at`
 * @throws RangeError when the code or a patch has an impossible length
 */
export function encodeCase(input: NativeCase, id: number, target: Uint8Array, at: number): void {
  if (input.code.length < 1 || input.code.length > CODE_BYTES_MAX) {
    throw new RangeError(
      `case ${id}: code of ${input.code.length} bytes, want 1–${CODE_BYTES_MAX}`,
    );
  }
  const byteLength = caseByteLength(input);
  const view = new DataView(target.buffer, target.byteOffset + at, byteLength);
  const bytes = target.subarray(at, at + byteLength).fill(0);
  view.setUint32(CASE.KIND, KIND.CASE, true);
  view.setUint32(CASE.LENGTH, byteLength, true);
  view.setUint32(CASE.ID, id, true);
  view.setUint32(CASE.FLAGS, input.bases ? FLAG_BASES : 0, true);
  view.setUint32(CASE.SEED, input.seed, true);
  view.setUint32(CASE.STEPS, input.steps, true);
  view.setUint32(CASE.PROTECTION, PROTECTIONS.indexOf(input.protection), true);
  view.setUint32(CASE.CODE_LENGTH, input.code.length, true);
  bytes.set(input.code, CASE.CODE);
  for (let i = 0; i < 32; i++) view.setUint32(CASE.GPR + i * 4, input.gpr[i], true);
  view.setUint32(CASE.RFLAGS, input.rflags, true);
  writeAddress(view, CASE.RIP, input.rip);
  writeAddress(view, CASE.FS_BASE, input.bases?.fs ?? 0);
  writeAddress(view, CASE.GS_BASE, input.bases?.gs ?? 0);
  for (let i = 0; i < 6; i++) view.setUint16(CASE.SEGMENTS + i * 2, input.segments[i], true);
  view.setUint32(CASE.TAIL_COUNT, input.patches.length, true);
  bytes.set(input.fxsave.subarray(0, FXSAVE_BYTES), CASE.FXSAVE);
  let tail = CASE.byteLength;
  for (const patch of input.patches) {
    if (patch.offset < 0 || patch.offset + patch.bytes.length > WINDOW_BYTES) {
      throw new RangeError(`case ${id}: patch at ${patch.offset} leaves the data window`);
    }
    view.setUint16(tail, patch.offset, true);
    view.setUint16(tail + 2, patch.bytes.length, true);
    bytes.set(patch.bytes, tail + 4);
    tail += 4 + pad4(patch.bytes.length);
  }
}

/** Length of the result record that starts at `at`, or 0 while it is not complete. */
export function resultByteLength(source: Uint8Array, at: number, end: number): number {
  if (end - at < RESULT.byteLength) return 0;
  const view = new DataView(source.buffer, source.byteOffset + at, RESULT.byteLength);
  const byteLength = view.getUint32(RESULT.LENGTH, true);
  return at + byteLength <= end ? byteLength : 0;
}

function endOf(input: NativeCase, signal: number, trap: number, rip: number): Outcome {
  if (signal === SIGNAL.SIGALRM) return 'timeout';
  if (signal !== SIGNAL.SIGTRAP) return 'fault';
  if (trap === 1 && input.steps > 0) return 'stepped';
  // INT3 is a trap: rip is one past it. At the start of the code it is the case's own instruction.
  return trap === 3 && rip !== input.rip + 1 ? 'completed' : 'fault';
}

/** Decodes one result; the arrays are copies. `input` is the case with the result's id. */
export function decodeResult(
  input: NativeCase,
  source: Uint8Array,
  at: number,
  bits: 32 | 64,
): { id: number; result: NativeResult } {
  const byteLength = resultByteLength(source, at, source.length);
  const view = new DataView(source.buffer, source.byteOffset + at, byteLength);
  const signal = view.getUint32(RESULT.SIGNAL, true);
  const trap = view.getUint32(RESULT.TRAP, true);
  const rip = readAddress(view, RESULT.RIP);
  const outcome = endOf(input, signal, trap, rip);
  const gpr = new Uint32Array(32);
  for (let i = 0; i < 32; i++) gpr[i] = view.getUint32(RESULT.GPR + i * 4, true);
  const segments = new Uint16Array(6);
  for (let i = 0; i < 6; i++) segments[i] = view.getUint16(RESULT.SEGMENTS + i * 2, true);
  const changes: WindowBytes[] = [];
  let tail = RESULT.byteLength;
  for (let n = view.getUint32(RESULT.TAIL_COUNT, true); n > 0; n--) {
    const length = view.getUint16(tail + 2, true);
    const start = at + tail + 4;
    changes.push({
      offset: view.getUint16(tail, true),
      bytes: source.slice(start, start + length),
    });
    tail += 4 + pad4(length);
  }
  const fxsave = source.slice(at + RESULT.FXSAVE, at + RESULT.FXSAVE + FXSAVE_BYTES);
  clearReserved(fxsave, bits);
  return {
    id: view.getUint32(RESULT.ID, true),
    result: {
      outcome,
      vector: outcome === 'fault' ? trap : -1,
      errorCode: view.getUint32(RESULT.ERROR_CODE, true),
      faultAddress:
        outcome === 'fault' && trap === 14 ? readAddress(view, RESULT.FAULT_ADDRESS) : 0,
      rip: outcome === 'completed' ? rip - 1 : rip,
      gpr,
      rflags: view.getUint32(RESULT.RFLAGS, true),
      fxsave,
      segments,
      fsBase: readAddress(view, RESULT.FS_BASE),
      gsBase: readAddress(view, RESULT.GS_BASE),
      changes,
      signal,
    },
  };
}

/** Zeroes what an FXSAVE image does not define: MXCSR_MASK, the gaps, XMM8–15 outside 64-bit. */
export function clearReserved(fxsave: Uint8Array, bits: 32 | 64): void {
  fxsave[5] = 0;
  fxsave.fill(0, 28, 32);
  for (let i = 0; i < 8; i++) fxsave.fill(0, 32 + i * 16 + 10, 48 + i * 16);
  fxsave.fill(0, bits === 64 ? 416 : 288, FXSAVE_BYTES);
}

/** A segment descriptor for the harness's LDT (32-bit only): Linux's `struct user_desc`. */
export interface LdtDescriptor {
  readonly base: number;
  readonly limit: number;
  readonly code: boolean;
  /** D/B: 32-bit default size. */
  readonly big: boolean;
  readonly expandDown?: boolean;
  readonly conforming?: boolean;
  /** Code that may not be read, or data that may not be written. */
  readonly restricted?: boolean;
  readonly pageGranular?: boolean;
  readonly notPresent?: boolean;
}

/** The selector of LDT entry `index` at privilege level 3. */
export const ldtSelector = (index: number): number => (index << 3) | 7;

/** Encodes the message that sets LDT entry `index`. */
export function encodeDescriptor(index: number, d: LdtDescriptor): Uint8Array {
  const bytes = new Uint8Array(DESCRIPTOR.byteLength);
  const view = new DataView(bytes.buffer);
  const contents = (d.code ? 2 : 0) | (d.expandDown || d.conforming ? 1 : 0);
  view.setUint32(DESCRIPTOR.KIND, KIND.DESCRIPTOR, true);
  view.setUint32(DESCRIPTOR.LENGTH, bytes.length, true);
  view.setUint32(DESCRIPTOR.ENTRY, index, true);
  view.setUint32(DESCRIPTOR.BASE, d.base, true);
  view.setUint32(DESCRIPTOR.LIMIT, d.limit, true);
  const bit = (on: boolean | undefined, at: number): number => (on ? 1 << at : 0);
  view.setUint32(
    DESCRIPTOR.BITS,
    bit(d.big, 0) |
      (contents << 1) |
      bit(d.restricted, 3) |
      bit(d.pageGranular, 4) |
      bit(d.notPresent, 5) |
      bit(true, 6),
    true,
  );
  return bytes;
}
