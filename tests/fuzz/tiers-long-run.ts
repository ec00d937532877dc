// `npm run test:blocks`: ten million random blocks of each tier against the reference evaluator, as fuzz/tiers.test.ts compares them.
// A round takes each mode and kind once, and depends on nothing but the seed and its number. Options, from the environment:
//   BLOCKS (10,000,000)   BLOCKS_SEED (1)   BLOCKS_ROUND, BLOCKS_DONE: goes on there, as a line of progress says
// Ends at the first difference, with the fewest parts that show it.
import { oracleModes } from '../conformance/native-oracle/oracle-modes.js';
import { Random } from '../conformance/native-oracle/random.js';
import { kinds, type Part } from './instruction-sequence.js';
import { TierComparison } from './tier-comparison.js';

const { BLOCKS, BLOCKS_SEED, BLOCKS_ROUND, BLOCKS_DONE } = process.env;
const wanted = Number(BLOCKS ?? 10_000_000);
const seed = Number(BLOCKS_SEED ?? 1);
/** Sequences of each mode and kind in a round. */
const SEQUENCES = 6000;
/** Operands that each form is drawn with in a round. */
const DRAWS = 4;

interface Totals {
  blocks: number;
  regions: number;
  sequences: number;
}

function drawParts(random: Random, firstSeed: number): Part[] {
  const draw = (): Part => ({
    form: random.u32() >>> 1,
    seed: (firstSeed + random.below(DRAWS)) | 0,
    condition: random.below(48),
  });
  return Array.from({ length: 8 + random.below(24) }, draw);
}

/** Takes parts away as long as the rest still differs. */
function fewest(tiers: TierComparison, parts: readonly Part[], stateSeed: number): Part[] {
  let left = [...parts];
  for (let i = 0; i < left.length; ) {
    const fewer = left.toSpliced(i, 1);
    if (tiers.compare(fewer, stateSeed) === undefined) i++;
    else {
      left = fewer;
      i = 0;
    }
  }
  return left;
}

/** @throws Error at a difference */
function runRound(round: number, totals: Totals): void {
  oracleModes.forEach((mode, m) => {
    kinds.forEach((kind, k) => {
      const random = new Random((seed * 1_000_003 + round * 16 + m * 2 + k) | 0);
      const firstSeed = random.u32();
      const tiers = new TierComparison(mode, kind);
      for (let n = 0; n < SEQUENCES; n++) {
        const [parts, stateSeed] = [drawParts(random, firstSeed), random.u32() | 0];
        const text = tiers.compare(parts, stateSeed);
        if (text === undefined) continue;
        const few = fewest(new TierComparison(mode, kind), parts, stateSeed);
        const shown = new TierComparison(mode, kind).compare(few, stateSeed) ?? text;
        throw new Error(
          `${mode.name} code on ${kind}, sequence ${n} of round ${round}, state ${stateSeed}: ${JSON.stringify(few)}\n${shown}`,
        );
      }
      totals.blocks += tiers.counts.blocks;
      totals.regions += tiers.counts.regions;
      totals.sequences += SEQUENCES;
    });
  });
}

const totals: Totals = { blocks: Number(BLOCKS_DONE ?? 0), regions: 0, sequences: 0 };
const blocksAtStart = totals.blocks;
const started = performance.now();
const perSecond = (): number =>
  Math.round((totals.blocks - blocksAtStart) / ((performance.now() - started) / 1000));
let round = Number(BLOCKS_ROUND ?? 0);
try {
  while (totals.blocks < wanted) {
    runRound(round, totals);
    round++;
    console.log(
      `${totals.blocks} blocks (${perSecond()}/s), ${totals.regions} regions, ${totals.sequences} sequences, 0 differences; ` +
        `go on: BLOCKS_SEED=${seed} BLOCKS_ROUND=${round} BLOCKS_DONE=${totals.blocks}`,
    );
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.error(`see it again: BLOCKS_SEED=${seed} BLOCKS_ROUND=${round} npm run test:blocks`);
  process.exitCode = 1;
}
