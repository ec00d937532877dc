// The tests that belong to no one package: contracts, conformance, fuzz, then boots. A boot may take minutes.
import { defineConfig } from 'vitest/config';
import { bundleTests, packageTests, sourceConditions } from '../vitest.shared.js';

const testTimeout = 240_000;
const exclude = ['.cache/**', 'node_modules/**', 'boot-all/**'];

export default defineConfig({
  ...sourceConditions,
  test: {
    ...packageTests.test,
    projects: [
      {
        ...sourceConditions,
        test: {
          ...packageTests.test,
          ...{ name: 'rules', include: ['**/*.test.ts'], exclude: [...exclude, 'boot/**'] },
          ...{ testTimeout, sequence: { groupOrder: 0 } },
        },
      },
      {
        test: {
          ...packageTests.test,
          ...bundleTests,
          ...{ name: 'boot', include: ['boot/**/*.test.ts'], exclude },
          // Hooks boot guests, too.
          ...{ testTimeout, hookTimeout: testTimeout, sequence: { groupOrder: 1 } },
          // Guests keep time by the wall: two boots at once on a small machine would disturb each other.
          fileParallelism: false,
        },
      },
    ],
  },
});
