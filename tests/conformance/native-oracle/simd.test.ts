// MMX and SSE instructions on the host CPU and on the reference evaluator: every row, random registers, memory and immediates,
// aligned and misaligned, in and out of the window; no difference is allowed but those named here.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Row } from '../../../packages/vcpu-x86/src/isa/row.js';
import { mmxSemantics } from '../../../packages/vcpu-x86/src/semantics/mmx.js';
import { sseIntegerSemantics } from '../../../packages/vcpu-x86/src/semantics/sse-integer.js';
import { sseMoveSemantics } from '../../../packages/vcpu-x86/src/semantics/sse-move.js';
import { sseShuffleSemantics } from '../../../packages/vcpu-x86/src/semantics/sse-shuffle.js';
import { CaseGenerator } from './case-generator.js';
import { describeDifference } from './compare.js';
import { NativeOracle } from './driver.js';
import { ReferenceCpu } from './reference.js';
import { formOf, vectorRows } from './simd-forms.js';

const CASES = Number(process.env.SIMD_CASES ?? 40);
const semantics = {
  ...mmxSemantics,
  ...sseIntegerSemantics,
  ...sseMoveSemantics,
  ...sseShuffleSemantics,
};
const oracles = {} as Record<32 | 64, NativeOracle>;
beforeAll(async () => {
  oracles[32] = await NativeOracle.open({ bits: 32 });
  oracles[64] = await NativeOracle.open({ bits: 64 });
});
afterAll(async () => {
  await oracles[32]?.close();
  await oracles[64]?.close();
});

/** Differences of the row's cases, as text; ends of the native runs. */
async function compareRow(row: Row, bits: 32 | 64, count: number, seed: number): Promise<string[]> {
  const reference = new ReferenceCpu({ bits, semantics });
  const generator = new CaseGenerator({ seed, bits });
  const inputs = generator.take(formOf(row, bits), count).map((g) => g.input);
  const found: string[] = [];
  for (const [i, native] of (await oracles[bits].run(inputs)).entries()) {
    const emulated = reference.run(inputs[i]);
    const name = `${row.source[0]} ${row.source[1]}`;
    const text = describeDifference(name, inputs[i], native, emulated, { bits });
    if (text) found.push(text);
  }
  return found;
}

const known = new Set(Object.keys(semantics));
const chosen = vectorRows.filter((row) => known.has(row.mnemonic));
const title = (row: Row): string => `${row.source[0]} ${row.source[1]}`;

describe.each([32, 64] as const)('vector instructions, %i-bit', (bits) => {
  it.each(chosen.map((row) => [title(row), row] as const))('%s', async (_name, row) => {
    const found = await compareRow(row, bits, CASES, row.id + 1);
    expect(found.length === 0 ? '' : `${found.length} of ${CASES}\n${found[0]}`).toBe('');
  });
});
