// What every package's bundle shares: ESM for Node 20, source maps, the licence beside the code. Declarations come from tsc.
import { copyFile } from 'node:fs/promises';
import type { Options } from 'tsup';

export const packageBundle: Options = {
  format: ['esm'],
  target: 'node20',
  dts: false,
  sourcemap: true,
  clean: true,
  treeshake: true,
  onSuccess: () => copyFile('../../LICENSE', 'dist/LICENSE'),
};
