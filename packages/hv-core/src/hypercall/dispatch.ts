// Dispatch: takes one hypercall from a vCPU's registers through the table and puts the result back.
import { XEN_ENOSYS } from '@proxeny/abi';
import type { Vcpu } from '../vcpu.js';
import { REGISTERS_SET, RESTART } from './continuation.js';
import type { HypercallFrame } from './frame.js';
import { hypercallTable } from './table.js';

/** A hypercall costs at least as much as so many instructions. */
const HYPERCALL_INSTRUCTIONS = 100;

/** Performs the hypercall whose number and arguments `call` holds: its result, or RESTART. */
export function perform(call: HypercallFrame): number {
  const row = hypercallTable[call.number];
  const { observer, types, workPerCall } = call.hypervisor;
  types.workLeft = workPerCall;
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

/** Performs the hypercall a vCPU stands at; returns what it cost, in instructions. */
export function dispatch(vcpu: Vcpu): number {
  const { cpu, frame } = vcpu;
  const { low, high } = frame;
  const number = cpu.hypercallNumber();
  frame.begin(number);
  const count = hypercallTable[number]?.arguments ?? 0;
  cpu.hypercallArguments(low, high, count);
  const result = perform(frame);
  if (result === RESTART) {
    for (let i = 0; i < count; i++) {
      cpu.setHypercallArg(i, low[i] as number, high[i] as number);
    }
    cpu.restartHypercall();
  } else if (result !== REGISTERS_SET) {
    cpu.finishHypercall(result);
  }
  return HYPERCALL_INSTRUCTIONS + frame.workSpent;
}

/**
 * The same for an engine that is inside of `run` and means to stay there: events that have come are delivered. The engine takes the cost,
 * in instructions, from its budget, and leaves with GuestExit.budget if `vcpu.goesOn` is false then.
 */
export function dispatchInRun(vcpu: Vcpu): number {
  const cost = dispatch(vcpu);
  if (vcpu.awaitsDelivery && vcpu.goesOn) vcpu.deliverUpcall();
  return cost;
}
