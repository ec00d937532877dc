// The hot tier: blocks that run often become regions compiled to WebAssembly. A region belongs to the block it is entered by; it goes
// when that block goes, when its code is written, or when another page is found mapped where its code was. Regions are compiled
// by the module: a WebAssembly module costs V8 some fifteen KiB whatever is in it. What other code is made of the same bytes
// comes from the library.

import type { BlockCache, RegionKeeper } from '../block/block-cache.js';
import { CompileTimes } from '../compile-times.js';
import type { Core } from '../core.js';
import type { FeatureGate } from '../isa/feature-gate.js';
import { pageOffset } from '../mmu/page-walk.js';
import { RegionMaker } from '../region/batch.js';
import type { PageUse } from '../region/discover.js';
import { type LibraryModule, type LibraryUser, RegionLibrary } from '../region/library.js';
import { firstBytes, isCodeAt, type RegionCode } from '../region/region-code.js';
import { cachedHost } from '../routines/system-memory.js';
import { BLOCK_RIP } from '../state/layout.js';
import { AwaitedRegions } from './awaited-regions.js';
import type { ModeHandlers } from './cold.js';
import { LoneInstructions } from './lone-instructions.js';
import { pagesWith } from './mapped-code.js';
import type { RegionTable } from './region-table.js';
import { Batch, newResident, type Resident, Residents } from './resident.js';

/**
 * Executions of a block before its region is compiled. That costs what the cold tier takes for some 600,000 instructions, and a region
 * saves it some 35 an execution; decision 12 has the measurements.
 */
export const HOT_THRESHOLD = 16_000;
/** Executions before the library is asked for its region. */
const LOOKUP_THRESHOLD = 250;
/** A branch's target that was executed less often than this is none of its region's. */
const WARM_EXECUTIONS = 32;
/** A block that a region runs already waits so many times as long for one of its own; */
const COVERED_TIMES = 3;
/** if the library had the region early, one time more: those are the executions that another guest's block had without it. */
const COVERED_EARLY_TIMES = COVERED_TIMES + 1;
/**
 * Unless the executions took longer than this of guest time, as those of an idle guest's timer do. A region pays for itself in about the
 * time that its block took to become hot.
 */
const HOT_WITHIN_NS = 30e9;
/**
 * Where an earlier run left regions, the compiler starts when it was wanted this often: its own code has not run yet, and its first region
 * takes it as long as so many others.
 */
const WANTED_OFTEN = 16;
/** A frame whose regions were written over this often has its blocks wait twice as long for each further time, */
const PATIENCE = 4;
/** until so many instructions have been executed. */
const FORGIVEN_AFTER = 500_000_000;
/** A module is compiled when it has this many regions, */
const BATCH_REGIONS = 32;
/** or when the first of them has waited for this many instructions, */
const BATCH_INSTRUCTIONS = 1_000_000;
/** or when the block of one of them has been executed this often meanwhile. */
const URGENT_EXECUTIONS = 1_000;

export interface HotTierOptions {
  /** The CPU that runs now. */
  readonly current: () => Core;
  readonly blocks: BlockCache;
  readonly regions: RegionTable;
  readonly gate: FeatureGate;
  readonly handlersOf: (modeClass: number) => ModeHandlers;
  /** Default: one of its own. */
  readonly library?: RegionLibrary;
  /** Executions of a block before its region is compiled; Infinity: never. */
  readonly threshold: number;
  /** Where the time that compilation takes is counted. */
  readonly times?: CompileTimes;
  /** Regions compiled together. */
  readonly batchRegions?: number;
}

/** How many times as long a block waits that the region runs already. */
const coveredTimes = (r: Resident): number => (r.isEarly ? COVERED_EARLY_TIMES : COVERED_TIMES);

export class HotTier implements RegionKeeper, LibraryUser {
  private readonly current: () => Core;
  private readonly blocks: BlockCache;
  private readonly regions: RegionTable;
  private readonly maker: RegionMaker;
  private readonly handlersOf: (modeClass: number) => ModeHandlers;
  readonly library: RegionLibrary;
  private readonly residents: Residents;
  private readonly exports = new Map<LibraryModule, WebAssembly.Exports>();
  private readonly threshold: number;
  private readonly batchRegions: number;
  private readonly times: CompileTimes;
  private batch: Batch | null = null;
  private readonly awaited: AwaitedRegions;
  private readonly lone = new LoneInstructions();
  private executed = 0;
  private nowNs = 0;
  /** How often a region was to be compiled. */
  private wanted = 0;
  /** By block, when the executions that count towards its compilation began. */
  private readonly countedSince = new Map<number, number>();
  private forgivenAt = 0;
  /** By frame, how often regions of it were written over lately. */
  private readonly churn = new Map<number, number>();
  /**
   * Regions compiled here, taken from the library, refused (the entry is the cold tier's) and dropped; modules compiled; bytes of
   * their WebAssembly.
   */
  readonly counters = { compiled: 0, reused: 0, refused: 0, dropped: 0, modules: 0, wasmBytes: 0 };

  constructor(options: HotTierOptions) {
    this.current = options.current;
    this.blocks = options.blocks;
    this.regions = options.regions;
    this.residents = new Residents(options.blocks);
    this.handlersOf = options.handlersOf;
    this.times = options.times ?? new CompileTimes();
    this.maker = new RegionMaker(options.gate, this.times);
    this.library = options.library ?? new RegionLibrary();
    this.threshold = Math.min(options.threshold, 0x7fffffff);
    this.blocks.heat =
      this.threshold === 0x7fffffff ? this.threshold : Math.min(this.threshold, LOOKUP_THRESHOLD);
    this.batchRegions = options.batchRegions ?? BATCH_REGIONS;
    this.awaited = new AwaitedRegions({
      ...{ blocks: this.blocks, library: this.library, batchRegions: this.batchRegions },
      ...{ environment: options.gate.name, counters: this.counters },
      warmOf: (host, modeClass) =>
        this.threshold <= LOOKUP_THRESHOLD
          ? null
          : this.blocks.executedIn(host >>> 12, modeClass, WARM_EXECUTIONS),
      loneOf: (host) => this.lone.of(host),
    });
  }

  /** Machine address of the page `delta` pages from the one at a linear address, -1 if none is mapped. */
  private pageNear(linear: number, delta: number): number {
    const { mmu, cpl } = this.current();
    const page = linear - pageOffset(linear) + delta * 4096;
    const host = mmu.translateCode(mmu.wrap(page), cpl === 3);
    return host < 0 ? -1 : host;
  }

  /** The block at `rec`, which is about to run, was executed often: finds or compiles the region that starts with it, if it can. */
  offer(rec: number): void {
    const { blocks, threshold } = this;
    const resident = this.residents.of(rec);
    // It has waited for its module, and is still executed.
    if (resident?.handler === 0) return this.flush();
    if (resident) return blocks.setHeat(rec, Infinity);
    const stage = this.awaited.stageOf(rec);
    if (stage === 'gathering' || stage === 'asked') {
      this.awaited.send();
      return blocks.setHeat(rec, URGENT_EXECUTIONS);
    }
    const offers = blocks.countOffer(rec);
    const churn = (this.churn.get(blocks.startOf(rec) >>> 12) ?? 0) - PATIENCE;
    if (offers < churn && stage === null)
      return blocks.setHeat(rec, threshold * 2 ** Math.min(offers, 10));
    const core = this.current();
    const modeClass = blocks.modeClassOf(rec);
    const { mode } = this.handlersOf(modeClass);
    // A code segment that is not flat has a limit to check, which only the cold tier does.
    if (!mode.flat) {
      this.counters.refused++;
      return;
    }
    const linear = core.codeLinear(core.state.get64(BLOCK_RIP));
    const start = blocks.startOf(rec);
    const isEarly = offers === 0 && threshold > LOOKUP_THRESHOLD;
    if (this.reuse(rec, modeClass, start, linear, isEarly)) {
      if (stage === null) this.counters.reused++;
      return this.awaited.forget(rec);
    }
    // Its code has changed meanwhile.
    if (stage === 'ready') {
      this.awaited.forget(rec);
      return blocks.setHeat(rec, threshold);
    }
    if (stage === null && isEarly) {
      this.countedSince.set(rec, this.nowNs);
      const times = Math.max(1, ...this.residents.withCodeAt(start).map(coveredTimes));
      return blocks.setHeat(rec, times * threshold - LOOKUP_THRESHOLD);
    }
    const since = this.countedSince.get(rec);
    const isSeldom = since !== undefined && this.nowNs - since > HOT_WITHIN_NS;
    const isStocked = this.library.counters.storedRegions > 0;
    if (isSeldom || (isStocked && ++this.wanted < WANTED_OFTEN)) {
      this.countedSince.set(rec, this.nowNs);
      return blocks.setHeat(rec, threshold);
    }
    this.countedSince.delete(rec);
    const source = {
      bytes: core.state.u8,
      entry: start % 4096,
      pageAt: (delta: number) => this.pageNear(linear, delta),
      linear,
      isWarm: (host: number) =>
        threshold <= LOOKUP_THRESHOLD || blocks.wasExecuted(host, modeClass, WARM_EXECUTIONS),
      isLone: (host: number) => this.lone.has(host),
      wordAt: (at: number) => {
        const host = cachedHost(core, core.mmu.wrap(at), 4, false, core.cpl === 3);
        return host < 0 || (host & 3) !== 0 ? -1 : core.state.u32[host >>> 2];
      },
    };
    if (this.library.help.isThere) {
      const mapped = core.mmu.walk.codePageSize(linear, core.cpl === 3);
      const isTaken = this.awaited.ask(rec, source, modeClass, mode, mapped, this.executed);
      return blocks.setHeat(rec, isTaken ? URGENT_EXECUTIONS : threshold >> 1);
    }
    const region = this.maker.discover(source, modeClass, mode);
    if (!region) {
      this.counters.refused++;
      return;
    }
    this.batch ??= new Batch(this.executed);
    this.maker.add(this.batch, region, source, modeClass, mode);
    const { residents } = this.batch;
    const { pages, runs } = region;
    const r = newResident({ rec, modeClass, pages, runs, isEarly: false });
    residents.push(r);
    this.admit(r);
    if (residents.length >= this.batchRegions) this.flush();
    else blocks.setHeat(rec, URGENT_EXECUTIONS);
  }

  /** Time passes: `instructions` are about to be executed; `nowNs`: guest time. */
  tick(instructions: number, nowNs: number): void {
    this.nowNs = nowNs;
    this.executed += instructions;
    if (this.executed - this.forgivenAt > FORGIVEN_AFTER) {
      this.forgivenAt = this.executed;
      this.churn.clear();
    }
    if (this.batch && this.executed - this.batch.since > BATCH_INSTRUCTIONS) this.flush();
    this.library.help.collect();
    this.awaited.tick(this.executed);
  }

  /** Compiles the regions that wait. */
  private flush(): void {
    const { batch, counters } = this;
    if (!batch) return;
    this.batch = null;
    const bytes = this.maker.build(batch);
    const before = this.times.enter('compile');
    const module = this.library.add(this.maker.gate.name, bytes, batch.codes);
    this.times.enter(before);
    counters.compiled += batch.residents.length;
    counters.modules++;
    counters.wasmBytes += bytes.length;
    batch.residents.forEach((r, i) => {
      if (!r.isGone) this.install(r, module, String(i));
    });
  }

  /** Takes the region from the library, if there is one. */
  private reuse(
    rec: number,
    modeClass: number,
    start: number,
    linear: number,
    isEarly: boolean,
  ): boolean {
    const { u8 } = this.current().state;
    const first = firstBytes(u8, start);
    let pages = null as ReadonlyMap<number, PageUse> | null;
    const isThere = (code: RegionCode): boolean => {
      const pageAt = (delta: number): number => this.pageNear(linear, delta);
      pages = pagesWith(code, u8, pageAt, (delta, host) => this.lone.areIn(code, delta, host));
      return pages !== null;
    };
    const environment = this.maker.gate.name;
    const found = this.library.find(environment, modeClass, start % 4096, first, isThere);
    if (!found || !pages) return false;
    const { runs } = found.code;
    const r = newResident({ rec, modeClass, pages, runs, isEarly });
    this.admit(r);
    this.install(r, found.module, found.name);
    return true;
  }

  /** Watches the region's code from now on. */
  private admit(r: Resident): void {
    this.residents.add(r);
    this.cover(r);
  }
  /**
   * The region runs what its blocks did until now. Those that were executed as often as its entry would become entries too, of regions
   * with the same code: only if they go on being executed in the cold tier, and longer than others, are they worth that.
   */
  private cover(r: Resident): void {
    const { blocks, threshold } = this;
    for (const [delta, { host }] of r.pages) {
      for (const offset of blocks.executedIn(host >>> 12, r.modeClass, LOOKUP_THRESHOLD)) {
        if (!isCodeAt(r.runs, delta * 4096 + offset)) continue;
        const rec = blocks.lookup(host + offset, r.modeClass);
        if (!this.residents.of(rec) && this.awaited.stageOf(rec) === null)
          blocks.setHeat(rec, coveredTimes(r) * threshold);
      }
    }
  }
  private install(r: Resident, module: LibraryModule, name: string): void {
    const handlers = this.handlersOf(r.modeClass);
    const exports = this.exportsOf(module, handlers);
    const handler = exports ? this.regions.add(exports[name]) : 0;
    if (handler === 0) return this.remove(r);
    r.handler = handler;
    r.module = module;
    this.blocks.setHot(r.rec, handler);
    this.blocks.setHeat(r.rec, Infinity);
  }
  /** Regions have left for the block often: the accesses of its first instruction shall have probes of their own from now on. */
  isolate(rec: number): void {
    const { blocks, lone } = this;
    const host = blocks.startOf(rec);
    blocks.countLeft(rec);
    if (lone.has(host)) return;
    lone.add(host);
    // Those that wait for their module too: it has the window that the others leave at.
    for (const r of this.residents.withCodeAt(host)) {
      this.remove(r);
      blocks.setHeat(r.rec, 1);
    }
  }

  private exportsOf(module: LibraryModule, handlers: ModeHandlers): WebAssembly.Exports | null {
    const known = this.exports.get(module);
    if (known) return known;
    const before = this.times.enter('compile');
    const compiled = this.library.compiledOf(module);
    const exports = compiled && this.library.instantiate(compiled, handlers.imports);
    this.times.enter(before);
    if (!exports) return null;
    this.exports.set(module, exports);
    module.users.add(this);
    return exports;
  }

  /** Is the code of the block's region still mapped around `linear`, the block's address? If not, the region goes. */
  confirm(rec: number, linear: number): void {
    const r = this.residents.of(rec);
    if (!r || r.pages.size === 1) return;
    for (const [delta, { host }] of r.pages) {
      if (delta !== 0 && this.pageNear(linear, delta) !== host) return this.remove(r);
    }
  }

  blockDropped(rec: number): void {
    this.countedSince.delete(rec);
    this.awaited.forget(rec);
    const r = this.residents.of(rec);
    if (r) this.remove(r);
  }
  written(from: number, length: number): void {
    const last = Math.floor((from + length - 1) / 4096);
    for (let frame = Math.floor(from / 4096); frame <= last; frame++) {
      for (const r of this.residents.within(frame, from, length)) {
        this.remove(r);
        if (length < 4096) this.churn.set(frame, (this.churn.get(frame) ?? 0) + 1);
      }
    }
  }
  cleared(): void {
    this.countedSince.clear();
    this.awaited.clear();
    for (const r of this.residents.all) this.remove(r);
  }
  retire(module: LibraryModule): void {
    for (const r of this.residents.all) if (r.module === module) this.remove(r);
    this.exports.delete(module);
  }

  private remove(r: Resident): void {
    r.isGone = true;
    this.blocks.setHot(r.rec, 0);
    // It may come back: the code is the same, or soon will be something else.
    this.blocks.setHeat(r.rec, this.threshold);
    this.residents.delete(r);
    if (r.handler !== 0) this.regions.remove(r.handler);
    this.counters.dropped++;
  }
}
