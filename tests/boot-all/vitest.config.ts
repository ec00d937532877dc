// `npm run test:boot-all`: the boots that take too long for `npm test`.
import { defineConfig } from 'vitest/config';
import { bundleTests, packageTests } from '../../vitest.shared.js';

export default defineConfig({
  test: {
    ...packageTests.test,
    ...bundleTests,
    include: ['boot-all/**/*.test.ts'],
    outputFile: { json: '.cache/vitest-boot-all.json' },
    testTimeout: 240_000,
    fileParallelism: false,
  },
});
