// Task switches as instructions make them: JMP, CALL, IRET. A fault in the new task belongs to the new task: it is delivered at
// once, because the caller of a faulting routine restarts the old instruction.
import type { Core } from '../core.js';
import { CPU_FAULT, DF, raise, TS } from '../fault.js';
import { FAULT_ERROR, FAULT_VECTOR, TR } from '../state/layout.js';
import { deliverEvent } from './deliver-event.js';
import { readSystem16 } from './system-memory.js';
import { TASK_RETURN, taskProgress, taskSwitch } from './task-switch.js';

/** Switches to the task of a TSS selector. */
export function goToTask(core: Core, selector: number, kind: number): number {
  const { state } = core;
  taskProgress.isCommitted = false;
  try {
    taskSwitch(core, selector, kind, state.rflags, -1, 0);
  } catch (e) {
    if (e !== CPU_FAULT || !taskProgress.isCommitted) throw e;
    core.isFault = true;
    // After a triple fault the double fault is left to the run loop, which will fail on it in the same way and shut down.
    if (!deliverEvent(core, state.get(FAULT_VECTOR), state.get(FAULT_ERROR), 'exception'))
      raise(state, DF, 0);
    return 0;
  }
  core.updateMode();
  core.noticeInterrupt();
  return 0;
}

/** IRET with NT set: back to the task in the back link. */
export function returnFromTask(core: Core): number {
  const { state } = core;
  const link = readSystem16(core, state.segmentBase(TR));
  if ((link & 4) !== 0 || (link & 0xfff8) === 0) raise(state, TS, link & 0xfffc);
  return goToTask(core, link, TASK_RETURN);
}
