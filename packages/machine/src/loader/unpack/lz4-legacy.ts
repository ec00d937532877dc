// LZ4 legacy frame (`lz4 -l`, the kernel's format): magic, then blocks of u32 packed size + LZ4 block data, each unpacking
// to 8 MiB (the last to less). LZ4 frame format description, "Legacy frame"; block format description 1.5.
import { damaged, GrowingOutput } from './growing-output.js';

const FORMAT = 'LZ4';
const MAGIC = 0x184c2102;
const BLOCK_SIZE = 8 << 20;
/** The most a block of incompressible data grows to. */
const PACKED_LIMIT = BLOCK_SIZE + Math.floor(BLOCK_SIZE / 255) + 16;

/** Bytes that are copied one by one. */
const SHORT = 24;

export function isLz4Legacy(bytes: Uint8Array): boolean {
  return bytes[0] === 0x02 && bytes[1] === 0x21 && bytes[2] === 0x4c && bytes[3] === 0x18;
}

/** Extends a length whose 4-bit field was 15: bytes are added until one is not 255. Returns the offset behind them. */
function readLength(input: Uint8Array, at: number, end: number): [extra: number, next: number] {
  let extra = 0;
  for (;;) {
    if (at >= end) throw damaged(FORMAT, 'it ends too early');
    const byte = input[at++];
    extra += byte;
    if (byte !== 255) return [extra, at];
  }
}

/** Makes room for `more` bytes behind the first `length`; the array that has it. */
function grow(output: GrowingOutput, length: number, more: number): Uint8Array {
  output.length = length;
  output.reserve(more);
  return output.bytes;
}

function unpackBlock(input: Uint8Array, from: number, end: number, output: GrowingOutput): void {
  const start = output.length;
  let at = from;
  let to = start;
  let { bytes } = output;
  while (at < end) {
    const token = input[at++];
    let literals = token >> 4;
    if (literals === 15) {
      const [extra, next] = readLength(input, at, end);
      literals += extra;
      at = next;
    }
    if (at + literals > end) throw damaged(FORMAT, 'it ends too early');
    if (to + literals - start > BLOCK_SIZE) throw damaged(FORMAT, 'a block is too long');
    if (to + literals > bytes.length) bytes = grow(output, to, literals);
    const stopLiterals = to + literals;
    // A call for a few bytes takes longer than the bytes do.
    if (literals > SHORT) bytes.set(input.subarray(at, at + literals), to);
    else for (let i = at, o = to; o < stopLiterals; i++, o++) bytes[o] = input[i];
    at += literals;
    to = stopLiterals;
    if (at === end) break; // the last sequence has literals only
    if (at + 2 > end) throw damaged(FORMAT, 'it ends too early');
    const distance = input[at] | (input[at + 1] << 8);
    at += 2;
    let length = (token & 15) + 4;
    if (length === 19) {
      const [extra, next] = readLength(input, at, end);
      length += extra;
      at = next;
    }
    if (distance === 0 || distance > to - start) throw damaged(FORMAT, 'a match before the block');
    if (to + length - start > BLOCK_SIZE) throw damaged(FORMAT, 'a block is too long');
    if (to + length > bytes.length) bytes = grow(output, to, length);
    const stop = to + length;
    if (length > SHORT && distance >= length) bytes.copyWithin(to, to - distance, stop - distance);
    else for (let o = to; o < stop; o++) bytes[o] = bytes[o - distance];
    to = stop;
  }
  output.length = to;
}

/**
 * Unpacks an LZ4 legacy frame. With `expected` (unpacked size in bytes, as a kernel appends it) reading stops there.
 * @throws ImageError `unpack-failed`
 */
export function unpackLz4Legacy(bytes: Uint8Array, limit: number, expected?: number): Uint8Array {
  if (!isLz4Legacy(bytes)) throw damaged(FORMAT, 'bad magic number');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const output = new GrowingOutput(FORMAT, limit, expected ?? 0);
  let at = 4;
  while (at + 4 <= bytes.length && output.length !== expected) {
    const packed = view.getUint32(at, true);
    at += 4;
    if (packed === MAGIC) continue; // concatenated frames
    if (packed > PACKED_LIMIT) throw damaged(FORMAT, 'impossible block size');
    if (at + packed > bytes.length) throw damaged(FORMAT, 'it ends too early');
    unpackBlock(bytes, at, at + packed, output);
    at += packed;
  }
  const complete = output.length === expected || at === bytes.length;
  if (!complete || at === 4) throw damaged(FORMAT, 'it ends too early');
  return output.finish();
}
