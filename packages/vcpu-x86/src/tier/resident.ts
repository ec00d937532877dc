// A compiled region, or one that waits for its module, at its place in the machine's memory.
import type { PageUse } from '../region/blocks.js';
import type { LibraryModule } from '../region/library.js';

export interface Resident {
  /** The block it was made for. */
  readonly rec: number;
  /** All blocks that enter it. */
  readonly recs: Set<number>;
  readonly modeClass: number;
  /** Offsets of its entries, and machine address of the first. */
  readonly entries: readonly number[];
  readonly start: number;
  /** In the mode's table; 0 while the region waits for its module. */
  handler: number;
  module: LibraryModule | null;
  /** Pages with its code, by distance from the entry's page. */
  readonly pages: ReadonlyMap<number, PageUse>;
  /** Its block, or its code, went. */
  isGone: boolean;
}

/** A block's place: machine address and mode class in one number. */
export const entryKey = (host: number, modeClass: number): number => host * 256 + modeClass;

/** Machine address of the region's code at an offset. */
export function hostOf(r: Resident, offset: number): number {
  const at = (r.start % 4096) + offset;
  const delta = Math.floor(at / 4096);
  return (r.pages.get(delta) as PageUse).host + at - delta * 4096;
}
