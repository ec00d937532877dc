// Hostile guests: random sequences of hypercalls with arguments that look valid, in three domains beside two bystanders. After every
// sequence, and when all is destroyed, what must never happen is looked for (hypercalls/hostile-world.ts). `npm run test:hostile` runs
// many more. A failure names the seed of its world: HOSTILE_SEED=<seed> HOSTILE_WORLDS=1 runs that one again.
import { describe, expect, it } from 'vitest';
import { runWorld, SLICES_OF_WORLD, type WorldStatistics } from './hypercalls/hostile-world.js';
import { fairShares } from './hypercalls/progress.js';

const firstSeed = Number(process.env['HOSTILE_SEED'] ?? 1);
const worlds = Number(process.env['HOSTILE_WORLDS'] ?? 16);

describe('random hostile guests', () => {
  it('never raise an exception, touch a frame of others, or leave anything behind', () => {
    const all: WorldStatistics[] = [];
    for (let seed = firstSeed; seed < firstSeed + worlds; seed++) {
      all.push(runWorld(seed, SLICES_OF_WORLD));
    }
    const sum = (name: keyof WorldStatistics): number =>
      all.reduce((total, each) => total + each[name], 0);
    // That they got somewhere: pages granted and mapped, tables pinned, channels connected, calls preempted.
    const reached = (['grantsMapped', 'tables', 'channels', 'restarts', 'domains'] as const).filter(
      (name) => sum(name) > worlds,
    );
    expect(reached).toHaveLength(worlds > 4 ? 5 : reached.length);
  }, 300_000);

  it('leave other domains their share of the CPU', () => {
    const { workers, expected } = fairShares(firstSeed);
    for (const share of workers) {
      expect(share).toBeGreaterThan(expected * 0.9);
      expect(share).toBeLessThan(expected * 1.1);
    }
  });
});
