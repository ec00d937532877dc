// The XZ container (xz-file-format 1.1.0): stream header, blocks with LZMA2 and optionally the x86 filter, checks.
// Only the first stream is read; the index behind it repeats what the blocks said and is not needed.
import { ImageError } from '../load-error.js';
import { unfilterX86 } from './bcj-x86.js';
import { crc32, crc64 } from './crc.js';
import { damaged, GrowingOutput } from './growing-output.js';
import { lzma2DictionarySize, unpackLzma2 } from './lzma2.js';

const FORMAT = 'XZ';
const MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00];
const CHECK_SIZE = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];
const FILTER_X86 = 0x04;
const FILTER_LZMA2 = 0x21;

export function isXz(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, i) => bytes[i] === byte);
}

interface BlockHeader {
  readonly byteLength: number;
  readonly dictionarySize: number;
  /** Address of the block's first byte for the x86 filter, or −1 without that filter. */
  readonly x86Start: number;
}

/** Variable-length integer, §1.2: at most 9 bytes; returns the offset behind it. */
function readVli(bytes: Uint8Array, at: number, end: number): [value: number, next: number] {
  let value = 0;
  for (let i = 0; i < 9; i++) {
    if (at + i >= end) break;
    const byte = bytes[at + i];
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return [value, at + i + 1];
  }
  throw damaged(FORMAT, 'bad integer in a block header');
}

function readBlockHeader(bytes: Uint8Array, at: number): BlockHeader {
  const byteLength = (bytes[at] + 1) * 4;
  const end = at + byteLength - 4;
  if (end + 4 > bytes.length) throw damaged(FORMAT, 'it ends too early');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (crc32(bytes.subarray(at, end)) !== view.getUint32(end, true)) {
    throw damaged(FORMAT, 'block header checksum differs');
  }
  const flags = bytes[at + 1];
  let next = at + 2;
  // Compressed and uncompressed size: LZMA2 is self-terminating, so both are only skipped.
  if (flags & 0x40) [, next] = readVli(bytes, next, end);
  if (flags & 0x80) [, next] = readVli(bytes, next, end);
  let x86Start = -1;
  for (let left = flags & 3; left >= 0; left--) {
    let id = 0;
    let size = 0;
    [id, next] = readVli(bytes, next, end);
    [size, next] = readVli(bytes, next, end);
    if (next + size > end) throw damaged(FORMAT, 'bad filter properties');
    if (left === 0 && id === FILTER_LZMA2 && size === 1) {
      return { byteLength, dictionarySize: lzma2DictionarySize(bytes[next]), x86Start };
    }
    if (left === 0 || id !== FILTER_X86 || x86Start !== -1 || (size !== 0 && size !== 4)) {
      throw new ImageError(
        'unsupported',
        `XZ data uses filter 0x${id.toString(16)}; only LZMA2 with the x86 filter is known: repack it with "xz --x86 --lzma2"`,
      );
    }
    x86Start = size === 4 ? view.getUint32(next, true) : 0;
    next += size;
  }
  throw damaged(FORMAT, 'no LZMA2 filter');
}

function verifyCheck(type: number, unpacked: Uint8Array, stored: Uint8Array): void {
  const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength);
  let same = true; // SHA-256 and reserved types are not verified
  if (type === 1) same = crc32(unpacked) === view.getUint32(0, true);
  if (type === 4) {
    const [low, high] = crc64(unpacked);
    same = low === view.getUint32(0, true) && high === view.getUint32(4, true);
  }
  if (!same) throw damaged(FORMAT, 'checksum differs');
}

/**
 * Unpacks the first XZ stream of `bytes`; what follows it is ignored.
 * @param expected unpacked size in bytes, if known; a hint.
 * @throws ImageError `unpack-failed` or `unsupported`
 */
export function unpackXz(bytes: Uint8Array, limit: number, expected = 0): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || !isXz(bytes) || bytes[6] !== 0 || bytes[7] > 15) {
    throw damaged(FORMAT, 'bad stream header');
  }
  if (crc32(bytes.subarray(6, 8)) !== view.getUint32(8, true)) {
    throw damaged(FORMAT, 'stream header checksum differs');
  }
  const check = bytes[7];
  const output = new GrowingOutput(FORMAT, limit, expected);
  let at = 12;
  for (;;) {
    if (at >= bytes.length) throw damaged(FORMAT, 'it ends too early');
    if (bytes[at] === 0) return output.finish(); // index indicator
    const header = readBlockHeader(bytes, at);
    const blockStart = output.length;
    const dataStart = at + header.byteLength;
    at = unpackLzma2(bytes, dataStart, output, header.dictionarySize);
    at += -(at - dataStart) & 3;
    const unpacked = output.bytes.subarray(blockStart, output.length);
    if (header.x86Start >= 0) unfilterX86(unpacked, header.x86Start);
    if (at + CHECK_SIZE[check] > bytes.length) throw damaged(FORMAT, 'it ends too early');
    verifyCheck(check, unpacked, bytes.subarray(at, at + CHECK_SIZE[check]));
    at += CHECK_SIZE[check];
  }
}
