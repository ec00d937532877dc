// Groups of tests that need something of the host: where it cannot do that they are skipped, and their names and a line say why.
import { afterAll, beforeAll, describe } from 'vitest';
import { NativeOracle } from './driver.js';
import { type HostVerdict, hostVerdict } from './host-judge.js';

const verdicts: Readonly<Record<32 | 64, HostVerdict>> = {
  32: await hostVerdict(32),
  64: await hostVerdict(64),
};

/** `runs`: the harness, whatever comes out; `judges`: what comes out is what a processor does. */
export type HostNeed = 'runs' | 'judges';

function reasonAgainst(need: HostNeed, bits: 32 | 64): string | undefined {
  const { cannotRun, cannotJudge } = verdicts[bits];
  return need === 'runs' ? cannotRun : cannotJudge;
}

/** Oracles for a file's tests, of the word sizes for which the host does that: open while they run. */
export function openOracles(need: HostNeed): Record<32 | 64, NativeOracle> {
  const oracles = {} as Record<32 | 64, NativeOracle>;
  beforeAll(async () => {
    for (const bits of [32, 64] as const)
      if (reasonAgainst(need, bits) === undefined)
        oracles[bits] = await NativeOracle.open({ bits });
  });
  afterAll(async () => {
    for (const oracle of Object.values(oracles)) await oracle.close();
  });
  return oracles;
}

/**
 * A group of tests for each of the word sizes.
 * @param name with %i for the word size
 */
export function describeOnHost(
  need: HostNeed,
  sizes: readonly (32 | 64)[],
  name: string,
  tests: (bits: 32 | 64) => void,
): void {
  for (const bits of sizes) {
    const title = name.replace('%i', String(bits));
    const reason = reasonAgainst(need, bits);
    if (reason !== undefined) console.warn(`Skipped: ${title}. The reason: ${reason}.`);
    const named = reason === undefined ? title : `${title} (${reason})`;
    describe.skipIf(reason !== undefined)(named, () => tests(bits));
  }
}
