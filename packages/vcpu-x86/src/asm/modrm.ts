// ModRM, SIB and displacement of a memory operand, shortest form (SDM vol. 2A §2.1.5).
import type { CodeBits } from '../isa/instruction.js';
import { AsmError, type Scope } from './expression.js';
import type { MemoryValue } from './operand-value.js';

/** The encoded operand; `relativeAt` is where a rip-relative displacement stands, -1 for none. */
export interface ModrmBytes {
  readonly bytes: readonly number[];
  readonly rexX: boolean;
  readonly rexB: boolean;
  readonly relativeAt: number;
}

/** Address size that the operand needs. */
export function addressBitsOf(m: MemoryValue, bits: CodeBits): 16 | 32 | 64 {
  const register = m.base ?? m.index;
  if (m.base && m.index && m.base.bits !== m.index.bits)
    throw new AsmError(`${m.base.name} and ${m.index.name} differ in size`);
  const said = register ? (register.bits as 16 | 32 | 64) : m.addressBits || bits;
  if ((said === 64) !== (bits === 64) && said !== 32)
    throw new AsmError(`${said}-bit addresses do not exist in ${bits}-bit code`);
  if (m.isRelative && bits !== 64)
    throw new AsmError('rip-relative addresses exist only in 64-bit code');
  return said;
}

/** The segment that the operand uses without an override. */
export const defaultSegment = (m: MemoryValue): number =>
  m.base && (m.base.number === 4 || m.base.number === 5) ? 2 : 3;

export const littleEndian = (value: bigint, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, i) => Number((value >> BigInt(i * 8)) & 0xffn));

const isSigned = (value: bigint, bits: number): boolean => value === BigInt.asIntN(bits, value);

/** A displacement as the signed number that wraps to it, or an error when it does not fit. */
function displacementOf(m: MemoryValue, addressBits: number, scope: Scope): bigint {
  const value = m.displacement.evaluate(scope);
  const limit = 1n << BigInt(addressBits);
  if (value < -(limit / 2n) || value >= limit)
    throw new AsmError(`address ${value} does not fit ${addressBits} bits`);
  const signed = BigInt.asIntN(addressBits, value);
  if (addressBits === 64 && !isSigned(signed, 32))
    throw new AsmError(`address 0x${value.toString(16)} does not fit a 32-bit displacement`);
  return signed;
}

const forms16: Readonly<Record<string, number>> = {
  '3,6': 0,
  '3,7': 1,
  '5,6': 2,
  '5,7': 3,
  '6,': 4,
  '7,': 5,
  '5,': 6,
  '3,': 7,
};

function encode16(m: MemoryValue, reg: number, scope: Scope): ModrmBytes {
  const disp = displacementOf(m, 16, scope);
  if (!m.base && !m.index)
    return {
      bytes: [(reg << 3) | 6, ...littleEndian(disp, 2)],
      rexX: false,
      rexB: false,
      relativeAt: -1,
    };
  const b = m.base?.number ?? '';
  const i = m.index?.number ?? '';
  const rm = forms16[`${b},${i}`] ?? forms16[`${i},${b}`];
  if (rm === undefined || m.scale !== 1)
    throw new AsmError('these registers make no 16-bit address');
  let size = isSigned(disp, 8) ? 1 : 2;
  if (m.displacement.isSymbolic) size = 2;
  else if (disp === 0n && rm !== 6) size = 0;
  return {
    bytes: [(size << 6) | (reg << 3) | rm, ...littleEndian(disp, size)],
    rexX: false,
    rexB: false,
    relativeAt: -1,
  };
}

/** `reg`: the low three bits of ModRM.reg. */
export function encodeMemory(
  m: MemoryValue,
  reg: number,
  addressBits: number,
  bits: CodeBits,
  scope: Scope,
): ModrmBytes {
  if (addressBits === 16) return encode16(m, reg, scope);
  if (m.isRelative)
    return { bytes: [(reg << 3) | 5, 0, 0, 0, 0], rexX: false, rexB: false, relativeAt: 1 };
  const disp = displacementOf(m, addressBits, scope);
  let { base, index } = m;
  if (index?.number === 4 && m.scale === 1) [base, index] = [index, base];
  if (index?.number === 4) throw new AsmError(`${index.name} cannot be an index`);
  const disp32 = littleEndian(disp, 4);
  const rexX = (index?.number ?? 0) >= 8;
  const rexB = (base?.number ?? 0) >= 8;
  const scale = { 1: 0, 2: 1, 4: 2, 8: 3 }[m.scale] << 6;
  const indexBits = ((index?.number ?? 4) & 7) << 3;
  if (!base) {
    // Without registers 64-bit code needs a SIB byte: the short form means rip-relative there.
    const bytes = index || bits === 64 ? [(reg << 3) | 4, scale | indexBits | 5] : [(reg << 3) | 5];
    return { bytes: [...bytes, ...disp32], rexX, rexB, relativeAt: -1 };
  }
  const low = base.number & 7;
  let mod = isSigned(disp, 8) ? 1 : 2;
  if (m.displacement.isSymbolic) mod = 2;
  else if (disp === 0n && low !== 5) mod = 0;
  const tail = mod === 0 ? [] : mod === 1 ? littleEndian(disp, 1) : disp32;
  const needsSib = index !== null || low === 4;
  const head = needsSib
    ? [(mod << 6) | (reg << 3) | 4, scale | indexBits | low]
    : [(mod << 6) | (reg << 3) | low];
  return { bytes: [...head, ...tail], rexX, rexB, relativeAt: -1 };
}
