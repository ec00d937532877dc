// The tests that belong to no one package: contracts, conformance, boots. A boot may take minutes.
import { defineConfig } from 'vitest/config';
import { packageTests } from '../vitest.shared.js';

export default defineConfig({
  ...packageTests,
  test: {
    ...packageTests.test,
    include: ['**/*.test.ts'],
    exclude: ['.cache/**', 'node_modules/**', 'boot-all/**'],
    testTimeout: 240_000,
    // Guests keep time by the wall: two boots at once on a small machine would disturb each other.
    fileParallelism: false,
  },
});
