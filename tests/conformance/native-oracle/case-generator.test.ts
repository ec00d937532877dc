// The generator's cases reach the instruction as drawn, land in the window, and leave nothing behind
// for the next case: otherwise each would show as a bug of the emulator.
import { expect, it } from 'vitest';
import {
  CaseGenerator,
  type EncodedInstruction,
  type InstructionForm,
  type MemoryReference,
} from './case-generator.js';
import { describeDifference } from './compare.js';
import { describeOnHost, openOracles } from './host-tests.js';
import { CODE_ADDRESS, ldtSelector, WINDOW_ADDRESS } from './protocol.js';
import { initialWindow } from './window-memory.js';

const CF = 1;
const oracles = openOracles('judges');

/** Forms over every kind of state the generator draws, to look for leaks from case to case. */
function variedForms(bits: 32 | 64): InstructionForm[] {
  const at = (code: number[], rest: Partial<EncodedInstruction>): InstructionForm => ({
    name: code.map((byte) => byte.toString(16)).join(' '),
    encode: () => ({ code: Uint8Array.from(code), ...rest }),
  });
  const atRbx = (byteLength: number, alignment?: number): MemoryReference[] => [
    { base: 3, addressBits: bits, byteLength, ...(alignment ? { alignment } : {}) },
  ];
  return [
    at([0x90], { fpu: 'x87', lane: 'float32' }),
    at([0xd8, 0xc1], { fpu: 'x87' }), // fadd st0, st1
    at([0xdc, 0x33], { fpu: 'x87', memory: [{ ...atRbx(8)[0], lane: 'float64' }] }), // fdiv m64
    at([0xd9, 0xfa], { fpu: 'x87' }), // fsqrt
    at([0xd9, 0xfe], { fpu: 'x87' }), // fsin
    at([0xdb, 0x2b], { fpu: 'x87', memory: [{ ...atRbx(10)[0], lane: 'extended' }] }), // fld m80
    at([0x0f, 0xfc, 0xc1], { fpu: 'mmx', lane: 'int8' }), // paddb mm0, mm1
    at([0x0f, 0x58, 0x03], { lane: 'float32', memory: atRbx(16, 16) }), // addps xmm0, [rbx]
    at([0xf2, 0x0f, 0x51, 0xc1], { lane: 'float64' }), // sqrtsd xmm0, xmm1
    at([0xf7, 0xf1], { registers: [0, 2, 1].map((register) => ({ register, width: 32 })) }), // div ecx
    at([0x0f, 0xb1, 0x0b], { memory: atRbx(4) }), // cmpxchg [rbx], ecx
    at([0x9d], { memory: [{ base: 4, addressBits: bits, byteLength: bits / 8 }] }), // popf
    at([0xf3, 0xa5], {
      registers: [{ register: 1, width: bits, max: 8 }], // rep movsd
      memory: [6, 7].map((base) => ({ base, addressBits: bits, byteLength: 32, reachBelow: 32 })),
    }),
  ];
}

describeOnHost('judges', [32, 64], 'generated cases, %i-bit', (bits) => {
  it('NOP gives back every generated register, flag, x87 and SSE value', async () => {
    const [nop] = variedForms(bits);
    const cases = new CaseGenerator({ seed: 1, bits }).take(nop, 500).map((g) => g.input);
    for (const [i, native] of (await oracles[bits].run(cases)).entries()) {
      const { gpr, rflags, fxsave, rip } = cases[i];
      const same = { ...native, outcome: 'completed' as const, gpr, rflags, fxsave, rip: rip + 1 };
      expect(describeDifference('NOP', cases[i], native, same, { bits })).toBeUndefined();
    }
  });

  it('a case gives the same result whatever ran before it, and most cases complete', async () => {
    const generator = new CaseGenerator({ seed: 2, bits });
    const cases = variedForms(bits).flatMap((form) => generator.take(form, 60));
    const inputs = cases.map((g) => g.input);
    const forward = await oracles[bits].run(inputs);
    const backward = (await oracles[bits].run(inputs.toReversed())).reverse();
    const completed = new Map<string, number>();
    for (const [i, { form, input }] of cases.entries()) {
      const text = describeDifference(form.name, input, forward[i], backward[i], { bits });
      expect(text).toBeUndefined();
      const done = forward[i].outcome === 'completed' ? 1 : 0;
      completed.set(form.name, (completed.get(form.name) ?? 0) + done);
    }
    for (const [name, count] of completed) expect([name, count > 12]).toEqual([name, true]);
  });

  it('random ADD [base+index*scale+disp], eax cases agree with arithmetic in TypeScript', async () => {
    const form: InstructionForm = {
      name: 'ADD Ev,Gv',
      encode: () => ({
        code: Uint8Array.of(0x01, 0x44, 0x8b, 0x10), // [rbx + rcx*4 + 16], eax
        registers: [{ register: 0, width: 32 }],
        memory: [
          { base: 3, index: 1, scale: 4, displacement: 16, addressBits: bits, byteLength: 4 },
        ],
      }),
    };
    const generated = new CaseGenerator({ seed: 42, bits }).take(form, 400);
    const results = await oracles[bits].run(generated.map((g) => g.input));
    const outcomes = new Set<string>();
    for (const [i, { input }] of generated.entries()) {
      const result = results[i];
      outcomes.add(result.outcome);
      if (result.outcome !== 'completed') {
        expect(result.vector).toBe(14);
        continue;
      }
      const { offset } = input.patches[0];
      const before = new DataView(initialWindow(input.seed, input.patches).buffer);
      const after = initialWindow(input.seed, input.patches);
      for (const change of result.changes) after.set(change.bytes, change.offset);
      const sum = before.getUint32(offset, true) + input.gpr[0];
      expect(new DataView(after.buffer).getUint32(offset, true)).toBe(sum >>> 0);
      expect((result.rflags & CF) !== 0).toBe(sum > 0xffff_ffff);
    }
    expect(outcomes).toEqual(new Set(['completed', 'fault']));
  });
});

describeOnHost('judges', [32], 'generated cases, 16-bit', () => {
  it('generates 16-bit cases whose [bx+si] lands in the window through a segment base', async () => {
    const [dataBase, codeBase] = [WINDOW_ADDRESS - 0x4000, CODE_ADDRESS - 0x1000];
    const sixteen = { limit: 0xffff, big: false };
    oracles[32].setDescriptor(0, { ...sixteen, base: codeBase, code: true });
    oracles[32].setDescriptor(1, { ...sixteen, base: dataBase, code: false });
    const [cs, data] = [ldtSelector(0), ldtSelector(1)];
    const segments = Uint16Array.of(data, cs, data, data, data, data);
    const form: InstructionForm = {
      name: 'MOV Gv,Ev',
      encode: () => ({
        code: Uint8Array.of(0x8b, 0x00), // mov ax, [bx+si]
        memory: [{ base: 3, index: 6, addressBits: 16, byteLength: 2 }],
      }),
    };
    const generator = new CaseGenerator({ seed: 9, bits: 16, dataBase, codeBase, segments });
    const inputs = generator.take(form, 200).map((g) => g.input);
    let completed = 0;
    for (const [i, result] of (await oracles[32].run(inputs)).entries()) {
      if (result.outcome !== 'completed') {
        expect(result.vector).toBe(14);
        continue;
      }
      completed++;
      const { gpr, patches } = inputs[i];
      const loaded = new DataView(patches[0].bytes.buffer).getUint16(0, true);
      expect(result.gpr[0]).toBe(((gpr[0] & 0xffff_0000) | loaded) >>> 0);
      expect(result.rip).toBe(0x1002);
    }
    expect(completed).toBeGreaterThan(150);
  });
});
