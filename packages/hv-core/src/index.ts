// The package: the hypervisor and what a host builds domains with.
export { Domain, type DomainConfig } from './domain.js';
export { type DomainLimits, defaultLimits } from './domain-limits.js';
export { AssertionError, HvError } from './error.js';
export type { EventChannel, Port } from './event/event-channel.js';
export type { AddressSpace } from './frame/address-space.js';
export { FrameTable, PageType } from './frame/frame-table.js';
export { MachineMemory } from './frame/machine-memory.js';
export { P2mKind } from './frame/p2m.js';
export { pinTable } from './frame/pin.js';
export { GuestAccess } from './guest-access.js';
export { type GuestCpu, GuestExit, type InterruptCpu } from './guest-cpu.js';
export { HostGrants, type HostMapping } from './host/host-grants.js';
export { HostPort } from './host/host-port.js';
export { RESTART } from './hypercall/continuation.js';
export { dispatchInRun } from './hypercall/dispatch.js';
export type { HypercallFrame } from './hypercall/frame.js';
export { type HypercallEntry, hypercallPage } from './hypercall/hypercall-page.js';
export { initialiseVcpu } from './hypercall/vcpu-initialise.js';
export {
  type HypercallObserver,
  Hypervisor,
  type HypervisorOptions,
  type StepResult,
} from './hypervisor.js';
export { findMiscount } from './reference-audit.js';
export { Credit } from './sched/credit.js';
export { RoundRobin } from './sched/round-robin.js';
export type { Scheduler } from './sched/scheduler.js';
export { stateDigest } from './state-digest.js';
export { type Clock, ManualClock } from './time/clock.js';
export type { CpuTraps } from './trap/cpu-traps.js';
export { CpuRegister, CpuSegment, isTrapCpu, type TrapCpu } from './trap/trap-cpu.js';
export { Vcpu } from './vcpu.js';
