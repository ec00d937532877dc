// The hot tier: blocks that run often become regions compiled to WebAssembly. A region belongs to the block it is entered by; it goes
// when that block goes, when its code is written, or when another page is found mapped where its code was.
import type { BlockCache, RegionKeeper } from '../block/block-cache.js';
import type { Core } from '../core.js';
import type { FeatureGate } from '../isa/feature-gate.js';
import { discoverRegion, type PageUse } from '../region/discover.js';
import { regionModule } from '../region/emit.js';
import { BLOCK_RIP } from '../state/layout.js';
import type { ModeHandlers } from './cold.js';

/** Executions of a block before its region is compiled: measured over a kernel boot, 4,000 costs less than 1,000. */
export const HOT_THRESHOLD = 4000;

interface Installed {
  readonly rec: number;
  readonly modeClass: number;
  readonly handler: number;
  /** Pages with its code, by distance from the entry's page. */
  readonly pages: ReadonlyMap<number, PageUse>;
}

export class HotTier implements RegionKeeper {
  private readonly current: () => Core;
  private readonly blocks: BlockCache;
  private readonly gate: FeatureGate;
  private readonly handlersOf: (modeClass: number) => ModeHandlers;
  private readonly byBlock = new Map<number, Installed>();
  private readonly byFrame = new Map<number, Set<Installed>>();
  /** Regions compiled, refused (the entry is the cold tier's) and dropped; bytes of WebAssembly. */
  readonly counters = { compiled: 0, refused: 0, dropped: 0, wasmBytes: 0 };

  /** @param current the CPU that runs now */
  constructor(
    current: () => Core,
    blocks: BlockCache,
    gate: FeatureGate,
    handlersOf: (modeClass: number) => ModeHandlers,
  ) {
    this.current = current;
    this.blocks = blocks;
    this.gate = gate;
    this.handlersOf = handlersOf;
  }

  /** Machine address of the page `delta` pages from the one at a linear address, -1 if none is mapped. */
  private pageNear(linear: number, delta: number): number {
    const { mmu, cpl } = this.current();
    const page = linear - (((linear % 4096) + 4096) % 4096) + delta * 4096;
    const host = mmu.translateCode(mmu.wrap(page), cpl === 3);
    return host < 0 ? -1 : host;
  }

  /** Compiles the region that starts with the block at `rec`, which is about to run, if it can. */
  compile(rec: number): void {
    const { blocks } = this;
    const core = this.current();
    const modeClass = blocks.modeClassOf(rec);
    const handlers = this.handlersOf(modeClass);
    const linear = core.codeLinear(core.state.get64(BLOCK_RIP));
    const start = blocks.startOf(rec);
    const source = {
      bytes: core.state.u8,
      entry: start % 4096,
      pageAt: (delta: number) => this.pageNear(linear, delta),
    };
    // A code segment that is not flat has a limit to check, which only the cold tier does.
    const region = handlers.mode.flat ? discoverRegion(source, handlers.mode, this.gate) : null;
    if (!region) {
      this.counters.refused++;
      return;
    }
    const bytes = regionModule(region, handlers.mode);
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), handlers.imports);
    const handler = handlers.addRegion(instance.exports.region as () => number);
    if (handler === 0) return;
    this.counters.compiled++;
    this.counters.wasmBytes += bytes.length;
    const installed: Installed = { rec, modeClass, handler, pages: region.pages };
    this.byBlock.set(rec, installed);
    for (const { host } of region.pages.values()) {
      const frame = Math.floor(host / 4096);
      blocks.pin(frame);
      let list = this.byFrame.get(frame);
      if (!list) {
        list = new Set();
        this.byFrame.set(frame, list);
      }
      list.add(installed);
    }
    blocks.setHot(rec, handler);
  }

  /** Is the code of the block's region still mapped around `linear`, the block's address? If not, the region goes. */
  confirm(rec: number, linear: number): void {
    const r = this.byBlock.get(rec);
    if (!r || r.pages.size === 1) return;
    for (const [delta, { host }] of r.pages) {
      if (delta !== 0 && this.pageNear(linear, delta) !== host) return this.remove(r);
    }
  }

  blockDropped(rec: number): void {
    const r = this.byBlock.get(rec);
    if (r) this.remove(r);
  }
  written(from: number, length: number): void {
    const last = Math.floor((from + length - 1) / 4096);
    for (let frame = Math.floor(from / 4096); frame <= last; frame++) {
      for (const r of this.byFrame.get(frame) ?? []) {
        for (const p of r.pages.values()) {
          if (from < p.host + p.to && p.host + p.from < from + length) {
            this.remove(r);
            break;
          }
        }
      }
    }
  }
  cleared(): void {
    for (const r of [...this.byBlock.values()]) this.remove(r);
  }

  private remove(r: Installed): void {
    this.blocks.setHot(r.rec, 0);
    this.byBlock.delete(r.rec);
    for (const { host } of r.pages.values()) {
      const frame = Math.floor(host / 4096);
      const list = this.byFrame.get(frame);
      list?.delete(r);
      if (list?.size === 0) this.byFrame.delete(frame);
      this.blocks.unpin(frame);
    }
    this.handlersOf(r.modeClass).removeRegion(r.handler);
    this.counters.dropped++;
  }
}
