// Forms of the vector instructions for the case generator: every row of the given tables with random registers, memory
// operands and immediates, encoded from the row itself.
import type { Operand } from '../../../packages/vcpu-x86/src/isa/operand.js';
import type { Row } from '../../../packages/vcpu-x86/src/isa/row.js';
import { rows } from '../../../packages/vcpu-x86/src/isa/table.js';
import type {
  CaseDraft,
  EncodedInstruction,
  InstructionForm,
  MemoryReference,
} from './case-generator.js';
import type { Lane } from './edge-values.js';
import { setGpr } from './native-case.js';
import type { Random } from './random.js';

const vectorAddressing = new Set(['V', 'W', 'U', 'P', 'Q', 'N']);
/** Rows that name a vector register, and those without one that belong to the same state. */
export const vectorRows: readonly Row[] = rows.filter(
  (row) =>
    row.operands.some((o) => vectorAddressing.has(o.addressing)) ||
    ['EMMS', 'LDMXCSR', 'STMXCSR'].includes(row.mnemonic),
);

export const isMmxRow = (row: Row): boolean =>
  row.mnemonic === 'EMMS' || row.operands.some((o) => 'PQN'.includes(o.addressing));

function laneOf(row: Row, random: Random): Lane {
  const isInteger = /^(P|MOV|MASK|LDD)/.test(row.mnemonic);
  if (/^CVT(DQ|PI|SI)/.test(row.mnemonic)) return random.pick(['int32', 'int64']);
  if (!isInteger && /(PS|SS|PS2.*|SS2.*)$/.test(row.mnemonic)) return 'float32';
  if (!isInteger && /(PD|SD|PD2.*|SD2.*)$/.test(row.mnemonic)) return 'float64';
  return random.pick(['int8', 'int16', 'int32', 'int64']);
}

const prefixBytes: Record<Row['prefix'], readonly number[]> = {
  '': [],
  np: [],
  66: [0x66],
  f3: [0xf3],
  f2: [0xf2],
};
const maps: Record<Row['map'], readonly number[]> = {
  0: [],
  1: [0x0f],
  2: [0x0f, 0x38],
  3: [0x0f, 0x3a],
};

function widthBytes(o: Operand, wide: boolean): number {
  switch (o.width) {
    case 'b':
      return 1;
    case 'w':
      return 2;
    case 'd':
      return 4;
    case 'q':
      return 8;
    case 'y':
      return wide ? 8 : 4;
    default:
      return 16;
  }
}

/** Few different elements, short strings: otherwise nothing ever matches. */
function drawStrings(draft: CaseDraft, random: Random): void {
  const { code, fxsave, gpr, patches } = draft;
  const isWord = (code[code.length - 1] & 1) !== 0;
  const element = random.oneIn(8) ? 0x7e : 0;
  const redraw = (bytes: Uint8Array, from: number, to: number): void => {
    for (let i = from; i < to; i++) {
      bytes[i] = isWord && i & 1 ? 0 : random.oneIn(12) ? 0 : element + 1 + random.below(4);
      if (random.oneIn(40)) bytes[i] = 0xff - random.below(3);
    }
  };
  redraw(fxsave, 160, 416);
  for (const { bytes } of patches) redraw(bytes, 0, bytes.length);
  for (const register of [0, 2]) {
    if (random.oneIn(6)) continue;
    setGpr(gpr, register, random.below(41) - 20);
  }
}

/** What programs run with, half of the time: everything masked, to nearest, an inexact result behind them. */
function calmMxcsr({ fxsave }: CaseDraft, random: Random): void {
  if (random.oneIn(2)) fxsave.set([0xa0, 0x1f], 24);
}

function drawMxcsr({ patches }: CaseDraft, random: Random): void {
  for (const { bytes } of patches) {
    // Bit 17, which only AMD has, must stay clear.
    if (bytes.length > 2) bytes[2] &= ~2;
    if (random.oneIn(4) || bytes.length < 4) continue;
    bytes[2] = bytes[3] = 0;
  }
}

/** One random encoding of the row. */
export function encodeRow(row: Row, bits: 32 | 64, random: Random): EncodedInstruction {
  const long = bits === 64;
  const sized = row.operands.some((o) => o.width === 'y') || row.attributes.has('size=y');
  const wide = long && sized && random.oneIn(2);
  const hasModrm = row.modrm !== 'none';
  const isMemory = row.modrm === 'mem' || (row.modrm === 'any' && random.oneIn(2));
  const extended = (): number => (long && random.oneIn(3) ? 8 : 0);
  const reg = row.extension >= 0 ? row.extension : random.below(8) + extended();
  // rAX and rDX are lengths of strings.
  const base = random.pick([1, 3, 5, 6, 7]);
  const rm = isMemory ? base : random.below(8) + extended();
  const rex = (wide ? 8 : 0) | (reg & 8 ? 4 : 0) | (rm & 8 ? 1 : 0);
  const code = [
    ...prefixBytes[row.prefix],
    ...(rex ? [0x40 | rex] : []),
    ...maps[row.map],
    row.opcode,
  ];
  const memory: MemoryReference[] = [];
  const lane = laneOf(row, random);
  if (hasModrm) {
    code.push((isMemory ? 0x40 : 0xc0) | ((reg & 7) << 3) | (rm & 7));
    if (isMemory) {
      const displacement = random.below(256) - 128;
      code.push(displacement & 0xff);
      const operand = row.operands.find((o) => 'MEWQ'.includes(o.addressing)) as Operand;
      const byteLength = widthBytes(operand, wide);
      const aligned = operand.width === 'x' && !row.attributes.has('unaligned');
      memory.push({
        ...{ base, displacement, addressBits: bits, byteLength },
        ...(byteLength >= 8 || lane.startsWith('float') ? { lane } : {}),
        ...(aligned ? { alignment: 16 } : {}),
      });
    }
  }
  if (row.mnemonic.startsWith('MASKMOV')) {
    memory.push({
      base: 7,
      addressBits: bits,
      byteLength: isMmxRow(row) ? 8 : 16,
      mayFault: false,
    });
  }
  if (row.operands.some((o) => o.addressing === 'I')) code.push(random.below(256));
  return {
    code: Uint8Array.from(code),
    memory,
    lane,
    ...(/^PCMP.STR/.test(row.mnemonic) ? { adjust: drawStrings } : {}),
    ...(lane.startsWith('float') ? { adjust: calmMxcsr } : {}),
    ...(row.mnemonic === 'LDMXCSR' ? { adjust: drawMxcsr } : {}),
    ...(isMmxRow(row) ? { fpu: random.oneIn(8) ? 'x87' : 'mmx' } : {}),
  };
}

export const formOf = (row: Row, bits: 32 | 64): InstructionForm => ({
  name: `${row.source[0]} ${row.source[1]}`,
  encode: (random) => encodeRow(row, bits, random),
});
