// What prepare.ts makes of each mode, by the mode's name: the build puts it here (tsup.config.ts). Run from its sources, the package has none
// of it, and compiles forms when it meets them.
import type { PreparedMode } from './prepare.js';

export const preparedModes: Readonly<Record<string, PreparedMode>> = {};
