// LinearTables: entries that name a table of their own level, so that a guest sees its page tables through themselves. Rule 6 of
// page-type.ts. Read only, and no chains: a table that is named so by others names none itself.
import { FRAME_VALIDATED, MAX_REFERENCES, type PageType } from './frame-table.js';
import { PTE_WRITABLE } from './page-table-entry.js';
import type { PageTypes } from './page-type.js';

export class LinearTables {
  readonly #types: PageTypes;
  readonly #users = new Set<number>();

  constructor(types: PageTypes) {
    this.#types = types;
  }

  /** Takes what a linear entry of `table` (of `type`) needs; false, and nothing taken, if it is none or not allowed. */
  take(table: number, type: PageType, low: number, target: number, owner: number): boolean {
    const { frames } = this.#types;
    if ((low & PTE_WRITABLE) !== 0) return false;
    if (target === table) {
      this.#users.add(owner);
      return true; // needs nothing: the table lives as long as its own entry
    }
    if (!frames.isOwnedBy(target, owner) || frames.references[target] === 0) return false;
    const isReady =
      frames.type[target] === type &&
      (frames.typeReferences[target] as number) > 0 &&
      ((frames.flags[target] as number) & FRAME_VALIDATED) !== 0;
    const linearHere = frames.linear[table] as number;
    const linearThere = frames.linear[target] as number;
    if (!isReady || linearHere > 0 || linearThere < 0) return false;
    if ((frames.typeReferences[target] as number) >= MAX_REFERENCES) return false;
    if (!frames.getPage(target, owner)) return false;
    frames.typeReferences[target] = (frames.typeReferences[target] as number) + 1;
    frames.linear[table] = linearHere - 1;
    frames.linear[target] = linearThere + 1;
    this.#users.add(owner);
    return true;
  }
  /** Has the domain had such entries? To it an entry of a table may be one that maps a page, the table it leads to. */
  areUsedBy(owner: number): boolean {
    return this.#users.has(owner);
  }

  /** Gives back what a linear entry holds; false if the entry is an ordinary one. */
  give(table: number, type: PageType, target: number): boolean {
    const { frames } = this.#types;
    if (target === table) return true;
    if (frames.type[target] !== type) return false;
    frames.linear[table] = (frames.linear[table] as number) + 1;
    frames.linear[target] = (frames.linear[target] as number) - 1;
    this.#types.putPageAndType(target);
    return true;
  }
}
