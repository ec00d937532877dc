// ByteBudget: what many connections may keep together. Each may keep a little beyond it, so that none waits for others for ever.

/** What one owner may keep even if nothing is left. */
const OWN_BYTES = 16 * 1024;

export class ByteBudget {
  readonly limitBytes: number;
  #used = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#used;
  }

  /** How much more an owner that keeps `own` bytes may keep. */
  left(own: number): number {
    return Math.max(this.limitBytes - this.#used, OWN_BYTES - own, 0);
  }

  take(count: number): void {
    this.#used += count;
  }

  give(count: number): void {
    this.#used -= count;
  }
}
