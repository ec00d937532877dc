// Regions that blocks have, and those that wait for their module.
import { RegionBatch } from '../region/batch.js';
import type { PageUse } from '../region/discover.js';
import type { LibraryModule } from '../region/library.js';
import { isCodeAt } from '../region/region-code.js';

/** A region of one block. */
export interface Resident {
  readonly rec: number;
  readonly modeClass: number;
  /** In the mode's table; 0 while the region waits for its module. */
  handler: number;
  module: LibraryModule | null;
  /** Pages with its code, by distance from the entry's page. */
  readonly pages: ReadonlyMap<number, PageUse>;
  /** Runs of bytes, counted from the start of the entry's page. */
  readonly runs: readonly number[];
  /** Its block, or its code, went. */
  isGone: boolean;
}

/** Has a region the byte at a machine address? */
export function isCodeOf({ pages, runs }: Resident, host: number): boolean {
  for (const [delta, page] of pages) {
    const offset = host - page.host;
    if (offset >= 0 && offset < 4096) return isCodeAt(runs, delta * 4096 + offset);
  }
  return false;
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
