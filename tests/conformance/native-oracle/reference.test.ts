// The reference CPU agrees with the host CPU on instructions whose meaning is simple, so a difference elsewhere is the
// semantics' and not the frame's: completion, both kinds of page fault, #GP, jumps into nothing, 16-bit segments.
import { expect, it } from 'vitest';
import { integerSemantics } from '../../../packages/vcpu-x86/src/semantics/integer.js';
import { CaseGenerator, type InstructionForm } from './case-generator.js';
import { describeDifference } from './compare.js';
import { describeOnHost, openOracles } from './host-tests.js';
import { CODE_ADDRESS, ldtSelector, WINDOW_ADDRESS } from './protocol.js';
import { ReferenceCpu } from './reference.js';

const oracles = openOracles('judges');

const form = (code: number[], addressBits: 16 | 32 | 64, byteLength: number): InstructionForm => ({
  name: code.map((byte) => byte.toString(16)).join(' '),
  encode: () => ({
    code: Uint8Array.from(code),
    memory: byteLength ? [{ base: 3, addressBits, byteLength }] : [],
  }),
});

describeOnHost('judges', [32, 64], 'the reference CPU, %i-bit', (bits) => {
  it('agrees with the host on moves, additions, page faults and wild jumps', async () => {
    const reference = new ReferenceCpu({ bits, semantics: integerSemantics });
    const generator = new CaseGenerator({ seed: 7, bits });
    const forms = [
      form([0x01, 0x03], bits, 4), // add [rbx], eax
      form([0x8b, 0x03], bits, 4), // mov eax, [rbx]
      form([0x88, 0x23], bits, 1), // mov [rbx], ah
      form([0x29, 0xd8], bits, 0), // sub eax, ebx
      form([0x74, 0x10], bits, 0), // jz
      form([0xe9, 0, 0, 0, 0x10], bits, 0), // jmp to unmapped pages
    ];
    const ends = new Set<string>();
    for (const f of forms) {
      const inputs = generator.take(f, 200).map((g) => g.input);
      for (const [i, native] of (await oracles[bits].run(inputs)).entries()) {
        const emulated = reference.run(inputs[i]);
        const text = describeDifference(f.name, inputs[i], native, emulated, { bits });
        expect(text).toBeUndefined();
        ends.add(`${native.outcome} ${native.vector}`);
      }
    }
    expect(ends).toEqual(new Set(['completed -1', 'fault 14']));
  });
});

describeOnHost('judges', [32], 'the reference CPU, 16-bit', () => {
  it('agrees with the host on addressing through LDT segments, limits included', async () => {
    const bits = 16;
    const [dataBase, codeBase] = [WINDOW_ADDRESS - 0x4000, CODE_ADDRESS - 0x1000];
    const reference = new ReferenceCpu({ bits, semantics: integerSemantics });
    const sixteen = { limit: 0xffff, big: false };
    for (const cpu of [oracles[32], reference]) {
      cpu.setDescriptor(0, { ...sixteen, base: codeBase, code: true });
      cpu.setDescriptor(1, { ...sixteen, base: dataBase, code: false });
      cpu.setDescriptor(2, { limit: 0x5000, big: false, base: dataBase, code: false });
    }
    const [cs, data, short] = [ldtSelector(0), ldtSelector(1), ldtSelector(2)];
    const segments = Uint16Array.of(data, cs, data, short, data, data);
    const generator = new CaseGenerator({ seed: 9, bits, dataBase, codeBase, segments });
    const vectors = new Set<number>();
    const inputs = generator.take(form([0x01, 0x07], 16, 2), 300).map((g) => g.input); // add [bx], ax
    for (const [i, native] of (await oracles[32].run(inputs)).entries()) {
      const emulated = reference.run(inputs[i]);
      expect(describeDifference('ADD', inputs[i], native, emulated, { bits })).toBeUndefined();
      vectors.add(native.vector);
    }
    expect(vectors).toEqual(new Set([-1, 13, 14]));
  });
});
