// Dispatch: takes one hypercall from a vCPU's registers through the table and puts the result back.
import { XEN_ENOSYS } from '@proxeny/abi';
import type { Vcpu } from '../vcpu.js';
import { REGISTERS_SET, RESTART } from './continuation.js';
import type { HypercallFrame } from './frame.js';
import { hypercallTable } from './table.js';

/** Performs the hypercall whose number and arguments `call` holds: its result, or RESTART. */
export function perform(call: HypercallFrame): number {
  const row = hypercallTable[call.number];
  const { observer, types } = call.hypervisor;
  types.workLeft = call.hypervisor.workPerCall;
  observer?.enter(call);
  let result = -XEN_ENOSYS;
  if (row) {
    const decoded = row.decode(call);
    result = typeof decoded === 'number' ? decoded : decoded();
  }
  if (types.parked.length > 0 && result !== RESTART) types.releaseParked();
  if (types.pendingDevalidations > 0) types.drain();
  observer?.leave(call, result);
  return result;
}

/** Performs the hypercall a vCPU stands at; returns a measure of the work done. */
export function dispatch(vcpu: Vcpu): number {
  const { cpu, frame } = vcpu;
  frame.begin(cpu.hypercallNumber());
  const count = hypercallTable[frame.number]?.arguments ?? 0;
  for (let i = 0; i < count; i++) {
    frame.low[i] = cpu.hypercallArgLow(i);
    frame.high[i] = cpu.hypercallArgHigh(i);
  }
  const result = perform(frame);
  if (result === RESTART) {
    for (let i = 0; i < count; i++) {
      cpu.setHypercallArg(i, frame.low[i] as number, frame.high[i] as number);
    }
    cpu.restartHypercall();
  } else if (result !== REGISTERS_SET) {
    cpu.finishHypercall(result);
  }
  return frame.workSpent;
}
