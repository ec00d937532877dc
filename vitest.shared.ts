// What every package's vitest configuration shares: imports of sibling packages go to their sources, so tests need no build;
// and the results are also written to `.cache/vitest.json`, from which tools/check-all.ts sums up.
import type { ViteUserConfig } from 'vitest/config';

const conditions = ['proxeny-source', 'module', 'node'];

export const sourceConditions: Pick<ViteUserConfig, 'resolve' | 'ssr'> = {
  resolve: { conditions },
  ssr: { resolve: { conditions } },
};

export const packageTests: ViteUserConfig = {
  ...sourceConditions,
  test: {
    include: ['src/**/*.test.ts'],
    pool: 'forks',
    reporters: ['default', 'json'],
    outputFile: { json: '.cache/vitest.json' },
  },
};
