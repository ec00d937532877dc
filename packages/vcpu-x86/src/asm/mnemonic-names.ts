// Between the tables' mnemonics (one per meaning) and what assemblers write: suffixes by size, aliases, spellings.
import { isMemoryOperand, operandWidthBits } from '../isa/form.js';
import type { Row } from '../isa/row.js';

/** Spellings of one mnemonic by operand size 16, 32, 64. */
const byOperandSize: Readonly<Record<string, readonly [string, string, string]>> = {
  CBW: ['cbw', 'cwde', 'cdqe'],
  CWD: ['cwd', 'cdq', 'cqo'],
  PUSHA: ['pushaw', 'pushad', ''],
  POPA: ['popaw', 'popad', ''],
  PUSHF: ['pushfw', 'pushfd', 'pushfq'],
  POPF: ['popfw', 'popfd', 'popfq'],
  IRET: ['iretw', 'iretd', 'iretq'],
  SYSRET: ['', 'sysret', 'sysretq'],
  SYSEXIT: ['', 'sysexit', 'sysexitq'],
  FXSAVE: ['', 'fxsave', 'fxsave64'],
  FXRSTOR: ['', 'fxrstor', 'fxrstor64'],
  XSAVE: ['', 'xsave', 'xsave64'],
  XRSTOR: ['', 'xrstor', 'xrstor64'],
  XSAVEOPT: ['', 'xsaveopt', 'xsaveopt64'],
  MOVD: ['', 'movd', 'movq'],
  PEXTRD: ['', 'pextrd', 'pextrq'],
  PINSRD: ['', 'pinsrd', 'pinsrq'],
};

/** One operation with a spelling by address size. */
const byAddressSize: Readonly<Record<string, readonly [string, string, string]>> = {
  JCXZ: ['jcxz', 'jecxz', 'jrcxz'],
};

const strings = new Set(['MOVS', 'CMPS', 'STOS', 'LODS', 'SCAS', 'INS', 'OUTS']);

const spellings: Readonly<Record<string, string>> = {
  MOV_TO_SEG: 'mov',
  MOV_FROM_SEG: 'mov',
  MOV_TO_CR: 'mov',
  MOV_FROM_CR: 'mov',
  MOV_TO_DR: 'mov',
  MOV_FROM_DR: 'mov',
  PUSH_SEG: 'push',
  POP_SEG: 'pop',
  CALL_FAR: 'call',
  JMP_FAR: 'jmp',
  RET_FAR: 'retf',
  XLAT: 'xlatb',
  FWAIT: 'wait',
};

/** Other names for a spelling that `spellingOf` yields. */
const aliases: Readonly<Record<string, string>> = {
  jc: 'jb',
  jnae: 'jb',
  jnb: 'jae',
  jnc: 'jae',
  jz: 'je',
  jnz: 'jne',
  jna: 'jbe',
  jnbe: 'ja',
  jpe: 'jp',
  jpo: 'jnp',
  jnge: 'jl',
  jnl: 'jge',
  jng: 'jle',
  jnle: 'jg',
  sal: 'shl',
  loopz: 'loope',
  loopnz: 'loopne',
  xlat: 'xlatb',
  fwait: 'wait',
  retn: 'ret',
  fclex: 'fnclex',
  finit: 'fninit',
  icebp: 'int1',
  ud2a: 'ud2',
};

/** Spellings whose size follows the mode or an o16, o32 or o64 prefix. */
const sizeless: Readonly<Record<string, string>> = {
  pusha: 'PUSHA',
  popa: 'POPA',
  pushf: 'PUSHF',
  popf: 'POPF',
  iret: 'IRET',
};

const sizeIndex = (bits: number): number => bits >> 5;

function stringSuffix(row: Row, operandBits: 16 | 32 | 64): string {
  const memory = row.operands.find((o) => isMemoryOperand(o, false));
  return (
    { 8: 'b', 16: 'w', 32: 'd', 64: 'q' }[memory ? operandWidthBits(memory, operandBits) : 0] ?? ''
  );
}

/** How an assembler spells this row at these sizes: lower case. */
export function spellingOf(row: Row, operandBits: 16 | 32 | 64, addressBits: 16 | 32 | 64): string {
  const { mnemonic } = row;
  if (strings.has(mnemonic)) return mnemonic.toLowerCase() + stringSuffix(row, operandBits);
  const sized = byOperandSize[mnemonic]?.[sizeIndex(operandBits)];
  if (sized) return sized;
  const addressed = byAddressSize[mnemonic]?.[sizeIndex(addressBits)];
  if (addressed) return addressed;
  return spellings[mnemonic] ?? mnemonic.toLowerCase();
}

/** Whether the row's operands are part of its spelling (strings): they are not written then. */
export const hidesOperands = (row: Row): boolean => strings.has(row.mnemonic);

/** Whether the spelling tells the operand size. */
export const spellsSize = (row: Row): boolean =>
  row.mnemonic in byOperandSize || strings.has(row.mnemonic);

/** What a spelling may mean: the canonical spelling, and the mnemonic when the size is left to the mode. */
export function resolveSpelling(name: string): { spelling: string; sizeless: string | null } {
  const lower = name.toLowerCase();
  if (lower in sizeless) return { spelling: lower, sizeless: sizeless[lower] };
  const alias = aliases[lower];
  if (alias !== undefined) return { spelling: alias, sizeless: null };
  const condition = /^(set|cmov)(.+)$/.exec(lower);
  const jump = condition ? aliases[`j${condition[2]}`] : undefined;
  return { spelling: condition && jump ? condition[1] + jump.slice(1) : lower, sizeless: null };
}
