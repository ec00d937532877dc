// RDRAND, RDSEED: 64 random bits of the platform to SCRATCH.
import type { Routine } from '../core.js';
import { SCRATCH } from '../state/layout.js';

const random: Routine = ({ state, platform }) => {
  state.setHalves(SCRATCH, platform.randomU32() | 0, platform.randomU32() | 0);
  return 0;
};

export const randomRoutines = { random } as const satisfies Record<string, Routine>;
