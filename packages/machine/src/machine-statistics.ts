// What a machine and its CPUs did, and how it is measured.
import {
  type CpuEvents,
  type CpuStatistics,
  cpuStatistics,
  type Engine,
  type X86Cpu,
} from '@proxeny/vcpu-x86';
import type { GuestSampler } from './guest-sampler.js';

/** {@link CpuStatistics}, and what only the machine knows. */
export interface MachineStatistics extends CpuStatistics {
  /** Instructions executed, about. */
  readonly instructions: number;
  /** Host time of the guest's slices, as {@link GuestSampler.timeMs} has it; absent without a sampler. */
  readonly timeMs?: Readonly<Record<string, number>>;
}

/** What a machine did whose CPUs run on one engine; `past`: what CPUs did that are gone. */
export function machineStatistics(
  instructions: number,
  sampler: GuestSampler | null,
  engine: Engine,
  cpus: readonly X86Cpu[],
  past?: CpuEvents,
): MachineStatistics {
  const { decode, ir, emit, compile } = engine.times.ms;
  const timeMs = sampler ? { timeMs: sampler.timeMs(decode + ir + emit + compile) } : {};
  return { instructions, ...timeMs, ...cpuStatistics(engine, cpus, past) };
}

/** What an engine is given so that it measures its own time; nothing, if nobody wants to know. */
export const measuringOptions = (
  sampler: GuestSampler | undefined,
): { readonly stopwatch?: () => number } => (sampler ? { stopwatch: () => performance.now() } : {});
