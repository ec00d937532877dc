import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ImageError } from './load-error.js';
import { sniffPayload, unpackPayload } from './payload.js';
import {
  decodeSample,
  lz4,
  lzma,
  sampleCode,
  xzCrc64,
  xzX86,
  zstdSized,
  zstdStream,
} from './testing/compressed-sample.js';
import { crc32, crc64 } from './unpack/crc.js';

const plain = sampleCode();
const samples: readonly (readonly [name: string, format: string, packed: Uint8Array])[] = [
  ['gzip', 'gzip', new Uint8Array(gzipSync(plain))],
  ['XZ with the x86 filter and CRC-32', 'xz', decodeSample(xzX86)],
  ['XZ with a start offset, CRC-64, unusual lc, lp and pb', 'xz', decodeSample(xzCrc64)],
  ['LZMA-alone', 'lzma', decodeSample(lzma)],
  ['LZ4 legacy', 'lz4-legacy', decodeSample(lz4)],
  ['zstd with a known size', 'zstd', decodeSample(zstdSized)],
  ['zstd from a pipe', 'zstd', decodeSample(zstdStream)],
];

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof ImageError) return error.code;
    throw error;
  }
  return 'none';
}

describe.each(samples)('%s', (_name, format, packed) => {
  it('is recognised and unpacks to what the tool packed', () => {
    expect(sniffPayload(packed)).toBe(format);
    expect(unpackPayload(packed)).toEqual(plain);
  });

  it('may unpack to exactly the limit and no byte more', () => {
    expect(unpackPayload(packed, { limit: plain.length })).toEqual(plain);
    expect(codeOf(() => unpackPayload(packed, { limit: plain.length - 1 }))).toBe('unpack-failed');
  });

  it('is refused when cut off anywhere in the data', () => {
    // The last 40 bytes may be XZ's index and footer, which repeat what the blocks said.
    for (let length = 6; length < packed.length - 40; length += 37) {
      const code = codeOf(() => unpackPayload(packed.subarray(0, length)));
      expect(['unpack-failed', 'unsupported']).toContain(code);
    }
  });

  it('never fails but with an ImageError when bytes are damaged', () => {
    let seed = 7;
    for (let round = 0; round < 400; round++) {
      const damaged = packed.slice();
      for (let n = 0; n < 3; n++) {
        seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
        damaged[(seed >>> 8) % damaged.length] = seed >>> 24;
      }
      expect(['none', 'unpack-failed', 'unsupported']).toContain(
        codeOf(() => unpackPayload(damaged, { limit: 1 << 20 })),
      );
    }
  });
});

describe('unpackPayload', () => {
  it('verifies the checksum of gzip and XZ', () => {
    const gzip = new Uint8Array(gzipSync(plain));
    gzip[gzip.length - 8] ^= 1;
    expect(() => unpackPayload(gzip)).toThrow(/gzip data is damaged: checksum differs/);
    const xz = decodeSample(xzX86);
    // Behind the only block come its CRC-32, the index (8 bytes and its own CRC-32) and the footer (12 bytes).
    xz[xz.length - 12 - 12 - 1] ^= 0x80;
    expect(() => unpackPayload(xz)).toThrow(/XZ data is damaged: checksum differs/);
  });

  it('reads the unpacked size that a kernel build appends', () => {
    const packed = decodeSample(lz4);
    const withSize = Uint8Array.from([...packed, 0x70, 0x17, 0, 0]);
    expect(unpackPayload(withSize, { expected: 6000 })).toEqual(plain);
  });

  it('names the formats it recognises but does not unpack', () => {
    const bzip2 = new TextEncoder().encode('BZh91AY&SY');
    expect(() => unpackPayload(bzip2)).toThrow(/bzip2 compression is not supported: unpack/);
    expect(codeOf(() => unpackPayload(Uint8Array.of(1, 2, 3, 4)))).toBe('unsupported');
  });
});

describe('checksums', () => {
  it('have the published check values', () => {
    const digits = new TextEncoder().encode('123456789');
    expect(crc32(digits)).toBe(0xcbf43926);
    expect(crc64(digits)).toEqual([0xdf1939fa, 0x995dc9bb]);
  });
});
