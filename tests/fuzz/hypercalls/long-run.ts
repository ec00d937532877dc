// `npm run test:hostile`: a million random sequences of hypercalls in hostile worlds, each sequence checked as in fuzz/hypercalls.test.ts.
// Options: HOSTILE_SEQUENCES, HOSTILE_SEED (the first world's). Stops at the first breach, with the seed that shows it again.
import { runWorld, SLICES_OF_WORLD, type WorldStatistics } from './hostile-world.js';

const wanted = Number(process.env['HOSTILE_SEQUENCES'] ?? 1_000_000);
const firstSeed = Number(process.env['HOSTILE_SEED'] ?? 1);
const REPORT_MS = 30_000;

const total: Record<string, number> = {};
const add = (statistics: WorldStatistics): void => {
  for (const [name, count] of Object.entries(statistics)) total[name] = (total[name] ?? 0) + count;
};

let reportedMs = performance.now();
let seed = firstSeed;
try {
  for (; (total['slices'] ?? 0) < wanted; seed++) {
    add(runWorld(seed, SLICES_OF_WORLD));
    if (performance.now() - reportedMs < REPORT_MS) continue;
    reportedMs = performance.now();
    console.log(`world ${seed}: ${JSON.stringify(total)}`);
  }
  console.log(`worlds ${firstSeed} to ${seed - 1}, no breach: ${JSON.stringify(total)}`);
} catch (error) {
  console.error(`world ${seed}: ${error instanceof Error ? error.stack : String(error)}`);
  console.error(`see it again: HOSTILE_SEED=${seed} HOSTILE_SEQUENCES=1 npm run test:hostile`);
  process.exitCode = 1;
}
