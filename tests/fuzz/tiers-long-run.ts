// `npm run test:blocks`: ten million random blocks of each tier against the reference evaluator, as fuzz/tiers.test.ts compares them.
// A round takes each mode and kind once, and depends on nothing but the seed and its number; processes take the rounds in turn. Options,
// from the environment:
//   BLOCKS (10,000,000)   BLOCKS_SEED (1)   BLOCKS_ROUND, BLOCKS_DONE: goes on there, as a line of progress says
//   BLOCKS_PROCESSES (one for each core)
// Ends at the first difference, with the fewest parts that show it.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { oracleModes } from '../conformance/native-oracle/oracle-modes.js';
import { Random } from '../conformance/native-oracle/random.js';
import { kinds, type Part } from './instruction-sequence.js';
import { TierComparison } from './tier-comparison.js';

const { BLOCKS, BLOCKS_SEED, BLOCKS_ROUND, BLOCKS_DONE, BLOCKS_PROCESSES } = process.env;
const wanted = Number(BLOCKS ?? 10_000_000);
const seed = Number(BLOCKS_SEED ?? 1);
const processes = Number(BLOCKS_PROCESSES ?? availableParallelism());
if (!(wanted > 0 && processes >= 1))
  throw new Error('BLOCKS and BLOCKS_PROCESSES are numbers from 1 on');
/** Sequences of each mode and kind in a round. */
const SEQUENCES = 6000;
/** Operands that each form is drawn with in a round. */
const DRAWS = 4;

/** What a round has compared, or the difference that it has found. */
interface RoundResult {
  readonly round: number;
  readonly blocks: number;
  readonly regions: number;
  readonly sequences: number;
  readonly difference?: string;
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

function runRound(round: number): RoundResult {
  let [blocks, regions, sequences] = [0, 0, 0];
  for (const [m, mode] of oracleModes.entries()) {
    for (const [k, kind] of kinds.entries()) {
      const random = new Random((seed * 1_000_003 + round * 16 + m * 2 + k) | 0);
      const firstSeed = random.u32();
      const tiers = new TierComparison(mode, kind);
      for (let n = 0; n < SEQUENCES; n++) {
        const [parts, stateSeed] = [drawParts(random, firstSeed), random.u32() | 0];
        const text = tiers.compare(parts, stateSeed);
        if (text === undefined) continue;
        const few = fewest(new TierComparison(mode, kind), parts, stateSeed);
        const shown = new TierComparison(mode, kind).compare(few, stateSeed) ?? text;
        const difference = `${mode.name} code on ${kind}, sequence ${n} of round ${round}, state ${stateSeed}: ${JSON.stringify(few)}\n${shown}`;
        return { round, blocks, regions, sequences, difference };
      }
      blocks += tiers.counts.blocks;
      regions += tiers.counts.regions;
      sequences += SEQUENCES;
    }
  }
  return { round, blocks, regions, sequences };
}

/** Hands out rounds until there are enough blocks; ends the process with 1 at a difference. */
async function runAll(): Promise<void> {
  const first = Number(BLOCKS_ROUND ?? 0);
  const before = Number(BLOCKS_DONE ?? 0);
  const started = performance.now();
  const results = new Map<number, RoundResult>();
  let next = first;
  /** All rounds below it are done; `done`: with so many blocks. */
  let goOn = first;
  let done = before;
  const sum = (of: (r: RoundResult) => number): number =>
    [...results.values()].reduce((total, r) => total + of(r), 0);

  const take = (result: RoundResult): void => {
    results.set(result.round, result);
    for (let r = results.get(goOn); r; r = results.get(goOn)) {
      done += r.blocks;
      goOn++;
    }
    const blocks = sum((r) => r.blocks);
    const perSecond = Math.round(blocks / ((performance.now() - started) / 1000));
    console.log(
      `${before + blocks} blocks (${perSecond}/s), ${sum((r) => r.regions)} regions, ${sum((r) => r.sequences)} sequences, 0 differences; ` +
        `go on: BLOCKS_SEED=${seed} BLOCKS_ROUND=${goOn} BLOCKS_DONE=${done}`,
    );
  };
  const isEnough = (): boolean => before + sum((r) => r.blocks) >= wanted;
  let isDifferent = false;
  const work = async (): Promise<void> => {
    const child = fork(fileURLToPath(import.meta.url), ['round']);
    const ended = once(child, 'exit');
    while (!isEnough() && !isDifferent) {
      const round = next++;
      child.send(round);
      const [answer] = await Promise.race([once(child, 'message'), ended]);
      const result =
        typeof answer === 'object' && answer !== null ? (answer as RoundResult) : undefined;
      if (result && result.difference === undefined) {
        take(result);
        continue;
      }
      isDifferent = true;
      console.error(result?.difference ?? `the process of round ${round} ended with ${answer}`);
      console.error(`see it again: BLOCKS_SEED=${seed} BLOCKS_ROUND=${round} npm run test:blocks`);
      process.exitCode = 1;
    }
    child.kill();
  };
  await Promise.all(Array.from({ length: processes }, work));
}

if (process.argv[2] === 'round')
  process.on('message', (round: number) => process.send?.(runRound(round)));
else await runAll();
