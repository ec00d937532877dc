// The decoder's rules that a comparison with another decoder shows less clearly: prefixes, page ends, features.
import { describe, expect, it } from 'vitest';
import { DECODE_INVALID, DECODE_TOO_LONG, DECODE_TRUNCATED, decode } from './decode.js';
import { FeatureGate } from './feature-gate.js';
import { formKey, formsOf } from './form.js';
import { type CodeBits, Instruction } from './instruction.js';
import { type CpuFeature, cpuFeatures } from './row-parser.js';
import { type Mnemonic, rows } from './table.js';

const i = new Instruction();

function run(hex: string, bits: CodeBits = 32, gate: FeatureGate | null = null): number {
  const bytes = Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
  return decode(bytes, 0, bytes.length, bits, gate, i);
}

describe('prefixes', () => {
  it('are taken once however often they stand, and the last segment wins', () => {
    expect(run('666626648b03')).toBe(6);
    expect(i).toMatchObject({ operandBits: 16, segment: 4, reg: 0, base: 3 });
  });
  it('of segments other than FS and GS mean nothing in 64-bit mode, even after them', () => {
    expect(run('642e8b03', 64)).toBe(4);
    expect(i.segment).toBe(4);
    expect(run('268b4500', 64)).toBe(4);
    expect(i.segment).toBe(2);
  });
  it('after REX take REX away', () => {
    expect(run('48668b03', 64)).toBe(4);
    expect(i).toMatchObject({ operandBits: 16, hasRex: false });
    expect(run('66488b03', 64)).toBe(4);
    expect(i).toMatchObject({ operandBits: 64, hasRex: true });
  });
  it('F3 and F2 choose the row before 66 does, the last of them', () => {
    expect(run('66f30f6fc1')).toBe(5);
    expect(i.row.mnemonic).toBe('MOVDQU');
    expect(run('f3f20f10c1')).toBe(5);
    expect(i.row.mnemonic).toBe('MOVSD');
    expect(i.repeat).toBe(0);
  });
  it('66 beside F2 and F3 is the operand size of CRC32 and POPCNT', () => {
    expect(run('66f20f38f1c1')).toBe(6);
    expect(i).toMatchObject({ operandBits: 16 });
    expect(run('66f30fb8c1')).toBe(5);
    expect(i).toMatchObject({ operandBits: 16 });
  });
  it('66 does not shrink a near branch in 64-bit mode', () => {
    expect(run('66e800000000', 64)).toBe(6);
    expect(i.operandBits).toBe(64);
  });
  it('LOCK needs a lockable instruction with a memory destination', () => {
    expect(run('f00103')).toBe(3);
    expect(i.lock).toBe(true);
    for (const hex of ['f001c3', 'f00303', 'f08903', 'f090', 'f00f20c0', 'f03903'])
      expect(run(hex)).toBe(DECODE_INVALID);
  });
  it('a repeat prefix is in effect only where one means something', () => {
    expect(run('f3a4')).toBe(2);
    expect(i.repeat).toBe(0xf3);
    expect(run('f2a6')).toBe(2);
    expect(i.repeat).toBe(0xf2);
    expect(run('f3c3')).toBe(2);
    expect(i.repeat).toBe(0);
  });
});

describe('operands', () => {
  it('MOV CR ignores ModRM.mod, and only CR0, 2, 3, 4 and 8 exist', () => {
    expect(run('0f2200')).toBe(3);
    expect(i).toMatchObject({ isRegister: true, reg: 0, rm: 0 });
    expect(run('0f2244')).toBe(3);
    expect(run('0f20c8')).toBe(DECODE_INVALID);
    expect(run('440f20c0', 64)).toBe(4);
    expect(i).toMatchObject({ reg: 8, operandBits: 64 });
  });
  it('CS cannot be loaded by MOV', () => expect(run('8ec8')).toBe(DECODE_INVALID));
  it('immediates are sign-extended to 64 bits in two halves', () => {
    expect(run('4883c0ff', 64)).toBe(4);
    expect(i).toMatchObject({ immLow: -1, immHigh: -1 });
    expect(run('48b8f0debc9a78563412', 64)).toBe(10);
    expect(i).toMatchObject({ immLow: 0x9abcdef0 | 0, immHigh: 0x12345678 });
  });
  it('far pointers and ENTER have a second immediate', () => {
    expect(run('ea785634122300')).toBe(7);
    expect(i).toMatchObject({ immLow: 0x12345678, imm2: 0x23 });
    expect(run('c810001f')).toBe(4);
    expect(i).toMatchObject({ immLow: 16, imm2: 31 });
  });
  it('90 is NOP unless REX.B makes it an exchange', () => {
    expect(run('4890', 64)).toBe(2);
    expect(i.row.mnemonic).toBe('NOP');
    expect(run('4190', 64)).toBe(2);
    expect(i).toMatchObject({ rm: 8 });
    expect(i.row.mnemonic).toBe('XCHG');
  });
  it('CMPXCHG8B with REX.W is CMPXCHG16B', () => {
    expect(run('480fc70f', 64)).toBe(4);
    expect(i.row.mnemonic).toBe('CMPXCHG16B');
  });
});

describe('the end of the bytes', () => {
  it('asks for more at every length short of the instruction', () => {
    const hex = '66f0818480123456789abc';
    for (let length = 0; length < hex.length; length += 2)
      expect(run(hex.slice(0, length))).toBe(DECODE_TRUNCATED);
    expect(run(hex)).toBe(11);
    expect(run('')).toBe(DECODE_TRUNCATED);
  });
  it('is not read past, though the array goes on', () => {
    expect(decode(Uint8Array.of(0xb8, 1, 2, 3, 4), 0, 4, 32, null, i)).toBe(DECODE_TRUNCATED);
  });
  it('is 15 bytes away at most', () => {
    expect(run(`${'66'.repeat(14)}90`)).toBe(15);
    expect(run(`${'66'.repeat(15)}90`)).toBe(DECODE_TOO_LONG);
    expect(run('66'.repeat(14))).toBe(DECODE_TRUNCATED);
    expect(run(`${'2e'.repeat(11)}b801020304`)).toBe(DECODE_TOO_LONG);
  });
});

describe('a CPU without a feature', () => {
  const without = (...names: CpuFeature[]): FeatureGate =>
    new FeatureGate(cpuFeatures.filter((f) => !names.includes(f)));
  it('does not know its instructions', () => {
    expect(run('f30fb8c1', 32, without('popcnt'))).toBe(DECODE_INVALID);
    expect(run('0f58c1', 32, without('sse'))).toBe(DECODE_INVALID);
    expect(run('0f58c1', 32, FeatureGate.all())).toBe(3);
  });
  it('executes LZCNT and TZCNT as BSR and BSF', () => {
    expect(run('f30fbdc1', 32, without('lzcnt'))).toBe(4);
    expect(i.row.mnemonic).toBe('BSR');
    expect(run('f30fbcc1', 32, without('bmi1'))).toBe(4);
    expect(i.row.mnemonic).toBe('BSF');
  });
  it('takes prefetches as no-operations', () => {
    expect(run('0f1808', 32, without('sse'))).toBe(3);
    expect(i.row.mnemonic).toBe('NOP');
    expect(run('0f1808', 32, without('sse', 'nopl'))).toBe(DECODE_INVALID);
  });
});

describe('forms', () => {
  it('have distinct keys and exist for every row in some mode', () => {
    for (const bits of [16, 32, 64] as const) {
      const keys = rows.flatMap((row) => formsOf(row, bits)).map(formKey);
      expect(new Set(keys).size).toBe(keys.length);
    }
    const idle = rows.filter((row) => formsOf(row, 32).length + formsOf(row, 64).length === 0);
    expect(idle).toEqual([]);
  });
});

describe('mnemonics', () => {
  it('are a type of exactly the words in the tables', () => {
    const known: Mnemonic = 'CMPXCHG16B';
    // @ts-expect-error: no row says this.
    const unknown: Mnemonic = 'VADDPS';
    const words = new Set(rows.map((row) => row.mnemonic));
    expect([words.has(known), words.has(unknown)]).toEqual([true, false]);
  });
});
