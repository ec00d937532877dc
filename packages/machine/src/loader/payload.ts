// Compressed images: recognising the format by its magic number and unpacking it with a bound on the result.
import { ImageError } from './load-error.js';
import { isGzip, unpackGzip } from './unpack/gzip.js';
import { isLz4Legacy, unpackLz4Legacy } from './unpack/lz4-legacy.js';
import { isLzmaAlone, unpackLzmaAlone } from './unpack/lzma-alone.js';
import { isXz, unpackXz } from './unpack/xz.js';
import { isZstd, unpackZstd } from './unpack/zstd.js';

export type PayloadFormat =
  | 'gzip'
  | 'xz'
  | 'lz4-legacy'
  | 'zstd'
  | 'lzma'
  | 'bzip2'
  | 'lzo'
  | 'lz4';

/** The most an image may unpack to, in bytes, unless the caller says otherwise. */
export const UNPACK_LIMIT: number = 512 << 20;

export interface UnpackOptions {
  /** Most bytes that may come out; default {@link UNPACK_LIMIT}. */
  readonly limit?: number;
  /** Unpacked size in bytes, where the container around the payload tells it. */
  readonly expected?: number;
}

/** The compression format of `bytes`, or undefined. */
export function sniffPayload(bytes: Uint8Array): PayloadFormat | undefined {
  if (isGzip(bytes)) return 'gzip';
  if (isXz(bytes)) return 'xz';
  if (isLz4Legacy(bytes)) return 'lz4-legacy';
  if (isZstd(bytes)) return 'zstd';
  if (startsWith(bytes, 0x42, 0x5a, 0x68)) return 'bzip2';
  if (startsWith(bytes, 0x89, 0x4c, 0x5a, 0x4f)) return 'lzo';
  if (startsWith(bytes, 0x04, 0x22, 0x4d, 0x18)) return 'lz4';
  if (isLzmaAlone(bytes)) return 'lzma';
  return undefined;
}

/**
 * Unpacks `bytes`.
 * @throws ImageError `unpack-failed` (damaged or too big) or `unsupported` (a format we know only by name)
 */
export function unpackPayload(bytes: Uint8Array, options: UnpackOptions = {}): Uint8Array {
  const limit = options.limit ?? UNPACK_LIMIT;
  const expected = options.expected;
  if (expected !== undefined && expected > limit) {
    throw new ImageError(
      'unpack-failed',
      `compressed data claims to unpack to ${expected} bytes, allowed are ${limit}; it is damaged or not a kernel`,
    );
  }
  const format = sniffPayload(bytes);
  switch (format) {
    case 'gzip':
      return unpackGzip(bytes, limit);
    case 'xz':
      return unpackXz(bytes, limit, expected);
    case 'lz4-legacy':
      return unpackLz4Legacy(bytes, limit, expected);
    case 'zstd':
      return unpackZstd(bytes, limit, expected);
    case 'lzma':
      return unpackLzmaAlone(bytes, limit);
    default:
      throw new ImageError(
        'unsupported',
        format === undefined
          ? 'compressed data in an unknown format; gzip, XZ, LZMA, LZ4 (legacy) and zstd are known'
          : `${format} compression is not supported: unpack the file first, or repack it with gzip, xz, zstd or "lz4 -l"`,
      );
  }
}

function startsWith(bytes: Uint8Array, ...magic: number[]): boolean {
  return magic.every((byte, i) => bytes[i] === byte);
}
