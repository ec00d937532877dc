// Engine: what the virtual CPUs of one machine share: decoded blocks, the tiers' code, and which of them runs now. Generated code is
// the same for all of them; only the slow paths it calls must know whose memory and registers are meant, and one CPU runs at a time.
import type { BlockCache } from './block/block-cache.js';
import { CompileTimes } from './compile-times.js';
import { Core, type DeliverFast, MODE_CLASS_MASK } from './core.js';
import type { CpuModel } from './cpu-model.js';
import { FeatureGate } from './isa/feature-gate.js';
import type { RegionLibrary } from './region/library.js';
import { coldImports, ModeHandlers } from './tier/cold.js';
import { HOT_THRESHOLD, HotTier } from './tier/hot.js';
import { HANDLER_TABLE_SIZE } from './tier/interpreter.js';
import { RegionTable } from './tier/region-table.js';
import { DELIVER_EVENT } from './wasm/import-names.js';

export interface EngineOptions {
  readonly blocks: BlockCache;
  /** What all CPUs of the machine are: decoded code depends on its features. */
  readonly model: CpuModel;
  /** Executions of a block before the hot tier compiles it; Infinity: everything runs in the cold tier. */
  readonly hotThreshold?: number;
  /** Regions compiled together; default 32. */
  readonly hotBatch?: number;
  /** Compiled regions shared with other engines; default: a library of its own. */
  readonly library?: RegionLibrary;
  /** A clock, in ms, to measure what compilation takes; default: nothing is measured. */
  readonly stopwatch?: () => number;
  /** Machine address of {@link PROFILE_SIZE} bytes for execution counters (tools/profile-forms.ts); counting slows the CPU down. */
  readonly profile?: number;
}

/** Execution counters: 32 mode classes of one 32-bit counter a handler. */
export const PROFILE_SIZE: number = 32 * HANDLER_TABLE_SIZE * 4;

export class Engine {
  readonly blocks: BlockCache;
  readonly gate: FeatureGate;
  readonly times: CompileTimes;
  /** The hot tier; its counters are public. */
  readonly hot: HotTier;
  readonly regions: RegionTable = new RegionTable();
  /** Whose slow paths generated code calls: the CPU that runs, or the first one. */
  current: Core | null = null;
  /** Finds the block at the current CPU's rIP; 0: a fault is recorded. */
  lookup: () => number = () => 0;
  private readonly modes: (ModeHandlers | undefined)[] = [];
  private imports: WebAssembly.Imports | null = null;
  private readonly profile: number;

  constructor(options: EngineOptions) {
    this.blocks = options.blocks;
    this.profile = options.profile ?? 0;
    this.gate = new FeatureGate(options.model.features as Iterable<never>);
    this.times = new CompileTimes(options.stopwatch ?? null);
    this.hot = new HotTier({
      times: this.times,
      current: () => this.current as Core,
      blocks: this.blocks,
      regions: this.regions,
      gate: this.gate,
      handlersOf: (modeClass) => this.modes[modeClass] as ModeHandlers,
      ...(options.library ? { library: options.library } : {}),
      threshold: this.profile !== 0 ? Infinity : (options.hotThreshold ?? HOT_THRESHOLD),
      ...(options.hotBatch === undefined ? {} : { batchRegions: options.hotBatch }),
    });
    this.blocks.regions = this.hot;
  }

  private importsOf(): WebAssembly.Imports {
    this.imports ??= coldImports(
      (this.current as Core).state.memory,
      this.regions,
      () => this.current as Core,
      () => this.lookup(),
      (rec) => this.hot.offer(rec),
      (rec) => this.hot.isolate(rec),
      this.hot.library,
    );
    return this.imports;
  }
  /** What delivers ordinary events to the CPUs of this engine. It must have one. */
  get deliverFast(): DeliverFast {
    return this.importsOf().env[DELIVER_EVENT] as DeliverFast;
  }

  /** The handlers of a mode class; made when they are first asked for. */
  handlers(modeClass: number): ModeHandlers {
    return this.modes[modeClass] ?? this.make(modeClass);
  }
  private make(modeClass: number): ModeHandlers {
    const mode = Core.modeOf(modeClass & MODE_CLASS_MASK);
    const handlers = new ModeHandlers(mode, this.importsOf(), {
      profile: this.profile && this.profile + modeClass * HANDLER_TABLE_SIZE * 4,
      modules: this.hot.library,
      times: this.times,
    });
    this.modes[modeClass] = handlers;
    this.blocks.recordSizes[modeClass] = handlers.sizes;
    return handlers;
  }

  /** Forms executed so far, by mode class, most frequent first (only with `profile`); `counters`: the machine's memory. */
  executedForms(
    counters: Uint32Array,
  ): { readonly modeClass: number; readonly name: string; readonly count: number }[] {
    if (this.profile === 0) return [];
    return this.modes.flatMap((handlers, modeClass) => {
      const first = (this.profile + modeClass * HANDLER_TABLE_SIZE * 4) >> 2;
      const counted = handlers
        ? handlers.names.map((name, id) => ({ modeClass, name, count: counters[first + id] }))
        : [];
      return counted.filter((f) => f.count > 0).sort((a, b) => b.count - a.count);
    });
  }
}
