// The routines of system instructions, event delivery and ports, joined.
import type { Routine } from '../core.js';
import { controlRoutines } from './control-register.js';
import { cpuidRoutines } from './cpuid.js';
import { debugRoutines } from './debug-registers.js';
import { tableRoutines } from './descriptor-table.js';
import { farCallRoutines } from './far-call.js';
import { farJumpRoutines } from './far-jump.js';
import { iretRoutines } from './iret.js';
import { msrRoutines } from './msr.js';
import { portRoutines } from './port-access.js';
import { segmentRoutines } from './segment-load.js';
import { interruptRoutines } from './software-interrupt.js';
import { systemCallRoutines } from './system-call.js';
import { timeRoutines } from './time-stamp.js';

export const systemRoutines: Readonly<Record<string, Routine>> = {
  ...controlRoutines,
  ...cpuidRoutines,
  ...debugRoutines,
  ...tableRoutines,
  ...farCallRoutines,
  ...farJumpRoutines,
  ...iretRoutines,
  ...msrRoutines,
  ...portRoutines,
  ...segmentRoutines,
  ...interruptRoutines,
  ...systemCallRoutines,
  ...timeRoutines,
};
