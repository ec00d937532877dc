// What an engine and a CPU have done so far, as plain numbers for people and programs.
import type { X86Cpu } from './cpu.js';

export interface CpuStatistics {
  readonly blocks: { readonly translated: number; readonly dropped: number };
  /** Regions of the hot tier: see HotTier.counters. */
  readonly regions: Readonly<Record<string, number>>;
  /** The library that the CPU's engine uses, whoever else does: see RegionLibrary.counters. */
  readonly library: Readonly<Record<string, number>>;
  /** Exceptions and interrupts delivered, blocks looked up behind the jump cache, instructions executed one at a time. */
  readonly events: Readonly<Record<string, number>>;
  readonly tlb: { readonly fills: number };
}

export function cpuStatistics(cpu: X86Cpu): CpuStatistics {
  const { blocks, hot } = cpu.engine;
  return {
    blocks: { translated: blocks.translated, dropped: blocks.dropped },
    regions: { ...hot.counters },
    library: { ...hot.library.counters, liveModules: hot.library.moduleCount },
    events: { ...cpu.counters },
    tlb: { fills: cpu.core.tlb.fills },
  };
}
