// What an engine and its CPUs have done so far, as plain numbers for people and programs.
import type { X86Cpu } from './cpu.js';
import type { Engine } from './engine.js';

/** Plain numbers by name. */
type Counts = Readonly<Record<string, number>>;

export interface CpuStatistics {
  readonly blocks: { readonly translated: number; readonly dropped: number };
  /** Blocks dropped, by cause: see DropCause. */
  readonly dropped: Counts;
  /** Regions of the hot tier: see HotTier.counters. */
  readonly regions: Counts;
  /** The library that the CPUs' engine uses, whoever else does: see RegionLibrary.counters. */
  readonly library: Counts;
  /** What a helper of the library's compiled, whoever asked: see CompileHelper.counters. Empty if there is none. */
  readonly helper: Counts;
  /** Time spent on code generation, in whole ms by stage: see CompileTimes. All 0 unless the engine has a stopwatch. */
  readonly compileMs: Counts;
  /** Exceptions and interrupts delivered, blocks looked up behind the jump cache, instructions executed one at a time. */
  readonly events: Counts;
  /** Accesses that the TLB did not answer (devices' memory, and what crosses a page, too), and translations entered. */
  readonly tlb: { readonly misses: number; readonly fills: number };
}

/** What CPUs of one engine did on their own, together. */
export type CpuEvents = Pick<CpuStatistics, 'events' | 'tlb'>;

const NONE: CpuEvents = { events: {}, tlb: { misses: 0, fills: 0 } };

/** @param past what others did, to be added */
export function cpuEvents(cpus: readonly X86Cpu[], past: CpuEvents = NONE): CpuEvents {
  const events: Record<string, number> = { ...past.events };
  const tlb = { ...past.tlb };
  for (const cpu of cpus) {
    for (const [name, count] of Object.entries(cpu.counters))
      events[name] = (events[name] ?? 0) + count;
    tlb.misses += cpu.core.mmu.slowAccesses;
    tlb.fills += cpu.core.tlb.fills;
  }
  return { events, tlb };
}

/**
 * @param cpus those that run on the engine
 * @param past what others did there
 */
export function cpuStatistics(
  { blocks, hot, times }: Engine,
  cpus: readonly X86Cpu[],
  past?: CpuEvents,
): CpuStatistics {
  return {
    blocks: { translated: blocks.translated, dropped: blocks.dropped },
    dropped: { ...blocks.droppedBy },
    regions: { ...hot.counters },
    library: { ...hot.library.counters, liveModules: hot.library.moduleCount },
    helper: { ...hot.library.help.counters },
    compileMs: Object.fromEntries(
      Object.entries(times.ms).map(([stage, ms]) => [stage, Math.round(ms)]),
    ),
    ...cpuEvents(cpus, past),
  };
}
