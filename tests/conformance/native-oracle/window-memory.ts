// Initial contents of the data window: the same xorshift32 stream that harness.c computes.
import { WINDOW_BYTES, type WindowBytes } from './protocol.js';

let cachedSeed = 0;
const cached = new Uint8Array(WINDOW_BYTES);

function fill(seed: number): void {
  const words = new Uint32Array(cached.buffer);
  let x = seed | 0;
  for (let i = 0; i < words.length; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    words[i] = x;
  }
  cachedSeed = seed;
}

/** The window's bytes before a run: the stream of `seed` (0: zeroes) with `patches` over it. */
export function initialWindow(seed: number, patches: readonly WindowBytes[]): Uint8Array {
  if (seed !== cachedSeed) fill(seed);
  const bytes = cached.slice();
  for (const patch of patches) bytes.set(patch.bytes, patch.offset);
  return bytes;
}

/** The image in words of 64 bits, to skip what is equal; undefined when it is not aligned. */
function wordsOf(image: Uint8Array): BigInt64Array | undefined {
  const { buffer, byteOffset, length } = image;
  return (byteOffset | length) & 7 ? undefined : new BigInt64Array(buffer, byteOffset, length / 8);
}

/** The changed runs between two window images, in the form results report them. */
export function windowChanges(before: Uint8Array, after: Uint8Array): WindowBytes[] {
  const changes: WindowBytes[] = [];
  const [wordsBefore, wordsAfter] = [wordsOf(before), wordsOf(after)];
  for (let at = 0; at < before.length; at++) {
    if (wordsBefore && wordsAfter && (at & 7) === 0)
      while (at < before.length && wordsBefore[at >> 3] === wordsAfter[at >> 3]) at += 8;
    if (before[at] === after[at]) continue;
    const offset = at;
    while (at < before.length && before[at] !== after[at]) at++;
    changes.push({ offset, bytes: after.slice(offset, at) });
  }
  return changes;
}
