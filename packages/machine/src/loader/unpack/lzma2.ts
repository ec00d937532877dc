// LZMA2: chunks of LZMA or stored data with explicit resets (XZ file format §5.3.1; chunk layout from the XZ for Java notes).
import { damaged, type GrowingOutput } from './growing-output.js';
import { LzmaDecoder } from './lzma-decoder.js';

const FORMAT = 'XZ';

/** Dictionary size that the filter's one property byte stands for, in bytes. XZ file format §5.3.1. */
export function lzma2DictionarySize(property: number): number {
  if (property > 40) throw damaged(FORMAT, 'impossible dictionary size');
  if (property === 40) return 0xffffffff;
  return (2 | (property & 1)) * 2 ** ((property >> 1) + 11);
}

/** Decodes from `at` to the end-of-data byte; appends to `output`. Returns the offset behind it. */
export function unpackLzma2(
  input: Uint8Array,
  at: number,
  output: GrowingOutput,
  dictionarySize: number,
): number {
  const decoder = new LzmaDecoder(FORMAT, input, output, dictionarySize);
  let needDictionary = true;
  let needProperties = true;
  let needState = true;
  for (;;) {
    if (at >= input.length) throw damaged(FORMAT, 'it ends too early');
    const control = input[at];
    if (control === 0) return at + 1;
    if (control === 1 || control >= 0xe0) {
      needDictionary = false;
      // A new dictionary makes what properties and state refer to invalid: both must be set again.
      needProperties = true;
      decoder.resetDictionary();
    } else if (needDictionary) {
      throw damaged(FORMAT, 'no dictionary reset in the first chunk');
    }
    if (at + 6 > input.length) throw damaged(FORMAT, 'it ends too early');
    if (control < 0x80) {
      if (control > 2) throw damaged(FORMAT, 'unknown chunk type');
      const size = ((input[at + 1] << 8) | input[at + 2]) + 1;
      at += 3;
      if (at + size > input.length) throw damaged(FORMAT, 'it ends too early');
      output.append(input.subarray(at, at + size));
      at += size;
      continue;
    }
    const unpacked = (((control & 0x1f) << 16) | (input[at + 1] << 8) | input[at + 2]) + 1;
    const packed = ((input[at + 3] << 8) | input[at + 4]) + 1;
    at += 5;
    if (control >= 0xc0) {
      const properties = input[at++];
      // LZMA2 allows lc + lp of at most 4.
      if ((properties % 9) + (((properties / 9) | 0) % 5) > 4) {
        throw damaged(FORMAT, 'impossible LZMA properties');
      }
      decoder.setProperties(properties);
      needProperties = false;
      needState = false;
    } else if (needProperties) {
      throw damaged(FORMAT, 'no properties in the first LZMA chunk');
    } else if (control >= 0xa0) {
      decoder.resetState();
      needState = false;
    } else if (needState) {
      throw damaged(FORMAT, 'no state reset in the first LZMA chunk');
    }
    output.reserve(unpacked);
    decoder.start(at, at + packed);
    decoder.decode(unpacked, false);
    at += packed;
    if (decoder.position !== at || !decoder.atCleanEnd) {
      throw damaged(FORMAT, 'a chunk is longer than its data');
    }
  }
}
