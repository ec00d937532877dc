// IdMap: which user or group of the guest's stands for which of the host's, as user namespaces have it (user_namespaces(7)).

/** `count` numbers from `host` on are `guest` and what follows to the guest. */
export interface IdRange {
  readonly host: number;
  readonly guest: number;
  readonly count: number;
}

/** What stands for a number that is not in the map. */
const OVERFLOW_ID = 65534;
const MAX_ID = 0xffff_fffe;

export class IdMap {
  readonly #ranges: readonly IdRange[];

  /**
   * @param ranges none: numbers stay as they are
   * @throws RangeError for ranges that overlap, or reach beyond what numbers there are
   */
  constructor(ranges: readonly IdRange[]) {
    for (const [i, { host, guest, count }] of ranges.entries()) {
      const last = Math.max(host, guest) + count - 1;
      if (!(host >= 0 && guest >= 0 && count >= 1 && last <= MAX_ID))
        throw new RangeError(`${host}:${guest}:${count} is no range of users`);
      for (const other of ranges.slice(0, i)) {
        const meet = (a: number, b: number): boolean => a < b + other.count && b < a + count;
        if (meet(host, other.host) || meet(guest, other.guest))
          throw new RangeError(`${host}:${guest}:${count} overlaps another range`);
      }
    }
    this.#ranges = ranges;
  }

  toGuest(id: number): number {
    return mapped(this.#ranges, id, 'host', 'guest') ?? OVERFLOW_ID;
  }

  /** Null: there is none. */
  toHost(id: number): number | null {
    return mapped(this.#ranges, id, 'guest', 'host');
  }
}

function mapped(
  ranges: readonly IdRange[],
  id: number,
  from: 'guest' | 'host',
  to: 'guest' | 'host',
): number | null {
  if (ranges.length === 0) return id;
  for (const range of ranges)
    if (id >= range[from] && id - range[from] < range.count) return range[to] + id - range[from];
  return null;
}
