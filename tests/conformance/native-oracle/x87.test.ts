// Every x87 form on the host CPU, by the reference evaluator and by the cold tier's compiled handlers: random stacks, tags, values,
// control words with unmasked exceptions, pending exceptions, faulting operands.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { x87Routines } from '../../../packages/vcpu-x86/src/routines/x87.js';
import { x87Semantics } from '../../../packages/vcpu-x86/src/semantics/x87.js';
import { CaseGenerator } from './case-generator.js';
import { ColdHandlers } from './cold-handler.js';
import { describeDifference } from './compare.js';
import { NativeOracle } from './driver.js';
import { CODE_ADDRESS, type LdtDescriptor, ldtSelector, WINDOW_ADDRESS } from './protocol.js';
import { ReferenceCpu } from './reference.js';
import { withPermitted } from './x87-difference.js';
import { type CodeSize, x87Forms } from './x87-forms.js';

const CASES_PER_FORM = 80;
const [DATA_BASE, CODE_BASE] = [WINDOW_ADDRESS - 0x4000, CODE_ADDRESS - 0x1000];
const sixteen = { limit: 0xffff, big: false };
/** For 16-bit code: CS, then data, then data whose limit ends inside the window. */
const descriptors: readonly LdtDescriptor[] = [
  { ...sixteen, base: CODE_BASE, code: true },
  { ...sixteen, base: DATA_BASE, code: false },
  { limit: 0x5000, big: false, base: DATA_BASE, code: false },
];

const oracles = {} as Record<32 | 64, NativeOracle>;
beforeAll(async () => {
  oracles[32] = await NativeOracle.open({ bits: 32 });
  oracles[64] = await NativeOracle.open({ bits: 64 });
  descriptors.forEach((d, i) => {
    oracles[32].setDescriptor(i, d);
  });
});
afterAll(async () => {
  await oracles[32]?.close();
  await oracles[64]?.close();
});

function generatorFor(bits: CodeSize): CaseGenerator {
  if (bits !== 16) return new CaseGenerator({ seed: 87, bits });
  const [cs, data, short] = [ldtSelector(0), ldtSelector(1), ldtSelector(2)];
  const segments = Uint16Array.of(data, cs, data, short, data, data);
  return new CaseGenerator({ seed: 87, bits, dataBase: DATA_BASE, codeBase: CODE_BASE, segments });
}

describe.each([16, 32, 64] as const)('x87 instructions in %i-bit code', (bits) => {
  it('do what the host does, evaluated and compiled', async () => {
    const cold = new ColdHandlers(bits, x87Semantics);
    const evaluated = new ReferenceCpu({ bits, semantics: x87Semantics, routines: x87Routines });
    const compiled = new ReferenceCpu({ bits, ...cold });
    if (bits === 16) {
      descriptors.forEach((d, i) => {
        evaluated.setDescriptor(i, d);
        compiled.setDescriptor(i, d);
      });
    }
    const generator = generatorFor(bits);
    const oracle = oracles[bits === 64 ? 64 : 32];
    const failures: string[] = [];
    const ends = new Set<number>();
    for (const form of x87Forms(bits)) {
      const inputs = generator.take(form, CASES_PER_FORM).map((g) => g.input);
      let differing = 0;
      for (const [i, result] of (await oracle.run(inputs)).entries()) {
        ends.add(result.vector);
        for (const [tier, cpu] of [evaluated, compiled].entries()) {
          const ours = cpu.run(inputs[i]);
          const native = withPermitted(form.mnemonic, result, ours);
          const name = `${form.name}, ${tier === 0 ? 'evaluated' : 'compiled'}`;
          const text = describeDifference(name, inputs[i], native, ours, { bits });
          if (text !== undefined && differing++ === 0) failures.push(text);
        }
      }
    }
    expect(failures.slice(0, 5).join('\n\n')).toBe('');
    expect(ends).toEqual(new Set(bits === 16 ? [-1, 13, 14, 16] : [-1, 14, 16]));
    expect(cold.size).toBeGreaterThan(130);
  }, 120_000);
});
