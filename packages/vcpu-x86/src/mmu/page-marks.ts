// Which linear pages some cache holds translations of, as a filter in front of INVLPG (SDM vol. 3A §4.10.4.1): it never misses a
// page, but may name one too many. INVLPG takes the whole page that maps an address, so a large page marks all of its reach. Addresses
// beyond all that was marked are never named: a kernel's code lies apart from what its programs map and unmap.
// @hot

const SMALL = 1 << 14;
const GRANULES = 1 << 12;
/** Large pages are marked by 4 MiB, the reach of the largest but those of 1 GiB, which mark everything. */
const GRANULE = 4194304;

export class PageMarks {
  private readonly small = new Uint8Array(SMALL);
  private readonly granules = new Uint8Array(GRANULES);
  private anySmall = false;
  private anyLarge = false;
  private everything = false;
  /** All that is marked lies from here to there. */
  private low = Number.POSITIVE_INFINITY;
  private high = Number.NEGATIVE_INFINITY;

  /** Marks the page of `bytes` (4 KiB, 2 MiB, 4 MiB or 1 GiB) that maps a linear address. */
  mark(linear: number, bytes: number): void {
    const first = Math.floor(linear / bytes) * bytes;
    if (first < this.low) this.low = first;
    if (first + bytes > this.high) this.high = first + bytes;
    if (bytes === 4096) {
      this.small[Math.floor(linear / 4096) & (SMALL - 1)] = 1;
      this.anySmall = true;
    } else {
      this.anyLarge = true;
      if (bytes <= GRANULE) this.granules[Math.floor(linear / GRANULE) & (GRANULES - 1)] = 1;
      else this.everything = true;
    }
  }
  /** May a marked page, small or large, map this address? */
  covers(linear: number): boolean {
    if (linear < this.low || linear >= this.high) return false;
    return (
      (this.anySmall && this.small[Math.floor(linear / 4096) & (SMALL - 1)] !== 0) ||
      this.coversLarge(linear)
    );
  }
  /** May a marked large page map this address? */
  coversLarge(linear: number): boolean {
    if (linear < this.low || linear >= this.high) return false;
    return (
      this.everything ||
      (this.anyLarge && this.granules[Math.floor(linear / GRANULE) & (GRANULES - 1)] !== 0)
    );
  }
  clear(): void {
    if (this.anySmall) this.small.fill(0);
    if (this.anyLarge) this.granules.fill(0);
    this.anySmall = this.anyLarge = this.everything = false;
    this.low = Number.POSITIVE_INFINITY;
    this.high = Number.NEGATIVE_INFINITY;
  }
}
