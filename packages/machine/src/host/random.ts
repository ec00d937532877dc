// The host's randomness.
import { randomFillSync } from 'node:crypto';

const pool = new Uint32Array(64);
let left = 0;

/** 32 random bits of the host, unsigned; fetched in batches. */
export function hostRandomU32(): number {
  if (left === 0) {
    randomFillSync(pool);
    left = pool.length;
  }
  return pool[--left];
}

/** Fills `target` with randomness of the host. */
export function hostRandomFill(target: Uint8Array): void {
  randomFillSync(target);
}
