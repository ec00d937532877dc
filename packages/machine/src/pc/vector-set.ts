// @hot VectorSet: 256 interrupt vectors as bits (IRR, ISR, TMR), with the highest one at hand.

/** A set of vectors. */
export class VectorSet {
  /** Eight words of 32 vectors, as the registers show them. */
  readonly words: Uint32Array = new Uint32Array(8);
  /** The highest vector in the set, or -1. */
  highest = -1;

  has(vector: number): boolean {
    return (this.words[vector >> 5] & (1 << (vector & 31))) !== 0;
  }

  add(vector: number): void {
    this.words[vector >> 5] |= 1 << (vector & 31);
    if (vector > this.highest) this.highest = vector;
  }

  remove(vector: number): void {
    this.words[vector >> 5] &= ~(1 << (vector & 31));
    if (vector === this.highest) this.#find(vector >> 5);
  }

  clear(): void {
    this.words.fill(0);
    this.highest = -1;
  }

  /** Replaces the set by eight words. */
  load(words: readonly number[]): void {
    this.words.set(words);
    this.#find(7);
  }

  #find(from: number): void {
    for (let word = from; word >= 0; word--) {
      if (this.words[word] !== 0) {
        this.highest = word * 32 + 31 - Math.clz32(this.words[word]);
        return;
      }
    }
    this.highest = -1;
  }
}
