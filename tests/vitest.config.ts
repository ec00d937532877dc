// The tests that belong to no one package: contracts, conformance, boots. A boot may take minutes.
import { defineConfig } from 'vitest/config';
import { packageTests } from '../vitest.shared.js';

export default defineConfig({
  ...packageTests,
  test: {
    ...packageTests.test,
    include: ['**/*.test.ts'],
    exclude: ['.cache/**', 'node_modules/**'],
    testTimeout: 120_000,
  },
});
