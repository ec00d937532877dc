// One operand of assembly text: registers, `[fs:ebx+ecx*4+8]`, `dword [rel label]`, `word ptr [bp]`, `0x10:entry`, numbers.
import {
  AsmError,
  add,
  constant,
  type Expression,
  numberOf,
  subtract,
  type TokenReader,
} from './expression.js';
import type { MemoryValue, OperandValue } from './operand-value.js';
import { type Register, registers, segmentNames } from './register-names.js';

const sizes: Readonly<Record<string, number>> = {
  byte: 8,
  word: 16,
  dword: 32,
  qword: 64,
  tword: 80,
  tbyte: 80,
  oword: 128,
  xmmword: 128,
};

const registerOf = (token: string | undefined): Register | undefined =>
  registers.get(token?.toLowerCase() ?? '');

interface Address {
  base: Register | null;
  index: Register | null;
  scale: 1 | 2 | 4 | 8;
  displacement: Expression;
  isRelative: boolean;
}

function addRegister(a: Address, register: Register, scale: bigint, isScaled: boolean): void {
  if (register.kind === 'ip') {
    a.isRelative = true;
    return;
  }
  if (register.kind !== 'gpr' || register.bits === 8)
    throw new AsmError(`${register.name} cannot be part of an address`);
  if (scale !== 1n && scale !== 2n && scale !== 4n && scale !== 8n)
    throw new AsmError(`an index is scaled by 1, 2, 4 or 8, not ${scale}`);
  if (!isScaled && a.base === null) {
    a.base = register;
    return;
  }
  if (a.index !== null) throw new AsmError('an address has at most a base and an index register');
  a.index = register;
  a.scale = Number(scale) as 1 | 2 | 4 | 8;
}

function addTerm(a: Address, reader: TokenReader, isNegative: boolean): void {
  const register = registerOf(reader.peek);
  const product = reader.ahead(1) === '*' ? registerOf(reader.ahead(2)) : undefined;
  if (register || product) {
    if (isNegative) throw new AsmError('a register cannot be subtracted');
    const first = reader.next();
    if (product) {
      reader.next();
      reader.next();
      addRegister(a, product, numberOf(first) ?? 0n, true);
    } else if (register && reader.take('*'))
      addRegister(a, register, numberOf(reader.next()) ?? 0n, true);
    else if (register) addRegister(a, register, 1n, false);
    return;
  }
  const value = reader.term();
  a.displacement = isNegative ? subtract(a.displacement, value) : add(a.displacement, value);
}

/** What follows `[`. */
function parseMemory(
  reader: TokenReader,
  bits: number,
  isFar: boolean,
  outerSegment: number | null,
): MemoryValue {
  let segment = outerSegment;
  let addressBits: MemoryValue['addressBits'] = 0;
  const a: Address = {
    base: null,
    index: null,
    scale: 1,
    displacement: constant(0),
    isRelative: false,
  };
  for (;;) {
    const word = reader.peek?.toLowerCase() ?? '';
    const number = segmentNames.indexOf(word);
    if (number >= 0) {
      reader.next();
      reader.expect(':');
      segment = number;
    } else if (word === 'rel') {
      reader.next();
      a.isRelative = true;
    } else if (word in sizes && sizes[word] >= 16 && sizes[word] <= 64) {
      reader.next();
      addressBits = sizes[word] as 16 | 32 | 64;
    } else break;
  }
  let isNegative = reader.take('-');
  for (;;) {
    addTerm(a, reader, isNegative);
    if (reader.take(']')) break;
    isNegative = reader.take('-');
    if (!isNegative) reader.expect('+');
  }
  if (a.isRelative && (a.base || a.index))
    throw new AsmError('a rip-relative address has no other register');
  if (a.isRelative && !a.displacement.isSymbolic && reader.ahead(-2)?.toLowerCase() === 'rip')
    throw new AsmError('write [rel target]: an offset from rip is worked out by the assembler');
  return { kind: 'memory', bits, isFar, segment, addressBits, ...a };
}

function parseRegister(reader: TokenReader): Register | null {
  if (reader.peek?.toLowerCase() === 'st') {
    reader.next();
    let number = 0n;
    if (reader.take('(')) {
      number = numberOf(reader.next()) ?? -1n;
      reader.expect(')');
    }
    return registers.get(`st${number}`) ?? null;
  }
  const register = registerOf(reader.peek);
  if (!register || register.kind === 'ip') return null;
  reader.next();
  return register;
}

/** Reads one operand; leaves the comma after it. */
export function parseOperand(reader: TokenReader): OperandValue {
  let bits = 0;
  let isFar = false;
  let distance: 'short' | 'near' | null = null;
  for (;;) {
    const word = reader.peek?.toLowerCase() ?? '';
    if (word in sizes) bits = sizes[word];
    else if (word === 'far') isFar = true;
    else if (word === 'short' || word === 'near') distance = word;
    else if (word !== 'ptr') break;
    reader.next();
  }
  if (reader.take('[')) return parseMemory(reader, bits, isFar, null);
  const register = parseRegister(reader);
  if (register) {
    if (register.kind === 'segment' && reader.take(':')) {
      reader.expect('[');
      return parseMemory(reader, bits, isFar, register.number);
    }
    return { kind: 'register', register };
  }
  const value = reader.expression();
  if (reader.take(':')) return { kind: 'far', bits, selector: value, offset: reader.expression() };
  return { kind: 'immediate', bits, value, distance };
}
