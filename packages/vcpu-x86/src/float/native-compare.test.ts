// Every operation of this folder against the host's own x87 and SSE units: results and flags bit for bit.
// A bounded sample by default; PROXENY_ORACLE=long runs 200 times as many cases.
import { afterAll, describe, expect, it } from 'vitest';
import { NativeHarness } from './native/harness.contract.js';
import { seeded, x87Case } from './native/operands.contract.js';
import { EXACT_SSE, nativeSse, ourSse, sseCase } from './native/sse-cases.contract.js';
import { EXACT_X87, nativeOutcome, ourOutcome } from './native/x87-cases.contract.js';

const long = process.env.PROXENY_ORACLE === 'long';
const casesPerOperation = long ? 200_000 : 1000;
const timeoutMs = long ? 3_600_000 : 60_000;
const batch = 20_000;

const harness = NativeHarness.create();
if (typeof harness === 'string') {
  console.warn(`The comparison with the host's floating point did not run: ${harness}.`);
} else afterAll(() => harness.dispose());

/** Differences of all cases of one operation; without an oracle none, which only a CI run refuses. */
function compareAll(differences: (oracle: NativeHarness, count: number) => string[]): string[] {
  if (typeof harness === 'string') return process.env.CI === 'true' ? [harness] : [];
  const found: string[] = [];
  for (let done = 0; done < casesPerOperation; done += batch) {
    found.push(...differences(harness, Math.min(batch, casesPerOperation - done)));
  }
  return found;
}

describe('x87 arithmetic equals the host CPU', () => {
  const random = seeded(0x5eed);
  it.each(EXACT_X87)(
    'in operation %i of the harness',
    (op) => {
      const found = compareAll((oracle, count) =>
        oracle.differences(
          Array.from({ length: count }, () => x87Case(random, op)),
          nativeOutcome,
          ourOutcome,
        ),
      );
      expect(found).toEqual([]);
    },
    timeoutMs,
  );
});

describe('SSE scalar arithmetic equals the host CPU', () => {
  const random = seeded(0x55e);
  it.each(EXACT_SSE)(
    'in operation %i of the harness',
    (op) => {
      const found = compareAll((oracle, count) =>
        oracle.differences(
          Array.from({ length: count }, () => sseCase(random, op)),
          nativeSse,
          ourSse,
        ),
      );
      expect(found).toEqual([]);
    },
    timeoutMs,
  );
});
