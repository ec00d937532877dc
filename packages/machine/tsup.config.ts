import { defineConfig } from 'tsup';
import { packageBundle } from '../../tsup.shared.js';

export default defineConfig({
  ...packageBundle,
  // The helper's thread lies beside the index, where WorkerCompiler looks for it.
  entry: { index: 'src/index.ts', 'compile-worker': 'src/host/compile-worker.ts' },
  platform: 'node',
});
