// INT n, INT3, INTO, INT1 (SDM vol. 2A INT n), and what loaded flags entail. Faults of the delivery are the instruction's own.
import { type Core, FLAG_IOPL, type Routine } from '../core.js';
import { BP, DB, GP, OF_TRAP, raise } from '../fault.js';
import type { SoftwareEvent } from '../platform.js';
import { FLAGS_OTHER } from '../state/layout.js';

const enter = (core: Core, vector: number, event: SoftwareEvent): number =>
  core.traps.software(vector, event);

/** INT n: in virtual-8086 mode it needs IOPL 3. */
const softwareInterrupt: Routine = (core, vector) => {
  if (core.virtual8086 && (core.state.get(FLAGS_OTHER) & FLAG_IOPL) !== FLAG_IOPL)
    raise(core.state, GP, 0);
  return enter(core, vector, 'software');
};
const breakpointTrap: Routine = (core) => enter(core, BP, 'software');
const overflowTrap: Routine = (core) => enter(core, OF_TRAP, 'software');
const debugTrap: Routine = (core) => enter(core, DB, 'privileged-software');

/** After POPF changed IF, TF or AC. */
const flagsLoaded: Routine = (core) => {
  core.updateMode();
  core.noticeInterrupt();
  return 0;
};
/** After STI: the run loop looks at INTR behind the next instruction. */
const interruptsEnabled: Routine = (core) => {
  core.noticeInterrupt();
  return 0;
};

export const interruptRoutines = {
  softwareInterrupt,
  breakpointTrap,
  overflowTrap,
  debugTrap,
  flagsLoaded,
  interruptsEnabled,
} as const satisfies Record<string, Routine>;
