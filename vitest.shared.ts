// What every package's vitest configuration shares: imports of sibling packages go to their sources, so tests need no build, except
// for those of whole guests, which run the bundles; and the results are also written to `.cache/vitest.json`, from which tools/check-all.ts sums up.
import { fileURLToPath } from 'node:url';
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
    // Vitest leaves one core to itself, which is half of a small machine.
    maxWorkers: '100%',
    // Properties of many cases take seconds on a slow host.
    testTimeout: 60_000,
    reporters: ['default', 'json'],
    outputFile: { json: '.cache/vitest.json' },
  },
};

/** For tests of whole guests: what a user gets, built first if it is not up to date, and run by Node as it is. */
export const bundleTests: ViteUserConfig['test'] = {
  globalSetup: fileURLToPath(new URL('tests/boot/built-packages.ts', import.meta.url)),
  server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
};
