// What the TLB lost lately to other pages with the same place: two pages that a guest uses in turns would need a page walk at each access.
// Whatever invalidates an entry of the TLB empties this too.
// @hot

const ROOM = 8;
const NO_SET = -1;

export class Victims {
  private count = 0;
  private next = 0;
  private readonly sets = new Int32Array(ROOM);
  /** Linear page addresses as two halves. */
  private readonly lows = new Int32Array(ROOM);
  private readonly highs = new Int32Array(ROOM);
  /** Of the one that was {@link take taken}, until another one is added: machine address less linear one, the right to write, flags of the TLB's. */
  readonly deltas: Int32Array = new Int32Array(ROOM);
  readonly writable: Uint8Array = new Uint8Array(ROOM);
  readonly flags: Uint8Array = new Uint8Array(ROOM);

  add(
    set: number,
    low: number,
    high: number,
    delta: number,
    writable: boolean,
    flags: number,
  ): void {
    const n = this.next;
    this.next = (n + 1) % ROOM;
    if (this.count < ROOM) this.count++;
    this.sets[n] = set;
    this.lows[n] = low;
    this.highs[n] = high;
    this.deltas[n] = delta;
    this.writable[n] = writable ? 1 : 0;
    this.flags[n] = flags;
  }
  /**
   * Takes a page out: its number, -1 if it is not here. Whoever looks for it fills the TLB's entry, from this or from the page tables, or
   * has a page fault; what they say then may be newer, and this must not come back behind it.
   */
  take(set: number, low: number, high: number): number {
    for (let n = 0; n < this.count; n++) {
      if (this.lows[n] !== low || this.highs[n] !== high || this.sets[n] !== set) continue;
      this.sets[n] = NO_SET;
      return n;
    }
    return -1;
  }
  clear(): void {
    this.count = 0;
    this.next = 0;
  }
}
