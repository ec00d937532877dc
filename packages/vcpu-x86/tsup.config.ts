import { defineConfig, type Options } from 'tsup';
import { packageBundle } from '../../tsup.shared.js';
import { prepareModes } from './src/tier/prepare.js';

/** Puts the cold tier's modules into the bundle, so that nobody makes them at run time. */
const prepared: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'prepared-modes',
  setup(build) {
    build.onLoad({ filter: /tier\/prepared-modes\.ts$/ }, () => ({
      contents: `export const preparedModes = ${JSON.stringify(prepareModes())};`,
      loader: 'js',
    }));
  },
};

export default defineConfig({
  ...packageBundle,
  entry: ['src/index.ts', 'src/asm/index.ts', 'src/compiler/index.ts'],
  platform: 'neutral',
  esbuildPlugins: [prepared],
});
