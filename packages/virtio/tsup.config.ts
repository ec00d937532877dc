import { defineConfig } from 'tsup';
import { packageBundle } from '../../tsup.shared.js';

export default defineConfig({
  ...packageBundle,
  entry: ['src/index.ts', 'src/driver/index.ts'],
  platform: 'neutral',
});
