// Zstandard (RFC 8878) through fzstd, whose allocations follow the frame header: so headers are checked here first.
// Two ways, because fzstd moves a whole window per block when it streams: a frame whose unpacked size is known is given a
// single-segment header (§3.1.1.1.1: then the output is the window) and decoded at once; others are streamed.
// fzstd verifies no content checksum.
import { Decompress, decompress } from 'fzstd';
import { ImageError, mebibytes } from '../load-error.js';
import { damaged, GrowingOutput } from './growing-output.js';

const FORMAT = 'zstd';
/** The kernel's own decoder allows as much. */
const WINDOW_LIMIT = 128 << 20;
/** Input fed at once when streaming, in bytes. */
const PIECE = 0x8000;

export function isZstd(bytes: Uint8Array): boolean {
  return bytes[0] === 0x28 && bytes[1] === 0xb5 && bytes[2] === 0x2f && bytes[3] === 0xfd;
}

interface FrameHeader {
  readonly byteLength: number;
  readonly hasChecksum: boolean;
  /** In bytes; of a single-segment frame the content size. */
  readonly windowSize: number;
  /** Unpacked size in bytes, if the frame says it. */
  readonly contentSize: number | undefined;
}

/** Frame header, §3.1.1.1. */
function readFrameHeader(bytes: Uint8Array): FrameHeader {
  const descriptor = bytes[4];
  const singleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  const dictionarySize = [0, 1, 2, 4][descriptor & 3];
  const contentSizeLength = sizeFlag === 0 ? (singleSegment ? 1 : 0) : 1 << sizeFlag;
  const contentAt = 5 + (singleSegment ? 0 : 1) + dictionarySize;
  const byteLength = contentAt + contentSizeLength;
  if (bytes.length < byteLength + 3) throw damaged(FORMAT, 'it ends too early');
  if (dictionarySize > 0) {
    throw new ImageError('unsupported', 'zstd data needs a dictionary; repack it without one');
  }
  let contentSize: number | undefined;
  if (contentSizeLength > 0) {
    contentSize = sizeFlag === 1 ? 256 : 0;
    for (let i = 0; i < contentSizeLength; i++) contentSize += bytes[contentAt + i] * 256 ** i;
  }
  const base = 2 ** (10 + (bytes[5] >> 3));
  const windowSize = singleSegment ? (contentSize ?? 0) : base + (base / 8) * (bytes[5] & 7);
  return { byteLength, hasChecksum: (descriptor & 4) !== 0, windowSize, contentSize };
}

/**
 * Unpacks one frame (more only where the size is not known).
 * @param expected unpacked size in bytes, if known.
 * @throws ImageError `unpack-failed` or `unsupported`
 */
export function unpackZstd(bytes: Uint8Array, limit: number, expected?: number): Uint8Array {
  if (bytes.length < 9 || !isZstd(bytes)) throw damaged(FORMAT, 'bad magic number');
  const header = readFrameHeader(bytes);
  const size = expected ?? header.contentSize;
  if (size !== undefined && size > limit) {
    throw new ImageError(
      'unpack-failed',
      `zstd data unpacks to more than the ${mebibytes(limit)} allowed; it is damaged or not a kernel`,
    );
  }
  if (size === undefined && header.windowSize > WINDOW_LIMIT) {
    throw new ImageError(
      'unsupported',
      `zstd data needs a window of ${mebibytes(header.windowSize)}; repack it without --long`,
    );
  }
  try {
    return size === undefined
      ? unpackStream(bytes, limit)
      : decompress(withSingleSegment(bytes, header, size));
  } catch (cause) {
    if (cause instanceof ImageError) throw cause;
    throw damaged(FORMAT, cause instanceof Error ? cause.message : 'unknown error', cause);
  }
}

/** The same frame under a header that states the content size (4 bytes) and makes it the window. */
function withSingleSegment(bytes: Uint8Array, header: FrameHeader, size: number): Uint8Array {
  const body = bytes.subarray(header.byteLength);
  const frame = new Uint8Array(9 + body.length);
  frame.set(bytes.subarray(0, 4));
  frame[4] = 0xa0 | (header.hasChecksum ? 4 : 0);
  new DataView(frame.buffer).setUint32(5, size, true);
  frame.set(body, 9);
  return frame;
}

function unpackStream(bytes: Uint8Array, limit: number): Uint8Array {
  const output = new GrowingOutput(FORMAT, limit);
  const stream = new Decompress((chunk) => output.append(chunk));
  for (let at = 0; at < bytes.length; at += PIECE) {
    stream.push(bytes.subarray(at, at + PIECE), at + PIECE >= bytes.length);
  }
  return output.finish();
}
