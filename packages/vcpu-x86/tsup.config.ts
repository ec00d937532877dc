import { defineConfig, type Options } from 'tsup';
import { packageBundle } from '../../tsup.shared.js';
import { prepareCode } from './src/tier/prepare.js';

/** Puts the cold tier's code into the bundle, so that nobody makes it at run time. */
const prepared: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'prepared-code',
  setup(build) {
    build.onLoad({ filter: /tier\/prepared-code\.ts$/ }, () => ({
      contents: `export const preparedCode = ${JSON.stringify(prepareCode())};`,
      loader: 'js',
    }));
  },
};

export default defineConfig({
  ...packageBundle,
  entry: ['src/index.ts', 'src/asm/index.ts', 'src/compiler/index.ts', 'src/wasm/index.ts'],
  platform: 'neutral',
  esbuildPlugins: [prepared],
});
