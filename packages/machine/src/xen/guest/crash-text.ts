// Why a domain crashed, in a line: the microkernel's reason or the guest's own word, where its CPU is, and the faults it met last.
import { AssertionError, type Domain } from '@proxeny/hv-core';
import { lastFaultsText } from '../../fault-text.js';
import { PvCpu } from '../cpu/pv-cpu.js';
import { PvhCpu } from '../cpu/pvh-cpu.js';

export function crashText(domain: Domain): string {
  const { crashCause, crashMessage } = domain;
  const cpu = domain.vcpus[0]?.cpu;
  const reason =
    crashCause instanceof Error
      ? `${crashCause instanceof AssertionError ? 'the hypervisor is wrong: ' : ''}${crashCause.message}`
      : (crashMessage ?? 'it reported a crash itself');
  if (!(cpu instanceof PvCpu || cpu instanceof PvhCpu)) return reason;
  const rip = BigInt.asUintN(64, BigInt(cpu.x86.state.rip)).toString(16);
  const faults = lastFaultsText(cpu.x86.recentFaults);
  return `${reason}; rip ${rip}${faults === '' ? '' : `; last faults: ${faults}`}`;
}
