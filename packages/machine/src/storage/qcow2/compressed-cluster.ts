// Compressed clusters: raw deflate (RFC 1951) or a Zstandard frame (RFC 8878), followed by whatever fills the last sector.
import { inflateSync } from 'fflate';
import { decompress } from 'fzstd';
import type { CompressionType } from './header.js';

const ZSTD_MAGIC = 0xfd2fb528;
const BLOCK_HEADER_BYTES = 3;
const BLOCK_RLE = 1;

/**
 * Unpacks one cluster.
 * @returns null if the bytes are damaged or are not exactly a cluster
 */
export function unpackCluster(
  bytes: Uint8Array,
  type: CompressionType,
  clusterBytes: number,
): Uint8Array | null {
  try {
    // fflate drops what does not fit: one more byte tells a longer result.
    const unpacked =
      type === 'zlib'
        ? inflateSync(bytes, { out: new Uint8Array(clusterBytes + 1) })
        : decompress(withKnownSize(bytes, clusterBytes));
    return unpacked.byteLength === clusterBytes ? unpacked : null;
  } catch {
    return null;
  }
}

/**
 * A frame alone, under a header that states the content's size, so that no header makes the decoder allocate more (§3.1.1.1).
 * @throws RangeError if it is no frame, or one with a dictionary
 */
function withKnownSize(bytes: Uint8Array, byteLength: number): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== ZSTD_MAGIC) throw new RangeError('no Zstandard frame');
  const descriptor = view.getUint8(4);
  if ((descriptor & 3) !== 0) throw new RangeError('a dictionary');
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  const sizeBytes = sizeFlag === 0 ? Number(isSingleSegment) : 1 << sizeFlag;
  const start = 5 + Number(!isSingleSegment) + sizeBytes;
  const body = bytes.subarray(start, endOfBlocks(view, start));
  const frame = new Uint8Array(9 + body.byteLength);
  const header = new DataView(frame.buffer);
  header.setUint32(0, ZSTD_MAGIC, true);
  header.setUint8(4, 0xa0);
  header.setUint32(5, byteLength, true);
  frame.set(body, 9);
  return frame;
}

function endOfBlocks(view: DataView, start: number): number {
  for (let at = start; ; ) {
    const header = view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
    const isRle = ((header >> 1) & 3) === BLOCK_RLE;
    at += BLOCK_HEADER_BYTES + (isRle ? 1 : header >> 3);
    if (at > view.byteLength) throw new RangeError('it ends too early');
    if ((header & 1) !== 0) return at;
  }
}
