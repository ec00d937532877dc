// Which entries of a 4-level root some cached translations hang on. Another root with the same entries there leads to the same tables, so
// that the translations hold in it too: kernels have their own part in common between all address spaces.
// @hot

const SLOTS = 512;
const SLOT_BYTES = 549755813888;
/** Accessed and dirty bits come by themselves. */
const SOFT_BITS = 0x60;

/** Aligned words by guest-physical address. */
export interface RootMemory {
  readPhysical32(at: number): number;
}

export class RootSlots {
  private readonly memory: RootMemory;
  private readonly noted = new Uint8Array(SLOTS);
  private readonly slots = new Uint16Array(SLOTS);
  private readonly low = new Int32Array(SLOTS);
  private readonly high = new Int32Array(SLOTS);
  private count = 0;

  constructor(memory: RootMemory) {
    this.memory = memory;
  }

  /** Notes the entry that maps a linear address in the table at `root`. */
  note(root: number, linear: number): void {
    const slot = Math.floor(linear / SLOT_BYTES) & (SLOTS - 1);
    if (this.noted[slot] !== 0) return;
    this.noted[slot] = 1;
    this.slots[this.count++] = slot;
    this.low[slot] = this.memory.readPhysical32(root + slot * 8) & ~SOFT_BITS;
    this.high[slot] = this.memory.readPhysical32(root + slot * 8 + 4);
  }
  /** Has the table at `root` all noted entries? */
  areIn(root: number): boolean {
    for (let i = 0; i < this.count; i++) {
      const slot = this.slots[i];
      const at = root + slot * 8;
      if ((this.memory.readPhysical32(at) & ~SOFT_BITS) !== this.low[slot]) return false;
      if (this.memory.readPhysical32(at + 4) !== this.high[slot]) return false;
    }
    return true;
  }
  clear(): void {
    for (let i = 0; i < this.count; i++) this.noted[this.slots[i]] = 0;
    this.count = 0;
  }
}
