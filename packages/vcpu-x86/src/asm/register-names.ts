// Register names as assemblers write them, by class and width.

const byName = ['al', 'cl', 'dl', 'bl', 'ah', 'ch', 'dh', 'bh'];
const byNameRex = ['al', 'cl', 'dl', 'bl', 'spl', 'bpl', 'sil', 'dil'];
const words = ['ax', 'cx', 'dx', 'bx', 'sp', 'bp', 'si', 'di'];

export const segmentNames: readonly string[] = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'];

/** Name of a general register; `hasRex` tells SPL…DIL from AH…BH. */
export function gprName(number: number, bits: number, hasRex: boolean): string {
  if (bits === 8) {
    if (number >= 8) return `r${number}b`;
    return (hasRex ? byNameRex : byName)[number];
  }
  if (number >= 8) return `r${number}${bits === 64 ? '' : bits === 32 ? 'd' : 'w'}`;
  return (bits === 64 ? 'r' : bits === 32 ? 'e' : '') + words[number];
}

/** What a register name says: its class, its number and its width in bits. */
export interface Register {
  readonly name: string;
  readonly kind: 'gpr' | 'segment' | 'control' | 'debug' | 'x87' | 'mmx' | 'xmm' | 'ip';
  readonly number: number;
  readonly bits: number;
  /** AH…BH cannot be named beside a REX prefix, SPL…DIL not without one. */
  readonly rex: 'needed' | 'forbidden' | 'free';
}

function all(): Map<string, Register> {
  const registers = new Map<string, Register>();
  const add = (
    name: string,
    kind: Register['kind'],
    number: number,
    bits: number,
    rex: Register['rex'] = 'free',
  ): void => {
    registers.set(name, { name, kind, number, bits, rex });
  };
  for (let i = 0; i < 16; i++) {
    const rex = i < 8 ? 'free' : 'needed';
    for (const bits of [16, 32, 64]) add(gprName(i, bits, false), 'gpr', i, bits, rex);
    add(gprName(i, 8, true), 'gpr', i, 8, i < 4 ? 'free' : 'needed');
    add(`xmm${i}`, 'xmm', i, 128, rex);
    add(`cr${i}`, 'control', i, 64, rex);
  }
  for (let i = 4; i < 8; i++) add(byName[i], 'gpr', i, 8, 'forbidden');
  for (let i = 0; i < 8; i++) {
    add(`dr${i}`, 'debug', i, 64);
    add(`mm${i}`, 'mmx', i, 64);
    add(`st${i}`, 'x87', i, 80);
  }
  segmentNames.forEach((name, i) => {
    add(name, 'segment', i, 16);
  });
  add('rip', 'ip', 16, 64);
  add('eip', 'ip', 16, 32);
  return registers;
}

/** Every register by its lower-case name; ST(i) is `st0`…`st7`. */
export const registers: ReadonlyMap<string, Register> = all();
