import { defineConfig } from 'tsup';

export default defineConfig({
  entry: ['src/index.ts', 'src/asm/index.ts'],
  format: ['esm'],
  target: 'node20',
  platform: 'neutral',
  dts: false,
  sourcemap: true,
  clean: true,
  treeshake: true,
});
