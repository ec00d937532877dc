import { defineConfig } from 'tsup';
import { packageBundle } from '../../tsup.shared.js';

export default defineConfig({
  ...packageBundle,
  // The helper's thread lies beside the chunks, where WorkerCompiler looks for it.
  entry: {
    index: 'src/index.ts',
    'exports/pc/index': 'src/exports/pc/index.ts',
    'exports/xen/index': 'src/exports/xen/index.ts',
    'compile-worker': 'src/host/compile-worker.ts',
  },
  platform: 'node',
});
