// @hot
// Bytes → the reused Instruction record (SDM vol. 2A §2.1–2.2). Table-driven, allocates nothing. Says what the encoding says:
// whether the mode's privilege or CR bits allow the instruction is its semantics' question.
import * as table from './decode-table.js';
import type { FeatureGate } from './feature-gate.js';
import type { CodeBits, Instruction } from './instruction.js';
import { operandBitsTable as sharedOperandBits } from './operand-size.js';
import { rows as sharedRows } from './table.js';

// Local copies: test runners and loaders turn each use of an import into a property read, which costs this file five-fold.
const { slots, groups, rowInfo, regMask, wideRow, extendedRow, fallbackRow, GROUP_BASE } = table;
const operandBitsTable = sharedOperandBits;
const rows = sharedRows;
const ALWAYS_REGISTER = table.INFO.alwaysRegister;
const CHECKS_REG = table.INFO.checksReg;
const HAS_MODRM = table.INFO.hasModrm;
const HAS_OTHER = table.INFO.hasOther;
const IMMEDIATE_MASK = table.INFO.immediateMask;
const LOCKABLE = table.INFO.lockable;
const REGISTER_IN_OPCODE = table.INFO.registerInOpcode;
const REPEATS = table.INFO.repeats;
const REPEATS_BY_ZERO = table.INFO.repeatsByZero;
const SHORT_REG = table.INFO.shortReg;
const SHORT_RM = table.INFO.shortRm;
const SIZE_SHIFT = table.INFO.sizeShift;
const IMMEDIATE_BYTE = table.IMMEDIATE.byte;
const IMMEDIATE_FAR = table.IMMEDIATE.far;
const IMMEDIATE_MOFFS = table.IMMEDIATE.moffs;
const IMMEDIATE_NONE = table.IMMEDIATE.none;
const IMMEDIATE_V = table.IMMEDIATE.v;
const IMMEDIATE_WORD_BYTE = table.IMMEDIATE.wordByte;
const IMMEDIATE_Z = table.IMMEDIATE.z;

/** The bytes given end inside the instruction: give more (the next page), or fault on fetching them. */
export const DECODE_TRUNCATED: number = -1;
/** #UD. */
export const DECODE_INVALID: number = -2;
/** Longer than 15 bytes: #GP(0). */
export const DECODE_TOO_LONG: number = -3;

const MAX_LENGTH = 15;

const REX = 1;
const SEGMENT = 2;
const OPERAND_SIZE = 3;
const ADDRESS_SIZE = 4;
const REPEAT = 5;
const LOCK = 6;
/** A segment override that 64-bit mode ignores. */
const NULL_PREFIX = 7;
/** Kind of prefix by byte, for 16- and 32-bit code, then for 64-bit code. */
const prefixKinds = new Uint8Array(512);
for (let long = 0; long < 512; long += 256) {
  prefixKinds[long + 0x26] = prefixKinds[long + 0x2e] = long ? NULL_PREFIX : SEGMENT;
  prefixKinds[long + 0x36] = prefixKinds[long + 0x3e] = long ? NULL_PREFIX : SEGMENT;
  prefixKinds[long + 0x64] = prefixKinds[long + 0x65] = SEGMENT;
  prefixKinds[long + 0x66] = OPERAND_SIZE;
  prefixKinds[long + 0x67] = ADDRESS_SIZE;
  prefixKinds[long + 0xf2] = prefixKinds[long + 0xf3] = REPEAT;
  prefixKinds[long + 0xf0] = LOCK;
}
prefixKinds.fill(REX, 256 + 0x40, 256 + 0x50);

/** Base and index registers of 16-bit addressing (SDM vol. 2A, table 2-1). */
const base16 = Int8Array.of(3, 3, 5, 5, 6, 7, 5, 3);
const index16 = Int8Array.of(6, 7, 6, 7, -1, -1, -1, -1);

const DS = 3;
const SS = 2;

/**
 * Decodes the instruction at `bytes[offset]`.
 * @param end where the bytes that may be read end; at most `bytes.length`
 * @param gate which instructions the CPU has; null: all of them
 * @param out filled when the result is positive, else undefined in part
 * @returns its length in bytes, or DECODE_TRUNCATED, DECODE_INVALID, DECODE_TOO_LONG
 */
export function decode(
  bytes: Uint8Array,
  offset: number,
  end: number,
  bits: CodeBits,
  gate: FeatureGate | null,
  out: Instruction,
): number {
  const tooShort = end - offset >= MAX_LENGTH ? DECODE_TOO_LONG : DECODE_TRUNCATED;
  const limit = end - offset >= MAX_LENGTH ? offset + MAX_LENGTH : end;
  const kinds = bits === 64 ? 256 : 0;
  let at = offset;
  let op = 0;
  let rex = 0;
  let segment = -1;
  let has66 = 0;
  let has67 = false;
  let repeat: 0 | 0xf2 | 0xf3 = 0;
  let lock = false;
  for (;;) {
    if (at >= limit) return tooShort;
    op = bytes[at++];
    const kind = prefixKinds[kinds + op];
    if (kind === 0) break;
    if (kind === REX) {
      rex = op;
      continue;
    }
    // A REX prefix counts only right before the opcode (SDM vol. 2A §2.2.1).
    rex = 0;
    if (kind === OPERAND_SIZE) has66 = 1;
    else if (kind === REPEAT) repeat = op === 0xf2 ? 0xf2 : 0xf3;
    else if (kind === SEGMENT) segment = op < 0x64 ? (op >> 3) & 3 : op - 0x60;
    else if (kind === ADDRESS_SIZE) has67 = true;
    else if (kind === LOCK) lock = true;
  }

  let map = 0;
  if (op === 0x0f) {
    if (at >= limit) return tooShort;
    op = bytes[at++];
    map = 1;
    if (op === 0x38 || op === 0x3a) {
      map = op === 0x38 ? 2 : 3;
      if (at >= limit) return tooShort;
      op = bytes[at++];
    }
  }
  const prefix = repeat === 0 ? has66 : repeat === 0xf3 ? 2 : 3;
  const slot = slots[(((kinds >> 6) + map) * 256 + op) * 4 + prefix];
  if (slot < 0) return DECODE_INVALID;
  let id = slot;
  let modrm = 0;
  if (slot >= GROUP_BASE) {
    if (at >= limit) return tooShort;
    modrm = bytes[at++];
    id = groups[(slot - GROUP_BASE) * 256 + modrm];
    if (id < 0) return DECODE_INVALID;
  }
  let info = rowInfo[id];
  if ((info & HAS_OTHER) !== 0) {
    if ((rex & 8) !== 0 && wideRow[id] >= 0) id = wideRow[id];
    else if ((rex & 1) !== 0 && extendedRow[id] >= 0) id = extendedRow[id];
    info = rowInfo[id];
  }
  if (gate !== null && gate.allowed[id] === 0) {
    do {
      id = fallbackRow[id];
      if (id < 0) return DECODE_INVALID;
    } while (gate.allowed[id] === 0);
    info = rowInfo[id];
  }
  if (slot < GROUP_BASE && (info & HAS_MODRM) !== 0) {
    if (at >= limit) return tooShort;
    modrm = bytes[at++];
  }

  const operandBits =
    operandBitsTable[(info >> SIZE_SHIFT) + ((bits >> 5) << 2) + ((rex & 8) >> 2) + has66];
  const addressBits = has67 ? (bits === 32 ? 16 : 32) : bits;
  let isRegister = false;
  let reg = 0;
  let rm = 0;
  let base = -1;
  let index = -1;
  let scale = 0;
  let disp = 0;
  let defaultSegment = DS;
  if ((info & HAS_MODRM) !== 0) {
    const mod = modrm >> 6;
    reg = (modrm >> 3) & 7;
    rm = modrm & 7;
    if ((info & SHORT_REG) === 0) reg |= (rex & 4) << 1;
    if ((info & CHECKS_REG) !== 0 && ((regMask[id] >> reg) & 1) === 0) return DECODE_INVALID;
    if (mod === 3 || (info & ALWAYS_REGISTER) !== 0) {
      isRegister = true;
      if ((info & SHORT_RM) === 0) rm |= (rex & 1) << 3;
    } else if (addressBits === 16) {
      base = base16[rm];
      index = index16[rm];
      if (mod === 1) {
        if (at >= limit) return tooShort;
        disp = (bytes[at++] << 24) >> 24;
      } else if (mod === 2 || rm === 6) {
        if (at + 2 > limit) return tooShort;
        disp = ((bytes[at] | (bytes[at + 1] << 8)) << 16) >> 16;
        at += 2;
        if (mod === 0) base = -1;
      }
      if (base === 5) defaultSegment = SS;
      rm = 0;
    } else {
      base = rm | ((rex & 1) << 3);
      let hasDisp32 = mod === 2;
      if (rm === 4) {
        if (at >= limit) return tooShort;
        const sib = bytes[at++];
        index = ((sib >> 3) & 7) | ((rex & 2) << 2);
        if (index === 4) index = -1;
        else scale = sib >> 6;
        base = (sib & 7) | ((rex & 1) << 3);
        if ((sib & 7) === 5 && mod === 0) {
          base = -1;
          hasDisp32 = true;
        }
      } else if (rm === 5 && mod === 0) {
        base = bits === 64 ? 16 : -1;
        hasDisp32 = true;
      }
      if (hasDisp32) {
        if (at + 4 > limit) return tooShort;
        disp = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
        at += 4;
      } else if (mod === 1) {
        if (at >= limit) return tooShort;
        disp = (bytes[at++] << 24) >> 24;
      }
      if (base === 4 || base === 5) defaultSegment = SS;
      rm = 0;
    }
  } else if ((info & REGISTER_IN_OPCODE) !== 0) rm = (op & 7) | ((rex & 1) << 3);
  if (lock && ((info & LOCKABLE) === 0 || isRegister)) return DECODE_INVALID;

  let immLow = 0;
  let immHigh = 0;
  let imm2 = 0;
  const immediate = info & IMMEDIATE_MASK;
  if (immediate !== IMMEDIATE_NONE) {
    if (immediate === IMMEDIATE_BYTE) {
      if (at >= limit) return tooShort;
      immLow = (bytes[at++] << 24) >> 24;
      immHigh = immLow >> 31;
    } else {
      let size = 2;
      if (immediate === IMMEDIATE_MOFFS) size = addressBits >> 3;
      else if (immediate === IMMEDIATE_V) size = operandBits >> 3;
      else if (operandBits !== 16 && (immediate === IMMEDIATE_Z || immediate === IMMEDIATE_FAR))
        size = 4;
      if (at + size > limit) return tooShort;
      immLow = bytes[at] | (bytes[at + 1] << 8);
      if (size === 2) {
        if (immediate < IMMEDIATE_FAR) immLow = (immLow << 16) >> 16;
      } else immLow |= (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
      if (size === 8)
        immHigh =
          bytes[at + 4] | (bytes[at + 5] << 8) | (bytes[at + 6] << 16) | (bytes[at + 7] << 24);
      else if (immediate < IMMEDIATE_FAR) immHigh = immLow >> 31;
      at += size;
      if (immediate === IMMEDIATE_FAR) {
        if (at + 2 > limit) return tooShort;
        imm2 = bytes[at] | (bytes[at + 1] << 8);
        at += 2;
      } else if (immediate === IMMEDIATE_WORD_BYTE) {
        if (at >= limit) return tooShort;
        imm2 = bytes[at++];
      }
    }
  }

  out.row = rows[id];
  out.length = at - offset;
  out.operandBits = operandBits as 16 | 32 | 64;
  out.addressBits = addressBits as 16 | 32 | 64;
  out.hasRex = rex !== 0;
  out.lock = lock;
  out.repeat =
    (info & REPEATS_BY_ZERO) !== 0 ? repeat : (info & REPEATS) !== 0 && repeat !== 0 ? 0xf3 : 0;
  out.segment = segment >= 0 ? segment : defaultSegment;
  out.hasModrm = (info & HAS_MODRM) !== 0;
  out.isRegister = isRegister;
  out.reg = reg;
  out.rm = rm;
  out.base = base;
  out.index = index;
  out.scale = scale;
  out.disp = disp;
  out.immLow = immLow;
  out.immHigh = immHigh;
  out.imm2 = imm2;
  return out.length;
}
