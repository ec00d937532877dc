// The package: an x86 CPU, what it asks of the world, and the tables and tools around it.
export { BlockCache, type DropCause } from './block/block-cache.js';
export { Core } from './core.js';
export { VCPU_SIZE, X86Cpu, type X86CpuOptions } from './cpu.js';
export type { CpuModel } from './cpu-model.js';
export {
  InstructionTracer,
  type SteppedCpu,
  type TracedStep,
} from './debug/instruction-tracer.js';
export {
  type AuditedCpu,
  type StaleTranslations,
  staleTranslations,
} from './debug/stale-translations.js';
export { Engine, type EngineOptions, PROFILE_SIZE } from './engine.js';
export {
  EXIT_HALT,
  EXIT_REQUESTED,
  EXIT_SHUTDOWN,
  EXIT_SLICE,
  type Exit,
  type FaultRecord,
} from './exit.js';
export { Monitor } from './monitor.js';
export type {
  CpuPlatform,
  DescriptorRecord,
  DescriptorSource,
  SecondStage,
  SoftwareEvent,
  StoreEmulation,
  TrapDelivery,
} from './platform.js';
export { type TierName, tierThatRan } from './ran-block.js';
export type { CompileHelper } from './region/compile-help.js';
export type { CompileAnswer, CompileQuestion } from './region/compile-server.js';
export {
  type ModuleStore,
  RegionLibrary,
  type StoredModule,
} from './region/library.js';
export type { RegionCode } from './region/region-code.js';
export { ArchitecturalTraps } from './routines/architectural-traps.js';
export { cpuModel, cpuModelNames } from './routines/cpu-models.js';
export type { StartSegment, StartState, StartTable } from './routines/start-state.js';
export { VcpuState } from './state/vcpu-state.js';
export { type CpuEvents, type CpuStatistics, cpuEvents, cpuStatistics } from './statistics.js';
export { BlockTracer } from './trace-blocks.js';
