// Encodes a form from the rules of SDM vol. 2 chapter 2 alone (not through the assembler, which would share its errors): prefixes in
// any order, REX, every kind of ModRM and SIB, every size of displacement, immediates; memory operands solved into the window.
import { operandWidthBits, sizePrefixesOf } from '../../../packages/vcpu-x86/src/isa/form.js';
import type { Operand } from '../../../packages/vcpu-x86/src/isa/operand.js';
import { operandBitsOf, sizeClassOf } from '../../../packages/vcpu-x86/src/isa/operand-size.js';
import type { MemoryReference } from './case-generator.js';
import { drawInteger, type IntegerWidth } from './edge-values.js';
import { type FormDraft, littleEndian } from './form-draft.js';
import { memoryContents, reservedRegisters } from './implied-operands.js';
import { WINDOW_BYTES } from './protocol.js';

const SEGMENT_PREFIXES = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];
const SS = 2;
const DS = 3;
/** Base and index of 16-bit addressing, by ModRM.rm. */
const pairs16: readonly (readonly [base: number, index?: number])[] = [
  ...([
    [3, 6],
    [3, 7],
    [5, 6],
    [5, 7],
  ] as const),
  ...([[6], [7], [5], [3]] as const),
];

/** Prefixes other than a segment override: sizes, REX.W, LOCK, repeat, the row's own. */
export function drawPrefixes(d: FormDraft): void {
  const { row, operandBits, addressBits, isRegister } = d.form;
  const { bits } = d.mode;
  const { random } = d;
  const sizes = sizeClassOf(row);
  // AMD processors heed 66 before a near branch in 64-bit mode, Intel's do not (SDM vol. 2A, JMP; APM vol. 3 §1.2.2).
  const choices = sizePrefixesOf(row, bits).filter(
    (p) =>
      operandBitsOf(sizes, bits, p.has66, p.rexW) === operandBits &&
      !(p.has66 && bits === 64 && sizes === 'vf64'),
  );
  // Most often the plain one: 66 and REX.W mean nothing to a row without a size.
  const chosen = random.oneIn(4) ? random.pick(choices) : choices[0];
  if (chosen.has66 || row.prefix === '66') d.legacy.push(0x66);
  if (chosen.rexW) d.rex |= 0x48;
  if (row.prefix === 'f3') d.legacy.push(0xf3);
  if (row.prefix === 'f2') d.legacy.push(0xf2);
  if (addressBits !== bits) d.legacy.push(0x67);
  if (d.isLong && random.oneIn(4)) d.rex |= 0x40;
  if (row.attributes.has('rep') && random.oneIn(2)) d.legacy.push(random.oneIn(4) ? 0xf2 : 0xf3);
  if (row.attributes.has('repz') && random.below(3)) d.legacy.push(random.pick([0xf2, 0xf3]));
  if (row.attributes.has('lock') && !isRegister && random.oneIn(4)) d.legacy.push(0xf0);
}

/** Any order is the same instruction. */
export function shufflePrefixes(d: FormDraft): void {
  for (let i = d.legacy.length - 1; i > 0; i--) {
    const k = d.random.below(i + 1);
    [d.legacy[i], d.legacy[k]] = [d.legacy[k], d.legacy[i]];
  }
}

export function drawSegment(d: FormDraft, chance: number): void {
  const { random } = d;
  if (!random.oneIn(chance)) return;
  // 16-bit addresses reach the window of flat segments through FS and GS only.
  const low = d.mode.overrides.flatMap((o, i) => (o.isLow ? [i] : []));
  d.segment = d.form.addressBits === 16 && low.length > 0 ? random.pick(low) : random.below(6);
  d.legacy.push(SEGMENT_PREFIXES[d.segment]);
  if (d.isLong && d.segment < 4) d.segment = -1;
  else d.usesBases = d.isLong;
}

/** The number of a register operand; REX bit `bit` holds its fourth. */
function drawNumber(d: FormDraft, o: Operand, bit: number): number {
  const { random, isLong } = d;
  switch (o.addressing) {
    case 'S':
      return d.form.row.mnemonic === 'MOV_TO_SEG' && random.below(16)
        ? random.pick([0, 2, 3, 4, 5])
        : random.below(6);
    case 'C': {
      const number = random.pick([0, 2, 3, 4]);
      return number;
    }
    case 'D':
    case 'P':
    case 'Q':
    case 'N':
    case 'T':
      return random.below(8);
    default: {
      const number = random.below(isLong ? 16 : 8);
      if (number > 7) d.rex |= 0x40 | bit;
      return number;
    }
  }
}

function noteRegister(d: FormDraft, register: number, width: number): void {
  if (width !== 8 && width !== 16 && width !== 32 && width !== 64) return;
  const high = width === 8 && register >= 4 && register < 8 && d.rex === 0;
  d.registers.push({
    register: high ? register - 4 : register,
    width: width as IntegerWidth,
    high,
  });
}

const fixedNumbers: Readonly<Record<string, number>> = {
  ...{ AL: 0, AX: 0, rAX: 0, eAX: 0, CL: 1, DX: 2, rDX: 2 },
};

const isInReg = (o: Operand): boolean => 'GVPSCD'.includes(o.addressing);
const isInRm = (o: Operand, isRegister: boolean): boolean =>
  'RNUT'.includes(o.addressing) || (isRegister && 'EWQ'.includes(o.addressing));

/** Register operands and ModRM; memory operands through {@link drawMemory}. */
export function drawOperands(d: FormDraft): void {
  const { row, operandBits, isRegister } = d.form;
  const { random } = d;
  const explicit = row.operands.find((o) => 'EMWQ'.includes(o.addressing));
  const isMemory = row.modrm !== 'none' && !isRegister;
  d.reg = row.extension >= 0 ? row.extension : random.below(8);
  d.rm = row.fixedRm >= 0 ? row.fixedRm : random.below(8);
  for (const o of row.operands) {
    if (isInReg(o)) d.reg = drawNumber(d, o, 4);
    else if (isInRm(o, isRegister) || o.addressing === 'Z') d.rm = drawNumber(d, o, 1);
  }
  if (row.registerInOpcode) d.opcode = row.opcode | (d.rm & 7);
  if (isMemory) drawMemory(d, explicit);
  else if (row.modrm !== 'none') d.tail.push(0xc0 | ((d.reg & 7) << 3) | (d.rm & 7));
  // REX is complete: now AH and SPL can be told apart.
  for (const o of row.operands) {
    const width = operandWidthBits(o, operandBits);
    if (o.addressing === 'G') noteRegister(d, d.reg, width);
    else if (o.addressing === 'Z' || o.addressing === 'R' || (isRegister && o.addressing === 'E'))
      noteRegister(d, d.rm, width);
    else if (o.fixed && o.fixed in fixedNumbers) noteRegister(d, fixedNumbers[o.fixed], width);
  }
}

interface Address {
  mod: number;
  rm: number;
  base?: number | undefined;
  index?: number | undefined;
  scale?: 1 | 2 | 4 | 8;
  sib?: number;
  /** Bytes of displacement; `absolute`: it is the whole address. */
  displacementBytes: 0 | 1 | 2 | 4;
  isAbsolute: boolean;
  isRelative: boolean;
}

function drawAddress16(d: FormDraft): Address {
  const { random } = d;
  const [mod, rm] = [random.below(3), random.below(8)];
  const isAbsolute = mod === 0 && rm === 6;
  const [base, index] = isAbsolute ? [] : pairs16[rm];
  const displacementBytes = isAbsolute ? 2 : ([0, 1, 2] as const)[mod];
  return { mod, rm, base, index, displacementBytes, isAbsolute, isRelative: false };
}

function drawAddress32(d: FormDraft): Address {
  const { random, isLong } = d;
  const registers = isLong ? 16 : 8;
  const mod = random.below(3);
  const displacementBytes = ([0, 1, 4] as const)[mod];
  if (random.oneIn(2)) {
    const base = random.below(registers);
    if ((base & 7) !== 4) {
      const noBase = mod === 0 && (base & 7) === 5;
      if (base > 7) d.rex |= 0x41;
      if (noBase) {
        return {
          ...{ mod, rm: 5, displacementBytes: 4, isAbsolute: !isLong, isRelative: isLong },
        };
      }
      return { mod, rm: base, base, displacementBytes, isAbsolute: false, isRelative: false };
    }
  }
  const base = random.below(registers);
  const index = random.below(registers);
  const shift = random.below(4);
  const noBase = mod === 0 && (base & 7) === 5;
  if (base > 7) d.rex |= 0x41;
  if (index > 7) d.rex |= 0x42;
  return {
    ...{ mod, rm: 4, sib: (shift << 6) | ((index & 7) << 3) | (base & 7) },
    ...(noBase ? {} : { base }),
    ...(index === 4 ? {} : { index, scale: (1 << shift) as 1 | 2 | 4 | 8 }),
    ...{ displacementBytes: noBase ? 4 : displacementBytes, isAbsolute: noBase && index === 4 },
    isRelative: false,
  };
}

function drawAddress(d: FormDraft): Address {
  const reserved = reservedRegisters(d);
  const before = d.rex;
  const pushes = /^(PUSH|POP|CALL)/.test(d.form.row.mnemonic);
  for (;;) {
    d.rex = before;
    const a = d.form.addressBits === 16 ? drawAddress16(d) : drawAddress32(d);
    // Pushes follow the stack pointer: it must not be solved far from the window.
    const clashes =
      (pushes && a.base === 4 && a.index !== undefined) ||
      (a.base !== undefined && reserved.has(a.base)) ||
      (a.index !== undefined && reserved.has(a.index));
    if (!clashes) return a;
  }
}

/** ModRM memory operand `o` (undefined for rows that address memory without an operand). */
function drawMemory(d: FormDraft, o: Operand | undefined): void {
  const { random } = d;
  const { addressBits } = d.form;
  const a = drawAddress(d);
  const isStack = a.base === 5 || a.base === 4;
  const segment = d.segment >= 0 ? d.segment : isStack ? SS : DS;
  const contents = memoryContents(d, o);
  const { byteLength } = contents;
  d.tail.push((a.mod << 6) | ((d.reg & 7) << 3) | (a.rm & 7));
  if (a.sib !== undefined) d.tail.push(a.sib);
  const reference: MemoryReference = {
    ...contents,
    addressBits,
    segmentBase: d.mode.overrides[segment].base,
  };
  if (a.isAbsolute || a.isRelative) {
    const offset = drawOffset(d, byteLength, contents.alignment);
    const target = d.windowIn(segment) + offset;
    if (a.isRelative) {
      d.relativeAt = d.tail.length;
      d.relativeTarget = target;
      if (Math.abs(target) > 0x7000_0000) d.relativeTarget = 0;
    }
    d.tail.push(...littleEndian(target, a.displacementBytes));
    const reaches = Math.abs(target) < 0x7000_0000 && (addressBits !== 16 || target < 0x10000);
    d.memory.push({ ...reference, ...(reaches ? { offset } : {}) });
    return;
  }
  const bits = a.displacementBytes * 8;
  let displacement = bits === 0 ? 0 : Number(BigInt.asIntN(bits, drawInteger(random, bits as 8)));
  // Pushes would follow the stack pointer out of the window.
  if (a.base === 4) displacement %= 0x400;
  d.tail.push(...littleEndian(displacement, a.displacementBytes));
  const { base, index, scale } = a;
  d.memory.push({ ...reference, base, index, scale, displacement });
  drawWild(d, a);
}

/** Now and then a non-canonical address (64-bit). */
function drawWild(d: FormDraft, { base }: Address): void {
  if (d.form.addressBits !== 64 || base === undefined || !d.random.oneIn(48)) return;
  d.adjusts.push((draft, random) => {
    draft.gpr[base * 2 + 1] = (random.u32() & 0x7fff_ffff) | 0x4000_0000;
  });
}

/** An offset in the window for an operand whose address is in the code. */
export function drawOffset(d: FormDraft, byteLength: number, alignment = 1): number {
  const { random } = d;
  const last = WINDOW_BYTES - byteLength;
  if (random.oneIn(16)) return last + random.below(byteLength + 8);
  if (random.oneIn(6)) return WINDOW_BYTES / 2 - 1 - random.below(Math.max(1, byteLength - 1));
  const offset = random.below(last + 1);
  const natural = random.below(4) ? Math.max(alignment, byteLength & -byteLength || 1) : 1;
  return offset - (offset % natural);
}

/** Immediates, moffs and branch displacements. */
export function drawImmediates(d: FormDraft): void {
  const { row, operandBits, addressBits } = d.form;
  const { random } = d;
  for (const o of row.operands) {
    if (o.addressing === 'I') {
      const bits = o.width === 'bs' ? 8 : operandWidthBits(o, operandBits);
      d.immediate.push(...littleEndian(drawInteger(random, bits as IntegerWidth), bits / 8));
    } else if (o.addressing === 'O') {
      const byteLength = operandWidthBits(o, operandBits) / 8;
      const segment = d.segment >= 0 ? d.segment : DS;
      const offset = drawOffset(d, byteLength);
      const target = d.windowIn(segment) + offset;
      d.immediate.push(...littleEndian(target, addressBits / 8));
      const reaches = target >= 0 && target < 2 ** addressBits;
      const segmentBase = d.mode.overrides[segment].base;
      d.memory.push({ addressBits, byteLength, segmentBase, ...(reaches ? { offset } : {}) });
    }
  }
}
