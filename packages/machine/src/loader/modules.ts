// Placing the initrd and boot modules: at the highest address where they fit beside what is already there.
import type { Gpa } from '@proxeny/memory';
import { highestFit, topOfLowRam } from './e820.js';
import { hex, ImageError, mebibytes } from './load-error.js';
import type { LoadContext, PlacedRange } from './load-request.js';

/**
 * Writes `bytes` to the highest page-aligned address below `below` that is free of `taken`.
 * @throws ImageError `initrd-does-not-fit`
 */
export function placeHigh(
  context: LoadContext,
  what: string,
  bytes: Uint8Array,
  below: number,
  taken: readonly PlacedRange[],
): PlacedRange {
  const start = highestFit(context.memoryMap, bytes.length, below, taken);
  if (start < 0) {
    const top = topOfLowRam(context.memoryMap);
    const used = taken.map((t) => `${t.what} ${hex(t.start)}–${hex(t.end)}`).join(', ');
    throw new ImageError(
      'initrd-does-not-fit',
      `${what} (${mebibytes(bytes.length)}) does not fit into ${mebibytes(top)} of memory beside ${used}; ` +
        (below < top
          ? `it must lie below ${hex(below)}: use a smaller one`
          : 'give the machine more memory'),
    );
  }
  context.memory.copyTo(start as Gpa, bytes);
  return { what, start, end: start + bytes.length };
}
