// The cold tier in whole blocks, and the hot tier's regions of them, against the reference evaluator instruction by instruction:
// registers, flags and memory are equal after random sequences. TIERS_FUZZ_RUNS sets how many a mode runs, TIERS_FUZZ_SEED makes other ones.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ColdCpu } from '../conformance/native-oracle/cold.js';
import { describeDifference } from '../conformance/native-oracle/compare.js';
import { nativeCase } from '../conformance/native-oracle/native-case.js';
import { descriptors, oracleModes } from '../conformance/native-oracle/oracle-modes.js';
import { ReferenceCpu } from '../conformance/native-oracle/reference.js';
import { type Kind, type Part, sequenceCase, sequenceForms } from './instruction-sequence.js';

const numRuns = Number(process.env.TIERS_FUZZ_RUNS ?? 400);
const seed = Number(process.env.TIERS_FUZZ_SEED ?? 2);

const parts: fc.Arbitrary<Part[]> = fc.array(
  fc.record({ form: fc.nat(), seed: fc.integer(), condition: fc.nat(64) }),
  { minLength: 5, maxLength: 20 },
);

const kinds: readonly Kind[] = ['integers', 'x87, MMX and SSE registers'];

describe.each(oracleModes)('$name code', (mode) => {
  it.each(kinds)(
    'on %s means the same in blocks and one by one',
    (kind) => {
      const forms = sequenceForms(mode, kind);
      const reference = new ReferenceCpu(mode);
      const cold = new ColdCpu(mode);
      const hot = new ColdCpu({ bits: mode.bits, withHotTier: true });
      if (mode.segments) {
        for (const cpu of [reference, cold, hot])
          descriptors.forEach((d, i) => void cpu.setDescriptor(i, d));
      }
      const ends = new Map<string, number>();
      const property = fc.property(parts, fc.integer(), (sequence, stateSeed) => {
        const input = sequenceCase(mode, forms, sequence, stateSeed, kind);
        const expected = reference.runSequence(input);
        ends.set(expected.outcome, (ends.get(expected.outcome) ?? 0) + 1);
        for (const [tier, cpu] of Object.entries({ cold, hot })) {
          const got = cpu.runSequence(input);
          // In this comparison the reference stands where the host's result usually does.
          const text = describeDifference(tier, input, expected, got, { bits: mode.bits });
          if (text !== undefined) throw new Error(text);
        }
      });
      fc.assert(property, { numRuns, seed });
      // Sequences that end early by a fault compare little: they must be the smaller part.
      expect(ends.get('completed')).toBeGreaterThan(numRuns / 3);
      expect(ends.get('timeout')).toBeUndefined();
      // Only flat code has regions. That of mode '32-bit' is: FS and GS do not count.
      if (mode.dataBase === 0) expect(hot.compiledRegions).toBeGreaterThan(numRuns / 4);
    },
    600_000,
  );
});

/** What random sequences have found, by what was wrong. */
const found: Readonly<Record<string, readonly number[]>> = {
  // SHL WORD [EIP+...], CL
  'a region with an address relative to EIP': [0x67, 0x66, 0xd3, 0x25, 0xf8, 0xff, 0xff, 0x0f],
};

describe('sequences that once differed', () => {
  it.each(Object.entries(found))('%s', (_name, code) => {
    const input = nativeCase({ code, registers: { rcx: 3 } });
    const hot = new ColdCpu({ bits: 64, withHotTier: true });
    const expected = new ReferenceCpu({ bits: 64 }).runSequence(input);
    const text = describeDifference('hot', input, expected, hot.runSequence(input), { bits: 64 });
    expect(text).toBeUndefined();
    expect(hot.compiledRegions).toBe(1);
  });
});
