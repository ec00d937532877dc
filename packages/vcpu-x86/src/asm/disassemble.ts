// Instruction → text, in NASM's flavour of Intel syntax: lower case, sizes always written, `[fs:eax+ecx*4+8]`.
import { decode } from '../isa/decode.js';
import { isMemoryOperand, operandSizesOf, operandWidthBits, usesAddress } from '../isa/form.js';
import { type CodeBits, Instruction } from '../isa/instruction.js';
import type { Operand } from '../isa/operand.js';
import { plainSize, showsSize } from './implied-size.js';
import { hidesOperands, spellingOf } from './mnemonic-names.js';
import { gprName, segmentNames } from './register-names.js';

const sizeNames: Readonly<Record<number, string>> = {
  8: 'byte ',
  16: 'word ',
  32: 'dword ',
  64: 'qword ',
  80: 'tword ',
  128: 'oword ',
};

/** Small numbers in decimal, others in hexadecimal. */
const numberText = (value: bigint | number): string =>
  value < 10 ? `${value}` : `0x${value.toString(16)}`;

const unsigned = (low: number, high: number, bits: number): bigint =>
  BigInt.asUintN(bits, (BigInt(high) << 32n) | BigInt(low >>> 0));

function defaultSegment(i: Instruction): number {
  return i.base === 4 || i.base === 5 ? 2 : 3;
}

function displacementText(i: Instruction, isAlone: boolean): string {
  if (isAlone) return numberText(unsigned(i.disp, i.disp >> 31, i.addressBits));
  if (i.disp === 0) return '';
  return i.disp < 0 ? `-${numberText(-i.disp)}` : `+${numberText(i.disp)}`;
}

/** Segment, then base, index and displacement; a displacement alone says its size where it is not the mode's. */
function addressText(i: Instruction, o: Operand, bits: CodeBits, address: bigint): string {
  const segment =
    i.segment === defaultSegment(i) || i.row.mnemonic === 'LEA'
      ? ''
      : `${segmentNames[i.segment]}:`;
  const size = i.addressBits === bits ? '' : sizeNames[i.addressBits];
  if (o.addressing === 'O')
    return size + segment + numberText(unsigned(i.immLow, i.immHigh, i.addressBits));
  if (i.base === 16) {
    const target = BigInt.asUintN(i.addressBits, address + BigInt(i.length + i.disp));
    return `${size}rel ${segment}${numberText(target)}`;
  }
  const parts: string[] = [];
  if (i.base >= 0) parts.push(gprName(i.base, i.addressBits, false));
  if (i.index >= 0) {
    const isScaled = i.scale > 0 || i.base < 0;
    parts.push(gprName(i.index, i.addressBits, false) + (isScaled ? `*${1 << i.scale}` : ''));
  }
  const isAlone = parts.length === 0;
  return (isAlone ? size : '') + segment + parts.join('+') + displacementText(i, isAlone);
}

/** Instructions whose operand is a place, not a value. */
const places = new Set([
  'INVLPG',
  'CLFLUSH',
  'PREFETCH',
  'PREFETCHW',
  'PREFETCHNTA',
  'PREFETCHT0',
  'PREFETCHT1',
  'PREFETCHT2',
]);

function sizeText(o: Operand, i: Instruction): string {
  const isFar = i.row.mnemonic === 'CALL_FAR' || i.row.mnemonic === 'JMP_FAR';
  if (isFar) return `far ${sizeNames[i.operandBits]}`;
  if (o.width === 'p' || o.width === 's' || o.width === 'a' || places.has(i.row.mnemonic))
    return '';
  return sizeNames[operandWidthBits(o, i.operandBits)] ?? '';
}

function branchText(i: Instruction, bits: CodeBits, address: bigint): string {
  const target = address + BigInt(i.length + i.immLow);
  return numberText(BigInt.asUintN(bits === 64 ? 64 : i.operandBits, target));
}

function farText(i: Instruction, bits: CodeBits): string {
  const size = i.operandBits === bits ? '' : sizeNames[i.operandBits];
  return `${size}${numberText(i.imm2)}:${numberText(unsigned(i.immLow, 0, i.operandBits))}`;
}

function operandText(o: Operand, i: Instruction, bits: CodeBits, address: bigint): string {
  if (isMemoryOperand(o, i.isRegister))
    return `${sizeText(o, i)}[${addressText(i, o, bits, address)}]`;
  const width = operandWidthBits(o, i.operandBits);
  switch (o.addressing) {
    case 'fixed':
      if (o.fixed === 'rAX' || o.fixed === 'eAX') return gprName(0, width, false);
      if (o.fixed === 'rDX') return gprName(2, width, false);
      return o.fixed?.toLowerCase() ?? '';
    case 'G':
      return gprName(i.reg, width, i.hasRex);
    case 'E':
    case 'R':
    case 'Z':
      return gprName(i.rm, width, i.hasRex);
    case 'S':
      return segmentNames[i.reg];
    case 'C':
      return `cr${i.reg}`;
    case 'D':
      return `dr${i.reg}`;
    case 'P':
      return `mm${i.reg}`;
    case 'Q':
    case 'N':
      return `mm${i.rm}`;
    case 'V':
      return `xmm${i.reg}`;
    case 'W':
    case 'U':
      return `xmm${i.rm}`;
    case 'T':
      return `st${i.rm}`;
    case 'A':
      return farText(i, bits);
    case 'J':
      return branchText(i, bits, address);
    default:
      return '';
  }
}

function immediateText(i: Instruction, o: Operand, isSecond: boolean): string {
  if (isSecond) return numberText(i.imm2);
  // Beside a 64-bit operand a 32-bit immediate is sign-extended to it.
  const width = o.width === 'z' ? i.operandBits : operandWidthBits(o, i.operandBits);
  return numberText(unsigned(i.immLow, i.immHigh, width));
}

/** The row's memory operand is written out (strings, XLAT and MASKMOV do not). */
const writesMemory = (i: Instruction): boolean =>
  i.row.operands.some((o) => 'EMQWO'.includes(o.addressing) && isMemoryOperand(o, i.isRegister));

/** Sizes and segments that no operand shows: `o16 ret`, `a16 fs rep movsb`. */
function sizePrefixText(i: Instruction, bits: CodeBits): string {
  const { row } = i;
  let text = '';
  if (
    !showsSize(i.row) &&
    operandSizesOf(row, bits).length > 1 &&
    i.operandBits !== plainSize(row, bits)
  )
    text += `o${i.operandBits} `;
  if (!usesAddress(row, i.isRegister) || writesMemory(i)) return text;
  if (i.addressBits !== bits && row.mnemonic !== 'JCXZ') text += `a${i.addressBits} `;
  const usesSegment =
    row.operands.length === 0 || row.operands.some((o) => 'XPV'.includes(o.addressing));
  if (i.segment !== 3 && usesSegment) text += `${segmentNames[i.segment]} `;
  return text;
}

function repeatText(i: Instruction): string {
  if (i.repeat === 0) return '';
  if (i.repeat === 0xf2) return 'repne ';
  return i.row.attributes.has('repz') ? 'repe ' : 'rep ';
}

/** Text of a decoded instruction that stands at linear address `address` of `bits`-bit code. */
export function formatInstruction(
  i: Instruction,
  bits: CodeBits,
  address: number | bigint = 0,
): string {
  const at = BigInt(address);
  const name = spellingOf(i.row, i.operandBits, i.addressBits);
  const head = (i.lock ? 'lock ' : '') + sizePrefixText(i, bits) + repeatText(i) + name;
  if (hidesOperands(i.row)) return head;
  let immediates = 0;
  const operands = i.row.operands.map((o) =>
    o.addressing === 'I' ? immediateText(i, o, immediates++ > 0) : operandText(o, i, bits, at),
  );
  return operands.length > 0 ? `${head} ${operands.join(', ')}` : head;
}

export interface DisassembledLine {
  /** Offset of the first byte. */
  readonly offset: number;
  readonly length: number;
  readonly text: string;
}

/**
 * Disassembles all of `bytes`. What does not decode becomes `db 0x..`, byte by byte.
 * @param origin linear address of the first byte
 */
export function disassemble(
  bytes: Uint8Array,
  bits: CodeBits,
  origin: number | bigint = 0,
): DisassembledLine[] {
  const lines: DisassembledLine[] = [];
  const instruction = new Instruction();
  for (let offset = 0; offset < bytes.length; ) {
    const length = decode(bytes, offset, bytes.length, bits, null, instruction);
    const text =
      length > 0
        ? formatInstruction(instruction, bits, BigInt(origin) + BigInt(offset))
        : `db 0x${bytes[offset].toString(16).padStart(2, '0')}`;
    lines.push({ offset, length: Math.max(length, 1), text });
    offset += Math.max(length, 1);
  }
  return lines;
}
