// Regions that blocks have, and those that wait for their module.
import type { BlockCache } from '../block/block-cache.js';
import { RegionBatch } from '../region/batch.js';
import type { PageUse } from '../region/discover.js';
import type { LibraryModule } from '../region/library.js';
import { isCodeAt } from '../region/region-code.js';

/** A region of one block. */
export interface Resident {
  readonly rec: number;
  readonly modeClass: number;
  /** In the table of regions; 0 while the region waits for its module. */
  handler: number;
  module: LibraryModule | null;
  /** Pages with its code, by distance from the entry's page. */
  readonly pages: ReadonlyMap<number, PageUse>;
  /** Runs of bytes, counted from the start of the entry's page. */
  readonly runs: readonly number[];
  /** It was in the library before its block had been executed as often as one that is compiled. */
  readonly isEarly: boolean;
  /** Its block, or its code, went. */
  isGone: boolean;
}

/** One that has no module yet. */
export function newResident(
  known: Pick<Resident, 'rec' | 'modeClass' | 'pages' | 'runs' | 'isEarly'>,
): Resident {
  return { ...known, handler: 0, module: null, isGone: false };
}

/** Has a region the byte at a machine address? */
function isCodeOf({ pages, runs }: Resident, host: number): boolean {
  for (const [delta, page] of pages) {
    const offset = host - page.host;
    if (offset >= 0 && offset < 4096) return isCodeAt(runs, delta * 4096 + offset);
  }
  return false;
}

/** All of them, by their blocks and by the frames with their code, which are watched as long as they are here. */
export class Residents {
  private readonly blocks: BlockCache;
  private readonly byBlock = new Map<number, Resident>();
  private readonly byFrame = new Map<number, Set<Resident>>();

  constructor(blocks: BlockCache) {
    this.blocks = blocks;
  }

  /** The region of a block. */
  of(rec: number): Resident | undefined {
    return this.byBlock.get(rec);
  }
  get all(): readonly Resident[] {
    return [...this.byBlock.values()];
  }
  /** Those with the byte at a machine address. */
  withCodeAt(host: number): readonly Resident[] {
    return [...(this.byFrame.get(host >>> 12) ?? [])].filter((r) => isCodeOf(r, host));
  }
  /** Those with code of one frame in [from, from + length). */
  within(frame: number, from: number, length: number): readonly Resident[] {
    return [...(this.byFrame.get(frame) ?? [])].filter(({ pages }) =>
      [...pages.values()].some((p) => from < p.host + p.to && p.host + p.from < from + length),
    );
  }

  add(r: Resident): void {
    this.byBlock.set(r.rec, r);
    for (const { host } of r.pages.values()) {
      const frame = host >>> 12;
      this.blocks.pin(frame);
      const list = this.byFrame.get(frame) ?? new Set();
      this.byFrame.set(frame, list.add(r));
    }
  }
  delete(r: Resident): void {
    this.byBlock.delete(r.rec);
    for (const { host } of r.pages.values()) {
      const frame = host >>> 12;
      const list = this.byFrame.get(frame);
      list?.delete(r);
      if (list?.size === 0) this.byFrame.delete(frame);
      this.blocks.unpin(frame);
    }
  }
}

/** Regions that will be one module. */
export class Batch extends RegionBatch {
  readonly residents: Resident[] = [];
  /** Instructions executed when the first one came. */
  readonly since: number;

  constructor(since: number) {
    super();
    this.since = since;
  }
}
