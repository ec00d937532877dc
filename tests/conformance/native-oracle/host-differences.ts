// Where a host and the emulated CPU may differ though both are right: one table, applied to a pair of results before they are
// compared. The tables of the ISA say which flags an instruction leaves undefined; this file holds everything else.
import type { OracleForm } from './forms.js';
import type { ExecutionResult, NativeCase } from './protocol.js';
import { acceptShift } from './shift-difference.js';
import { initialWindow, windowChanges } from './window-memory.js';
import { withPermitted } from './x87-difference.js';

export interface HostDifference {
  readonly why: string;
  readonly rows: RegExp;
  /** The native result with the emulated one's values where both are right. */
  accept(
    native: ExecutionResult,
    emulated: ExecutionResult,
    input: NativeCase,
    form: OracleForm,
  ): ExecutionResult;
}

const SMALLEST_NORMAL = 2 ** -126;
/**
 * Lanes that are within the architectural bound of RCPPS and RSQRTPS (SDM vol. 2B: relative error 1.5 × 2^-12); an approximation that
 * falls below the smallest normal number is flushed to zero.
 */
function acceptApproximations(native: ExecutionResult, emulated: ExecutionResult): ExecutionResult {
  const fxsave = native.fxsave.slice();
  const [n, e] = [new DataView(fxsave.buffer), new DataView(emulated.fxsave.buffer)];
  for (let at = 160; at < 416; at += 4) {
    const [theirs, ours] = [n.getFloat32(at, true), e.getFloat32(at, true)];
    const isFlushed = theirs === 0 && Math.abs(ours) === SMALLEST_NORMAL;
    if (isFlushed || Math.abs(ours / theirs - 1) <= 3 * 2 ** -12)
      n.setUint32(at, e.getUint32(at, true), true);
  }
  return { ...native, fxsave };
}

/** Bytes of an FXSAVE or XSAVE area that do not count: FOP and the pointers, MXCSR_MASK. */
const ignoredAreaBytes: readonly (readonly [from: number, to: number])[] = [
  [6, 24],
  [28, 32],
];
function acceptAreaBytes(
  native: ExecutionResult,
  emulated: ExecutionResult,
  input: NativeCase,
): ExecutionResult {
  const start = input.patches[input.patches.length - 1]?.offset;
  if (start === undefined || native.changes.length === 0) return native;
  const before = initialWindow(input.seed, input.patches);
  const [n, e] = [native, emulated].map((result) => {
    const image = before.slice();
    for (const { offset, bytes } of result.changes) image.set(bytes, offset);
    return image;
  });
  for (const [from, to] of ignoredAreaBytes) {
    const end = Math.min(start + to, n.length);
    for (let at = start + from; at < end; at++) n[at] = e[at];
  }
  return { ...native, changes: windowChanges(before, n) };
}

const STATUS = 0x8d5;
/** Where a result has CS, and Linux's selector of 32-bit user code. */
const CS = 1;
const COMPATIBILITY_CODE = 0x23;

/** A fault in the emulated result's place, when both are faults. */
const acceptFault = (native: ExecutionResult, emulated: ExecutionResult): ExecutionResult =>
  native.outcome === 'fault' && emulated.outcome === 'fault' ? emulated : native;

/** Window bytes that `accepts`, of both results, taken over from the emulated one. */
function acceptBytes(
  native: ExecutionResult,
  emulated: ExecutionResult,
  input: NativeCase,
  accepts: (theirs: number, ours: number) => boolean,
): ExecutionResult {
  const before = initialWindow(input.seed, input.patches);
  const [n, e] = [native, emulated].map((result) => {
    const image = before.slice();
    for (const { offset, bytes } of result.changes) image.set(bytes, offset);
    return image;
  });
  for (let at = 0; at < n.length; at++) if (n[at] !== e[at] && accepts(n[at], e[at])) n[at] = e[at];
  return { ...native, changes: windowChanges(before, n) };
}

/** What XINUSE says of state in its initial configuration: its bit in XSTATE_BV, and whether XSAVEOPT writes zeros over it. */
function acceptInUse(
  native: ExecutionResult,
  emulated: ExecutionResult,
  input: NativeCase,
): ExecutionResult {
  const inUse = (theirs: number, ours: number): boolean => theirs === (ours | 2);
  return acceptBytes(native, emulated, input, (n, e) => n === 0 || inUse(n, e));
}

/** Lanes of results (of `bytes` each) that are NaN in both. */
function acceptNaNs(
  native: ExecutionResult,
  emulated: ExecutionResult,
  bytes: 4 | 8,
): ExecutionResult {
  const fxsave = native.fxsave.slice();
  const [n, e] = [new DataView(fxsave.buffer), new DataView(emulated.fxsave.buffer)];
  const isNan = (view: DataView, at: number): boolean =>
    Number.isNaN(bytes === 4 ? view.getFloat32(at, true) : view.getFloat64(at, true));
  for (let at = 160; at < 416; at += bytes)
    if (isNan(n, at) && isNan(e, at)) fxsave.set(emulated.fxsave.subarray(at, at + bytes), at);
  return { ...native, fxsave };
}

/** Upper halves of registers that one left and the other cleared. */
function acceptUpperHalves(
  native: ExecutionResult,
  emulated: ExecutionResult,
  registers: readonly number[],
): ExecutionResult {
  const gpr = native.gpr.slice();
  for (const register of registers)
    if (gpr[register * 2 + 1] === 0) gpr[register * 2 + 1] = emulated.gpr[register * 2 + 1];
  return { ...native, gpr };
}

/** x87 status: an unmasked exception is pending. */
const hasPending = ({ fxsave }: ExecutionResult): boolean => (fxsave[2] & 0x80) !== 0;

/** Bits that an instruction leaves undefined in the register it writes. */
function acceptRegisterBits(
  native: ExecutionResult,
  emulated: ExecutionResult,
  mask: number,
): ExecutionResult {
  const gpr = native.gpr.map((word, i) =>
    i & 1 ? word : (word & ~mask) | (emulated.gpr[i] & mask),
  );
  return { ...native, gpr };
}

export const hostDifferences: readonly HostDifference[] = [
  {
    why: 'Transcendental functions may be off by one unit in the last place (SDM vol. 1 §8.3.10); ours are correctly rounded.',
    rows: /^(F2XM1|FYL2X|FYL2XP1|FPATAN|FSIN|FCOS|FSINCOS|FPTAN)$/,
    accept: (native, emulated, _input, form) =>
      withPermitted(form.form.row.mnemonic, native, emulated),
  },
  {
    why: 'Only a bound of the error of reciprocal approximations is architectural (SDM vol. 2B, RCPPS).',
    rows: /^R(CP|SQRT)[PS]S$/,
    accept: acceptApproximations,
  },
  {
    why: 'AMD processors save FOP, FIP and FDP for pending exceptions only, and MXCSR_MASK names what a CPU has (APM vol. 2 §11.4.4).',
    rows: /^(FXSAVE|XSAVE|XSAVEOPT)$/,
    accept: acceptAreaBytes,
  },
  {
    why: 'The flags of shifts and rotates by more than one, and all of a double shift by more than its operand has bits, are undefined (SDM vol. 2B).',
    rows: /^(RO[LR]|RC[LR]|S[AH][LR]|SH[LR]D)$/,
    accept: acceptShift,
  },
  {
    why: 'A segment register is pushed zero-extended or into the low half of its place (SDM vol. 2B, PUSH); ours is zero-extended, as AMD has it.',
    rows: /^PUSH_SEG$/,
    accept: (native, emulated, input) =>
      emulated.vector === 14
        ? emulated
        : acceptBytes(native, emulated, input, (_theirs, ours) => ours === 0),
  },
  {
    why: 'Whether state in its initial configuration counts as in use is implementation-specific (SDM vol. 1 §13.6).',
    rows: /^(XSAVE|XSAVEOPT)$/,
    accept: acceptInUse,
  },
  {
    why: 'Which of several NaNs a dot product passes on is implementation-specific (SDM vol. 2A, DPPS).',
    rows: /^DPP[SD]$/,
    accept: (native, emulated, _input, form) =>
      acceptNaNs(native, emulated, form.form.row.mnemonic === 'DPPS' ? 4 : 8),
  },
  {
    why: 'An x87 store with an unmasked exception stores nothing: Intel does not look at its address then, AMD does.',
    rows: /^(FSTP?|FISTP?|FISTTP|FBSTP)$/,
    accept: (native, emulated) =>
      emulated.outcome === 'fault' && native.outcome === 'completed' && hasPending(native)
        ? emulated
        : native,
  },
  {
    why: 'Intel may have written a part of an 80-bit store before the rest of it faults.',
    rows: /^(FSTP|FBSTP)$/,
    accept: (native, emulated) =>
      native.vector === 14 && emulated.vector === 14
        ? { ...native, changes: emulated.changes }
        : native,
  },
  {
    why: 'Intel enters MMX state before a store of MMX data faults, AMD after it.',
    rows: /^(MOVD|MOVQ|MOVNTQ)$/,
    accept: (native, emulated) =>
      native.outcome === 'fault' && native.vector === emulated.vector
        ? { ...native, fxsave: emulated.fxsave }
        : native,
  },
  {
    why: 'Which operand is read first, and so which of two faults is reported, is implementation-specific.',
    rows: /^(CMPS|BOUND|POP_SEG)$/,
    accept: acceptFault,
  },
  {
    why: 'Intel reads only the selector of its place on the stack, which may end in another page.',
    rows: /^(POP_SEG|RET_FAR|IRET)$/,
    accept: (native, emulated) =>
      emulated.vector === 14 && emulated.faultAddress % 4096 === 0 ? emulated : native,
  },
  {
    why: 'Intel pushes the return address of a far call before it checks the target.',
    rows: /^CALL_FAR$/,
    accept: (native, emulated) =>
      native.outcome === 'fault' && native.vector === emulated.vector
        ? { ...native, changes: emulated.changes }
        : native,
  },
  {
    why: 'A repeated string instruction with a 32-bit address size that does no iteration clears the upper halves of its registers on Intel, not on AMD.',
    rows: /^(MOVS|CMPS|STOS|LODS|SCAS)$/,
    accept: (native, emulated) => acceptUpperHalves(native, emulated, [1, 6, 7]),
  },
  {
    why: 'The upper halves of registers are undefined once 64-bit mode was left for compatibility mode (SDM vol. 1 §3.4.1.1).',
    rows: /^(JMP_FAR|CALL_FAR|RET_FAR|IRET)$/,
    accept: (native, emulated) =>
      emulated.segments[CS] === COMPATIBILITY_CODE && native.segments[CS] === COMPATIBILITY_CODE
        ? acceptUpperHalves(native, emulated, [0, 1, 2, 3, 4, 5, 6, 7])
        : native,
  },
  {
    why: "Intel checks the alignment of IRET's last pops by the AC that it has popped; Linux takes the #AC, whose image has AC clear, for a split lock and tries again for ever.",
    rows: /^IRET$/,
    accept: (native, emulated) => (native.outcome === 'timeout' ? emulated : native),
  },
  {
    why: 'Which of several faults is reported first: AMD reads the outer stack before it checks the selector, and pushes before it checks the target.',
    rows: /^(RET_FAR|IRET|CALL|CALL_FAR)$/,
    accept: acceptFault,
  },
  {
    why: 'Which end of an x87 or state image is checked first, when both would fault, is implementation-specific.',
    rows: /^(FNSTENV|FLDENV|FNSAVE|FRSTOR|FXSAVE|FXRSTOR|XSAVE|XSAVEOPT|XRSTOR)$/,
    accept: (native, emulated) =>
      native.vector === 14 || emulated.vector === 14 ? acceptFault(native, emulated) : native,
  },
  {
    why: 'Bits 16–19 of the access rights that LAR loads are undefined (SDM vol. 2A, LAR).',
    rows: /^LAR$/,
    accept: (native, emulated) => acceptRegisterBits(native, emulated, 0xf_0000),
  },
  {
    why: 'Whether MASKMOVQ and MASKMOVDQU fault on bytes that they do not write is implementation-specific (SDM vol. 2B).',
    rows: /^MASKMOV/,
    accept: (native, emulated) => (native.outcome === 'fault' ? emulated : native),
  },
  {
    why: 'AMD sets the flags of a REP CMPS or SCAS with each element, so also before a fault in the middle; by the SDM they are then as before the instruction.',
    rows: /^(CMPS|SCAS)$/,
    accept: (native, emulated) =>
      native.outcome !== 'completed' && native.rip === emulated.rip
        ? { ...native, rflags: (native.rflags & ~STATUS) | (emulated.rflags & STATUS) }
        : native,
  },
  {
    why: 'AMD writes registers of a POPA before it meets a fault further up (they are popped again on restart), and reads the place of eSP.',
    rows: /^POPA$/,
    accept: acceptFault,
  },
  {
    why: 'Linux reports a page fault at a kernel address as a protection violation, whatever is mapped there.',
    rows: /./,
    accept: (native) =>
      native.vector === 14 && native.faultAddress < 0
        ? { ...native, errorCode: native.errorCode & ~1 }
        : native,
  },
];

/** The native result with everything taken over that may differ. */
export function withAccepted(
  form: OracleForm,
  input: NativeCase,
  native: ExecutionResult,
  emulated: ExecutionResult,
): ExecutionResult {
  let result = native;
  for (const difference of hostDifferences) {
    if (difference.rows.test(form.form.row.mnemonic))
      result = difference.accept(result, emulated, input, form);
  }
  return result;
}
