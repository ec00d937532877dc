// What the native oracle (tests/conformance/native-oracle/simd.test.ts) cannot show from user mode: availability by CR0 and CR4,
// which of several exceptions wins, and a few known results for hosts without a C compiler.
import { describe, expect, it } from 'vitest';
import { type Core, CR0_NE, CR4_OSFXSR, CR4_OSXMMEXCPT, CR4_OSXSAVE } from '../core.js';
import { CPU_FAULT, GP, MF, NM, UD, XM } from '../fault.js';
import { rows } from '../isa/table.js';
import { simdRoutines } from '../routines/simd.js';
import {
  CR0,
  CR4,
  FAULT_VECTOR,
  FPU_REGISTERS,
  FPU_STATUS,
  FPU_TAG,
  FPU_TRAP,
  MXCSR,
  XMM,
} from '../state/layout.js';
import { simdSemantics } from './simd.js';
import { TestProcessor } from './test-processor.contract.js';

const X87_NM = 1;
const SSE_NM = 4;
const MMX_UD = 8;
const SSE_UD = 16;

function processor(): TestProcessor {
  const p = new TestProcessor(64, simdSemantics);
  const { state } = p;
  state.set(MXCSR, 0x1f80);
  state.set(CR4, CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE);
  state.set(CR0, CR0_NE);
  state.set(FPU_TAG, 0xffff);
  const core = {
    state,
    get cr4() {
      return state.get(CR4);
    },
  } as unknown as Core;
  p.routine = (name, args) => {
    try {
      return simdRoutines[name](core, ...args);
    } catch (e) {
      if (e !== CPU_FAULT) throw e;
      return -1;
    }
  };
  return p;
}
/** Vector that the instruction raises, -1 for none. */
function vectorOf(p: TestProcessor, code: string): number {
  return p.run(code) === 'fault' ? p.state.get(FAULT_VECTOR) : -1;
}
function setXmm({ state }: TestProcessor, i: number, words: readonly number[]): void {
  for (const [n, w] of words.entries()) state.set(XMM + i * 16 + n * 4, w);
}
const xmm = ({ state }: TestProcessor, i: number): number[] =>
  [0, 1, 2, 3].map((n) => state.getU(XMM + i * 16 + n * 4));

describe('availability', () => {
  it.each([
    ['ADDSD', 'f2 0f 58 c1'],
    ['PADDB xmm', '66 0f fc c1'],
    ['MOVAPS', '0f 28 c1'],
    ['LDMXCSR', '0f ae 13'],
    ['STMXCSR', '0f ae 1b'],
    ['MASKMOVDQU', '66 0f f7 c1'],
  ])('%s is #UD before #NM', (_name, code) => {
    const p = processor();
    p.state.set(FPU_TRAP, SSE_NM);
    expect(vectorOf(p, code)).toBe(NM);
    p.state.set(FPU_TRAP, SSE_NM | SSE_UD);
    expect(vectorOf(p, code)).toBe(UD);
    p.state.set(FPU_TRAP, 0);
    expect(vectorOf(p, code)).toBe(-1);
  });

  it.each([
    ['PADDB mm', '0f fc c1'],
    ['MOVD mm', '0f 6e c0'],
    ['EMMS', '0f 77'],
  ])('%s is #UD, then #NM, then #MF', (_name, code) => {
    const p = processor();
    const { state } = p;
    state.set(FPU_STATUS, 0x8081);
    state.set(FPU_TRAP, X87_NM | MMX_UD);
    expect(vectorOf(p, code)).toBe(UD);
    state.set(FPU_TRAP, X87_NM);
    expect(vectorOf(p, code)).toBe(NM);
    state.set(FPU_TRAP, 0);
    expect(vectorOf(p, code)).toBe(MF);
    state.set(CR0, 0);
    expect(vectorOf(p, code)).toBe(-1);
  });

  it('FXSAVE is #NM with the x87, XSAVE #UD without CR4.OSXSAVE', () => {
    const p = processor();
    p.set({ rbx: 0x2000 });
    p.state.set(FPU_TRAP, X87_NM);
    expect(vectorOf(p, '0f ae 03')).toBe(NM);
    p.state.set(FPU_TRAP, SSE_NM);
    expect(vectorOf(p, '0f ae 23')).toBe(NM);
    p.state.set(CR4, CR4_OSFXSR);
    expect(vectorOf(p, '0f ae 23')).toBe(UD);
  });
});

describe('exceptions', () => {
  it('an unmasked one is #XM, #UD without CR4.OSXMMEXCPT; flags are set, the destination is not', () => {
    const p = processor();
    setXmm(p, 0, [0, 0x3ff00000, 1, 2]);
    p.state.set(MXCSR, 0x1d80); // ZM clear
    expect(vectorOf(p, 'f2 0f 5e c1')).toBe(XM); // divsd xmm0, xmm1
    expect(p.state.get(MXCSR)).toBe(0x1d84);
    expect(xmm(p, 0)).toEqual([0, 0x3ff00000, 1, 2]);
    p.state.set(CR4, CR4_OSFXSR);
    expect(vectorOf(p, 'f2 0f 5e c1')).toBe(UD);
  });

  it('a misaligned operand is #GP(0), for PADDB and not for MOVDQU', () => {
    const p = processor();
    p.set({ rbx: 0x2001 });
    expect(vectorOf(p, '66 0f fc 03')).toBe(GP);
    expect(p.fault).toEqual([GP, 0]);
    expect(vectorOf(p, 'f3 0f 6f 03')).toBe(-1);
  });

  it('LDMXCSR of a bit that does not exist is #GP(0)', () => {
    const p = processor();
    p.set({ rbx: 0x2000 });
    p.ram.setUint32(0x2000, 0x11f80, true);
    expect(vectorOf(p, '0f ae 13')).toBe(GP);
    expect(p.state.get(MXCSR)).toBe(0x1f80);
  });

  it('a masked store that faults at its end writes nothing', () => {
    const p = processor();
    p.set({ rdi: 0x2ff8 });
    p.faultFrom = 0x3000;
    setXmm(p, 0, [-1, -1, -1, -1]);
    setXmm(p, 1, [-1, -1, -1, -1]);
    expect(vectorOf(p, '66 0f f7 c1')).toBe(14);
    expect(p.ram.getUint32(0x2ff8, true)).toBe(0);
    setXmm(p, 1, [-1, 0x80, 0, 0]);
    expect(vectorOf(p, '66 0f f7 c1')).toBe(-1);
    expect(p.ram.getUint32(0x2ff8, true)).toBe(0xffffffff);
    expect(p.ram.getUint32(0x2ffc, true)).toBe(0xff);
  });
});

describe('results', () => {
  it('PSHUFB takes bytes by index and zeros where the top bit is set', () => {
    const p = processor();
    setXmm(p, 0, [0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c]);
    setXmm(p, 1, [0x8001000f, 0x10111213, 0, 0xffffffff]);
    p.run('66 0f 38 00 c1');
    expect(xmm(p, 0)).toEqual([0x0001000f, 0x00010203, 0, 0]);
  });

  it('an MMX write makes all registers valid, the top 0 and the exponent all ones', () => {
    const p = processor();
    p.set({ rax: 0x12345678 });
    p.state.set(FPU_STATUS, 3 << 11);
    p.run('0f 6e d0'); // movd mm2, eax
    expect(p.state.get(FPU_TAG)).toBe(0);
    expect(p.state.get(FPU_STATUS)).toBe(0);
    expect(p.state.get(FPU_REGISTERS + 32)).toBe(0x12345678);
    expect(p.state.getU16(FPU_REGISTERS + 40)).toBe(0xffff);
    p.run('0f 77');
    expect(p.state.get(FPU_TAG)).toBe(0xffff);
  });

  it('MULSD of ordinary numbers calls no routine once inexactness is recorded', () => {
    const p = processor();
    p.state.setF64(XMM, 1.1);
    p.state.setF64(XMM + 16, 1.3);
    p.run('f2 0f 59 c1');
    expect(p.state.getF64(XMM)).toBe(1.1 * 1.3);
    expect(p.state.get(MXCSR)).toBe(0x1fa0);
    p.routine = (name) => {
      throw new Error(`called ${name}`);
    };
    p.run('f2 0f 59 c1');
    expect(p.state.getF64(XMM)).toBe(1.1 * 1.3 * 1.3);
    expect(() => p.run('f2 0f 5e c2')).toThrow('called DIVSD'); // by zero
  });

  it('PCMPISTRI finds the first byte of a set', () => {
    const p = processor();
    setXmm(p, 0, [0x00002c20, 0, 0, 0]); // ", "
    setXmm(p, 1, [0x6c6c6568, 0x77202c6f, 0, 0]); // "hello, w"
    p.run('66 0f 3a 63 c1 00');
    expect(p.get('rcx')).toBe(5n);
    expect(p.state.rflags & 0x8d5).toBe(0x1 | 0x40 | 0x80);
  });
});

it('every vector row has a meaning', () => {
  const vectors = new Set(['V', 'W', 'U', 'P', 'Q', 'N']);
  const missing = rows
    .filter((row) => row.operands.some((o) => vectors.has(o.addressing)))
    .filter((row) => !Object.hasOwn(simdSemantics, row.mnemonic));
  expect(missing.map((row) => row.mnemonic)).toEqual([]);
});
