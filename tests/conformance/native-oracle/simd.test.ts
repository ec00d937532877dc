// MMX and SSE instructions on the host CPU, on the reference evaluator and through the cold tier's handlers: every row, random registers, memory and immediates,
// aligned and misaligned, in and out of the window; no difference is allowed but those named here.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Row } from '../../../packages/vcpu-x86/src/isa/row.js';
import { simdRoutines } from '../../../packages/vcpu-x86/src/routines/simd.js';
import { simdSemantics } from '../../../packages/vcpu-x86/src/semantics/simd.js';
import { CaseGenerator } from './case-generator.js';
import { ColdCpu } from './cold.js';
import { describeDifference } from './compare.js';
import { NativeOracle } from './driver.js';
import type { ExecutionResult } from './protocol.js';
import { ReferenceCpu } from './reference.js';
import { formOf, vectorRows } from './simd-forms.js';

const CASES = Number(process.env.SIMD_CASES ?? 30);
const oracles = {} as Record<32 | 64, NativeOracle>;
beforeAll(async () => {
  oracles[32] = await NativeOracle.open({ bits: 32 });
  oracles[64] = await NativeOracle.open({ bits: 64 });
});
afterAll(async () => {
  await oracles[32]?.close();
  await oracles[64]?.close();
});

const cpusOf = (bits: 32 | 64): Record<'reference' | 'cold', ReferenceCpu | ColdCpu> => ({
  reference: new ReferenceCpu({ bits, semantics: simdSemantics, routines: simdRoutines }),
  cold: new ColdCpu({ bits }),
});
const cpus = { 32: cpusOf(32), 64: cpusOf(64) };

/** Differences of the row's cases, as text; ends of the native runs. */
async function compareRow(row: Row, bits: 32 | 64, count: number, seed: number): Promise<string[]> {
  const generator = new CaseGenerator({ seed, bits });
  const inputs = generator.take(formOf(row, bits), count).map((g) => g.input);
  const found: string[] = [];
  for (const [i, native] of (await oracles[bits].run(inputs)).entries()) {
    for (const [tier, cpu] of Object.entries(cpus[bits])) {
      const exact = cpu.run(inputs[i]);
      const emulated = isApproximate(row) ? acceptApproximations(native, exact) : exact;
      const name = `${tier}: ${title(row)}`;
      const text = describeDifference(name, inputs[i], native, emulated, { bits });
      if (text) found.push(text);
    }
  }
  return found;
}

const known = new Set(Object.keys(simdSemantics));
const chosen = vectorRows.filter((row) => known.has(row.mnemonic));
/** RCPPS, RCPSS, RSQRTPS, RSQRTSS: only a bound on the error is architectural. */
const isApproximate = (row: Row): boolean => /^R(CP|SQRT)[PS]S$/.test(row.mnemonic);

/** The emulated result with each lane of an approximation that is near enough replaced by the host's. */
function acceptApproximations(native: ExecutionResult, emulated: ExecutionResult): ExecutionResult {
  const fxsave = emulated.fxsave.slice();
  const [n, e] = [new DataView(native.fxsave.buffer), new DataView(fxsave.buffer)];
  for (let at = 160; at < 416; at += 4) {
    const [wanted, got] = [n.getFloat32(at, true), e.getFloat32(at, true)];
    if (Math.abs(got / wanted - 1) <= 3 * 2 ** -12) e.setFloat32(at, wanted, true);
  }
  return { ...emulated, fxsave };
}

const title = (row: Row): string => `${row.source[0]} ${row.source[1]}`;

describe.each([32, 64] as const)('vector instructions, %i-bit', (bits) => {
  it.each(chosen.map((row) => [title(row), row] as const))('%s', async (_name, row) => {
    const found = await compareRow(row, bits, CASES, row.id + 1);
    expect(found.length === 0 ? '' : `${found.length} of ${CASES}\n${found[0]}`).toBe('');
  });
});
