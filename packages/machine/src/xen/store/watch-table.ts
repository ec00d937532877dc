// WatchTable: all watches by path. A change of a node matches the watches of its path and of all above it.

import { isSpecial, parentPath } from './store-path.js';
import type { StoreSession } from './store-session.js';

export interface Watch {
  readonly session: StoreSession;
  /** Absolute, or a name with @. */
  readonly path: string;
  /** The caller's, returned with each event; each character is a byte. */
  readonly token: string;
  /** How much of an event's path is cut off for a watch of a relative path. */
  readonly prefixLength: number;
  /** Grows from watch to watch. */
  readonly sequence: number;
}

/** Distinguishes the watches of one session. */
export function watchKey(path: string, token: string): string {
  return `${path}\0${token}`;
}

export class WatchTable {
  readonly #byPath: Map<string, Watch[]> = new Map();
  #sequence = 0;

  add(session: StoreSession, path: string, token: string, prefixLength: number): Watch {
    const watch: Watch = { session, path, token, prefixLength, sequence: this.#sequence++ };
    session.watches.set(watchKey(path, token), watch);
    const known = this.#byPath.get(path);
    if (known) known.push(watch);
    else this.#byPath.set(path, [watch]);
    return watch;
  }

  remove(watch: Watch): void {
    watch.session.watches.delete(watchKey(watch.path, watch.token));
    const known = this.#byPath.get(watch.path) ?? [];
    const left = known.filter((other) => other !== watch);
    if (left.length > 0) this.#byPath.set(watch.path, left);
    else this.#byPath.delete(watch.path);
  }

  /** Watches that a change of `path` matches, the oldest first; with `isExact`, only those of that very path. */
  matching(path: string, isExact: boolean): readonly Watch[] {
    const own = this.#byPath.get(path) ?? [];
    if (isExact || isSpecial(path)) return own;
    let all = own;
    for (let at = path; at !== '/'; ) {
      at = parentPath(at);
      const above = this.#byPath.get(at);
      if (above) all = all.length > 0 ? [...all, ...above] : above;
    }
    return all.length > 1 ? [...all].sort((a, b) => a.sequence - b.sequence) : all;
  }
}
