// What prepare.ts makes: the build puts it here (tsup.config.ts). Run from its sources, the package has none of it, and compiles what it
// meets.
import type { PreparedCode } from './prepare.js';

export const preparedCode: PreparedCode = { modes: {}, fastRoutines: null };
