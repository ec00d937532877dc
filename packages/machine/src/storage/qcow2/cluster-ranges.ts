// ClusterRanges: a set of clusters in few words, of ranges that never change. What an image says of its ranges may overlap.

export interface ClusterRange {
  readonly first: number;
  /** The cluster after the last one. */
  readonly end: number;
}

export class ClusterRanges {
  /** In their order, and apart. */
  readonly #ranges: ClusterRange[] = [];

  constructor(ranges: readonly ClusterRange[]) {
    for (const { first, end } of [...ranges].sort((a, b) => a.first - b.first)) {
      const last = this.#ranges.at(-1);
      if (last && first <= last.end) {
        this.#ranges[this.#ranges.length - 1] = {
          first: last.first,
          end: Math.max(last.end, end),
        };
      } else this.#ranges.push({ first, end });
    }
  }

  has(cluster: number): boolean {
    let [low, high] = [0, this.#ranges.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const range = this.#ranges[middle] as ClusterRange;
      if (cluster < range.first) high = middle;
      else if (cluster >= range.end) low = middle + 1;
      else return true;
    }
    return false;
  }
}
