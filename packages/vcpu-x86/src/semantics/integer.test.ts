import { describe, expect, test } from 'vitest';
import { Builder } from '../ir/builder.js';
import { formsOf } from '../isa/form.js';
import { rows } from '../isa/table.js';
import { BUDGET, FLAGS_OTHER, PENDING, SCRATCH } from '../state/layout.js';
import { recordBinding } from './binding.js';
import { integerSemantics } from './integer.js';
import { Operands, type Semantics } from './operands.js';
import { TestProcessor } from './test-processor.contract.js';

const table: Readonly<Record<string, Semantics>> = integerSemantics;
const processor = (bits: 16 | 32 | 64 = 32): TestProcessor => new TestProcessor(bits, table);
const CF = 1;
const ZF = 0x40;
const OF = 0x800;
const NEXT = 0x1002n;

describe('structure', () => {
  test('every integer form can be written down with its operands left open', () => {
    let programs = 0;
    for (const row of rows.filter((r) => r.mnemonic in table)) {
      for (const bits of [16, 32, 64] as const) {
        for (const form of formsOf(row, bits)) {
          for (const flat of [true, false]) {
            const b = new Builder();
            const { operandBits, addressBits, isRegister } = form;
            const mode = { bits, stackBits: bits, flat };
            const shape = {
              mode,
              row,
              operandBits,
              addressBits,
              isRegister,
              repeat: 0,
              indexed: false,
              segmented: !flat,
            } as const;
            table[row.mnemonic](b, new Operands(b, shape, recordBinding));
            programs++;
          }
        }
      }
    }
    expect(programs).toBeGreaterThan(3000);
  });
  test('every mnemonic here is in the instruction tables', () => {
    const known = new Set(rows.map((r) => r.mnemonic));
    expect(Object.keys(table).filter((m) => !known.has(m))).toEqual([]);
  });
});

describe('division', () => {
  test('DIV by zero raises #DE and changes nothing', () => {
    const p = processor();
    p.set({ rax: 7, rdx: 0, rcx: 0 });
    expect(p.run('f7 f1')).toBe('fault');
    expect(p.fault).toEqual([0, -1]);
    expect(p.get('rax')).toBe(7n);
  });
  test('DIV whose quotient needs 33 bits raises #DE', () => {
    const p = processor();
    p.set({ rax: 0, rdx: 5, rcx: 5 });
    expect(p.run('f7 f1')).toBe('fault');
    p.set({ rdx: 4 });
    expect(p.run('f7 f1')).toBe('next');
    expect([p.get('rax'), p.get('rdx')]).toEqual([0xccccccccn, 4n]);
  });
  test('IDIV of the most negative dividend by -1 raises #DE in every width', () => {
    const p = processor(64);
    p.set({ rax: 1n << 63n, rdx: -1, rcx: -1 });
    expect(p.run('48 f7 f9')).toBe('fault');
    p.set({ rax: 0x80000000n, rdx: 0xffffffffn });
    expect(p.run('f7 f9')).toBe('fault');
    p.set({ rax: 0x8000 });
    expect(p.run('66 f7 f9')).toBe('fault');
    expect(p.fault).toEqual([0, -1]);
  });
  test('a 128-bit dividend is divided exactly, signed too', () => {
    const p = processor(64);
    const divisor = 0xfedcba9876543211n;
    const dividend = 0x123456789abcdef0_0fedcba987654321n;
    p.set({ rax: dividend, rdx: dividend >> 64n, rcx: divisor });
    expect(p.run('48 f7 f1')).toBe('next');
    expect([p.get('rax'), p.get('rdx')]).toEqual([dividend / divisor, dividend % divisor]);
    const negative = -0x123456789abcdef0_0fedcba9n;
    p.set({ rax: negative, rdx: negative >> 64n, rcx: 0x7000000000000001n });
    expect(p.run('48 f7 f9')).toBe('next');
    const [q, r] = [negative / 0x7000000000000001n, negative % 0x7000000000000001n];
    expect([p.get('rax'), p.get('rdx')]).toEqual([BigInt.asUintN(64, q), BigInt.asUintN(64, r)]);
  });
});

describe('shifts', () => {
  test('RCL of a byte rotates through nine places', () => {
    const p = processor();
    p.set({ rax: 0x81, rcx: 9 });
    p.state.rflags = 2 | CF;
    p.run('d2 d0');
    expect([p.get('rax'), p.state.rflags & CF]).toEqual([0x81n, CF]);
    p.set({ rcx: 2 });
    p.run('d2 d0');
    expect([p.get('rax'), p.state.rflags & CF]).toEqual([0x07n, 0]);
  });
  test('a shift by a masked count of 0 changes no flag but clears the upper half of a 32-bit register', () => {
    const p = processor(64);
    p.set({ rax: 0x1_0000_0000n, rcx: 32 });
    p.state.rflags = 2 | CF | OF;
    p.run('d3 e0');
    expect([p.get('rax'), p.state.rflags]).toEqual([0n, 2 | CF | OF]);
  });
  test('SHL of a word by 16 leaves its lowest bit in CF', () => {
    const p = processor();
    p.set({ rax: 0xabcd_0001n, rcx: 16 });
    p.run('66 d3 e0');
    expect([p.get('rax'), p.state.rflags & (CF | ZF)]).toEqual([0xabcd0000n, CF | ZF]);
  });
  test('SHLD of a word fills from the source', () => {
    const p = processor();
    p.set({ rax: 0x1234, rdx: 0xabcd });
    p.run('66 0f a4 d0 04');
    expect([p.get('rax'), p.state.rflags & CF]).toEqual([0x234an, CF]);
  });
});

describe('decimal and exchange', () => {
  test('DAA corrects 79h + 35h to 14 with carry', () => {
    const p = processor();
    p.set({ rax: 0x79 });
    p.run('04 35');
    p.run('27');
    expect([p.get('rax'), p.state.rflags & CF]).toEqual([0x14n, CF]);
  });
  test('AAM by 0 raises #DE', () => {
    expect(processor().run('d4 00')).toBe('fault');
  });
  test('CMPXCHG8B stores rCX:rBX when equal and else loads rDX:rAX; only ZF changes', () => {
    const p = processor();
    p.ram.setBigUint64(0x200, 0x1122334455667788n, true);
    p.set({ rdi: 0x200, rax: 0x55667788, rdx: 0x11223344, rbx: 1, rcx: 2 });
    p.state.rflags = 2 | CF | OF;
    p.run('0f c7 0f');
    expect(p.ram.getBigUint64(0x200, true)).toBe(0x2_00000001n);
    expect(p.state.rflags).toBe(2 | CF | OF | ZF);
    p.run('0f c7 0f');
    expect([p.get('rax'), p.get('rdx'), p.state.rflags]).toEqual([1n, 2n, 2 | CF | OF]);
  });
  test('CMPXCHG16B of an unaligned operand raises #GP(0)', () => {
    const p = processor(64);
    p.set({ rdi: 0x208 });
    expect(p.run('48 0f c7 0f')).toBe('fault');
    expect(p.fault).toEqual([13, 0]);
  });
  test('BTS with a register offset reaches beyond its memory operand, backwards too', () => {
    const p = processor();
    p.set({ rdi: 0x200, rax: -33 });
    p.run('0f ab 07');
    expect(p.ram.getUint32(0x1f8, true)).toBe(0x80000000);
  });
});

describe('stack', () => {
  test('PUSHA that faults midway leaves every register', () => {
    const p = processor();
    p.faultFrom = 0x4000;
    p.set({ rsp: 0x4010 });
    expect(p.run('60')).toBe('fault');
    expect([p.get('rsp'), p.fault[0]]).toEqual([0x4010n, 14]);
  });
  test('PUSH rSP stores the old value, POP rSP keeps what it popped', () => {
    const p = processor();
    p.run('54');
    expect([p.get('rsp'), p.ram.getUint32(0x7ffc, true)]).toEqual([0x7ffcn, 0x8000]);
    p.run('5c');
    expect(p.get('rsp')).toBe(0x8000n);
  });
  test('POP into memory addressed by rSP uses the incremented pointer', () => {
    const p = processor();
    p.ram.setUint32(0x8000, 0xcafe, true);
    p.run('8f 04 24');
    expect([p.get('rsp'), p.ram.getUint32(0x8004, true)]).toEqual([0x8004n, 0xcafe]);
  });
  test('ENTER with a level copies the display and LEAVE undoes it', () => {
    const p = processor();
    p.set({ rbp: 0x9000 });
    p.ram.setUint32(0x8ffc, 0x1111, true);
    p.run('c8 10 00 02');
    expect([p.get('rbp'), p.get('rsp')]).toEqual([0x7ffcn, 0x7fe4n]);
    const stack = [0x7ffc, 0x7ff8, 0x7ff4].map((at) => p.ram.getUint32(at, true));
    expect(stack).toEqual([0x9000, 0x1111, 0x7ffc]);
    p.run('c9');
    expect([p.get('rbp'), p.get('rsp')]).toEqual([0x9000n, 0x8000n]);
  });
  test('RET to an address that is not canonical raises #GP(0) and leaves the stack pointer', () => {
    const p = processor(64);
    p.ram.setBigUint64(0x8000, 1n << 47n, true);
    expect(p.run('c3')).toBe('fault');
    expect([p.fault, p.get('rsp')]).toEqual([[13, 0], 0x8000n]);
  });
});

describe('strings', () => {
  test('a fault in the middle of REP MOVSB keeps what was done and restarts with the rest', () => {
    const p = processor();
    p.faultFrom = 0x2004;
    p.set({ rsi: 0x100, rdi: 0x2000, rcx: 6 });
    expect(p.run('f3 a4')).toBe('fault');
    expect(['rsi', 'rdi', 'rcx'].map((r) => p.get(r))).toEqual([0x104n, 0x2004n, 2n]);
    expect([p.rip, p.fault]).toEqual([0x1000n, [14, 2]]);
  });
  test('REP STOS stops for the end of the slice and for a request, at its own address', () => {
    const p = processor();
    p.state.set(BUDGET, 2);
    p.set({ rax: 0xff, rdi: 0x2000, rcx: 5 });
    expect(p.run('f3 aa')).toBe('jump');
    expect([p.rip, p.get('rcx'), p.get('rdi')]).toEqual([0x1000n, 2n, 0x2003n]);
    p.state.set(BUDGET, 100);
    p.state.set(PENDING, 1);
    p.run('f3 aa');
    expect(p.get('rcx')).toBe(1n);
    expect(p.run('f3 aa')).toBe('next');
    expect([p.rip, p.get('rcx')]).toEqual([NEXT, 0n]);
  });
  test('the bulk routine does part of REP MOVSD, elements the rest', () => {
    const p = processor();
    const calls: (readonly number[])[] = [];
    p.routine = (_name, args) => {
      calls.push(args);
      if (calls.length > 1) return 0;
      p.set({ rsi: 0x120, rdi: 0x2020, rcx: 2 });
      return 8;
    };
    p.ram.setUint32(0x120, 0xdeadbeef, true);
    p.set({ rsi: 0x100, rdi: 0x2000, rcx: 10 });
    expect(p.run('f3 a5')).toBe('next');
    expect(calls[0]).toEqual([4, 32, 3]);
    expect(['rsi', 'rdi', 'rcx'].map((r) => p.get(r))).toEqual([0x128n, 0x2028n, 0n]);
    expect(p.ram.getUint32(0x2020, true)).toBe(0xdeadbeef);
  });
  test('REPNE SCASB finds a byte and counts down, downwards under DF', () => {
    const p = processor();
    p.ram.setUint8(0x203, 0x2e);
    p.state.set(FLAGS_OTHER, 0x402);
    p.set({ rax: 0x2e, rdi: 0x208, rcx: 20 });
    p.run('f2 ae');
    expect([p.get('rdi'), p.get('rcx'), p.state.rflags & ZF]).toEqual([0x202n, 14n, ZF]);
  });
  test('REP with a count of 0 changes nothing, flags included', () => {
    const p = processor();
    p.set({ rsi: 0x100, rdi: 0xfffff000n, rcx: 0 });
    p.state.rflags = 2 | ZF | CF;
    expect(p.run('f3 a6')).toBe('next');
    expect(p.state.rflags).toBe(2 | ZF | CF);
  });
});

describe('ports', () => {
  test('IN of FFFFFFFFh is a value, not a fault, and ends the block', () => {
    const p = processor();
    p.routine = (name) => {
      if (name === 'portRead') p.state.set(SCRATCH, -1);
      return 0;
    };
    expect(p.run('e5 60')).toBe('jump');
    expect([p.get('rax'), p.rip]).toEqual([0xffffffffn, NEXT]);
  });
  test('INS to a page that may not be written does not read the port', () => {
    const p = processor();
    const called: string[] = [];
    p.routine = (name) => {
      called.push(name);
      return 0;
    };
    p.faultFrom = 0x2000;
    p.set({ rdx: 0x1f0, rdi: 0x2000 });
    expect(p.run('6c')).toBe('fault');
    expect(called).toEqual(['checkPort']);
  });
});
