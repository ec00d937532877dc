// Delivery of interrupts and exceptions (SDM vol. 3A chapter 6, vol. 2A INT n): the escalation from fault to double fault to
// shutdown, and the choice of mechanism. A delivery that faults has changed no register.
import { type Core, CR0_PE, FLAG_RF } from '../core.js';
import { CPU_FAULT, DB, DE, DF, GP, NP, PF, raise, SS_FAULT, TS } from '../fault.js';
import {
  CR0,
  CR2,
  DR7,
  FAULT_ADDRESS,
  FAULT_ERROR,
  FAULT_VECTOR,
  IDTR_BASE,
  IDTR_LIMIT,
} from '../state/layout.js';
import { Descriptor, TYPE_TASK_GATE } from './descriptor.js';
import { enterLong } from './long-interrupt.js';
import { enterProtected } from './protected-interrupt.js';
import { enterRealMode } from './real-interrupt.js';
import { readSystem32 } from './system-memory.js';
import { TASK_INTERRUPT, taskSwitch } from './task-switch.js';

/**
 * Where an event comes from: a fault or trap of the CPU, a pin (INTR, NMI), INT n / INT3 / INTO (the gate's DPL counts), or INT1.
 */
export type EventSource = 'exception' | 'interrupt' | 'software' | 'privileged-software';

const DR7_GD = 0x2000;
const gate = new Descriptor();

/** Contributory exceptions of the double-fault table (SDM vol. 3A table 6-5). */
const isContributory = (vector: number): boolean =>
  vector === DE || vector === TS || vector === NP || vector === SS_FAULT || vector === GP;

function becomesDoubleFault(first: number, second: number): boolean {
  if (first === PF) return second === PF || isContributory(second);
  return isContributory(first) && isContributory(second);
}

/**
 * Delivers an event to the guest: rIP and mode are those of its handler afterwards.
 * @param errorCode the error code to push, -1 for none
 * @returns false after a triple fault: the CPU must shut down.
 */
export function deliverEvent(
  core: Core,
  vector: number,
  errorCode: number,
  source: EventSource,
): boolean {
  const { state } = core;
  let v = vector;
  let error = errorCode;
  let from = source;
  let asFault = source === 'exception' && core.isFault;
  // Only exceptions of the processor take part in the escalation; INT 13 is no #GP.
  let first = source === 'exception' ? vector : -1;
  for (;;) {
    if (first === PF) state.set64(CR2, state.getF64(FAULT_ADDRESS));
    try {
      enterHandler(core, v, error, from, asFault);
      return true;
    } catch (e) {
      if (e !== CPU_FAULT) throw e;
      const second = state.get(FAULT_VECTOR);
      core.noteFault(second, state.get(FAULT_ERROR));
      if (first === DF) return false;
      if (becomesDoubleFault(first, second)) {
        if (second === PF) state.set64(CR2, state.getF64(FAULT_ADDRESS));
        first = DF;
        error = 0;
      } else {
        first = second;
        error = state.get(FAULT_ERROR);
      }
      v = first;
      from = 'exception';
      asFault = true;
    }
  }
}

/** One attempt: enters the handler of a vector, or throws CPU_FAULT with the fault that this met. */
export function enterHandler(
  core: Core,
  vector: number,
  errorCode: number,
  source: EventSource,
  asFault: boolean,
): void {
  const { state, mmu } = core;
  core.noStepTrap = true;
  const bySoftware = source === 'software' ? 1 : 0;
  const resume = asFault ? FLAG_RF : 0;
  // #DB clears DR7.GD, too.
  if (vector !== DB && core.deliverFast(state.base, vector, errorCode, resume, bySoftware) === 0)
    return;
  // Implicit accesses are the supervisor's: never alignment-checked. updateMode computes it anew.
  mmu.alignmentCheck = false;
  let flags = state.rflags;
  if (asFault && vector !== DB) flags |= FLAG_RF;
  const ext = source === 'software' ? 0 : 1;
  if ((state.get(CR0) & CR0_PE) === 0) enterRealMode(core, vector, flags);
  else {
    const long = mmu.longMode;
    const at = vector * (long ? 16 : 8);
    const error = vector * 8 + 2 + ext;
    if (at + (long ? 15 : 7) > state.getU(IDTR_LIMIT)) raise(state, GP, error);
    const base = state.get64(IDTR_BASE);
    gate.low = readSystem32(core, base + at);
    gate.high = readSystem32(core, base + at + 4);
    const { type } = gate;
    const known = long
      ? type === 14 || type === 15
      : type === TYPE_TASK_GATE || type === 6 || type === 7 || type === 14 || type === 15;
    if (!known) raise(state, GP, error);
    if (source === 'software' && gate.dpl < state.cpl) raise(state, GP, error);
    if (!gate.present) raise(state, NP, error);
    if (long) enterLong(core, gate, base + at, flags, errorCode, ext);
    else if (type === TYPE_TASK_GATE)
      taskSwitch(core, gate.gateSelector, TASK_INTERRUPT, flags, errorCode, ext);
    else enterProtected(core, gate, flags, errorCode, ext);
  }
  if (vector === DB && source !== 'software') state.set(DR7, state.get(DR7) & ~DR7_GD);
  core.updateMode();
}
