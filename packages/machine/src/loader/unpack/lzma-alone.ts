// The legacy .lzma container ("LZMA-alone"): properties byte, dictionary size (u32), unpacked size (u64, all ones = unknown).
import { damaged, GrowingOutput } from './growing-output.js';
import { LzmaDecoder } from './lzma-decoder.js';

const HEADER_SIZE = 13;

/**
 * Whether `bytes` looks like an LZMA-alone file: the format has no magic, so this asks for the properties every encoder
 * writes by default, a dictionary size that is a power of two, and a plausible unpacked size.
 */
export function isLzmaAlone(bytes: Uint8Array): boolean {
  if (bytes.length < HEADER_SIZE + 5 || bytes[0] !== 0x5d || bytes[HEADER_SIZE] !== 0) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_SIZE);
  const dictionary = view.getUint32(1, true);
  const high = view.getUint32(9, true);
  if (dictionary < 0x1000 || (dictionary & (dictionary - 1)) !== 0) return false;
  return high === 0 || (high === 0xffffffff && view.getUint32(5, true) === 0xffffffff);
}

/** @throws ImageError `unpack-failed` */
export function unpackLzmaAlone(bytes: Uint8Array, limit: number): Uint8Array {
  const format = 'LZMA';
  if (!isLzmaAlone(bytes)) throw damaged(format, 'bad header');
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_SIZE);
  const known = view.getUint32(9, true) === 0;
  const size = known ? view.getUint32(5, true) : Number.POSITIVE_INFINITY;
  const output = new GrowingOutput(format, limit, known ? size : 0);
  // A known size must fit now, so that a wrong one is refused before any work.
  if (known) output.reserve(size);
  const decoder = new LzmaDecoder(format, bytes, output, view.getUint32(1, true));
  decoder.setProperties(bytes[0]);
  decoder.start(HEADER_SIZE, bytes.length);
  decoder.decode(size, !known);
  return output.finish();
}
