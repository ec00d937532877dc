import { describe, expect, it } from 'vitest';
import { ImageError } from '../load-error.js';
import { unpackLz4Legacy } from './lz4-legacy.js';

interface Sequence {
  readonly literals: readonly number[];
  /** Left out in the last sequence of a block. */
  readonly match?: { readonly distance: number; readonly length: number };
}

function lengthBytes(length: number): number[] {
  if (length < 15) return [];
  const rest = length - 15;
  return [...new Array<number>(Math.floor(rest / 255)).fill(255), rest % 255];
}

function packedBlock(sequences: readonly Sequence[]): number[] {
  return sequences.flatMap(({ literals, match }) => {
    const more = match === undefined ? 0 : match.length - 4;
    return [
      (Math.min(literals.length, 15) << 4) | Math.min(more, 15),
      ...lengthBytes(literals.length),
      ...literals,
      ...(match ? [match.distance & 255, match.distance >> 8, ...lengthBytes(more)] : []),
    ];
  });
}

function frame(...blocks: readonly (readonly number[])[]): Uint8Array {
  const word = (value: number) => [0, 8, 16, 24].map((shift) => (value >>> shift) & 255);
  return Uint8Array.from(
    [word(0x184c2102), ...blocks.map((block) => [...word(block.length), ...block])].flat(),
  );
}

/** What the format says that sequences mean. */
function meaning(sequences: readonly Sequence[]): number[] {
  const out: number[] = [];
  for (const { literals, match } of sequences) {
    out.push(...literals);
    for (let i = 0; match && i < match.length; i++) out.push(out[out.length - match.distance]);
  }
  return out;
}

const counted = (count: number, from = 0): number[] =>
  Array.from({ length: count }, (_, i) => (from + i * 7) & 255);

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof ImageError) return error.message;
    throw error;
  }
  return 'none';
}

const LIMIT = 64 << 20;
const unpack = (...blocks: readonly (readonly number[])[]): Uint8Array =>
  unpackLz4Legacy(frame(...blocks), LIMIT);

describe('an LZ4 block', () => {
  it('repeats at every short distance, for every length around those of its copies', () => {
    for (let distance = 1; distance <= 40; distance++) {
      const sequences: Sequence[] = [];
      for (let length = 4; length <= 70; length++) {
        sequences.push({ literals: counted(distance, length), match: { distance, length } });
      }
      sequences.push({ literals: counted(5) });
      expect([...unpack(packedBlock(sequences))]).toEqual(meaning(sequences));
    }
  });

  it('has literals of every length around those of its copies and of its length bytes', () => {
    for (const count of [0, 1, 14, 15, 16, 17, 31, 32, 33, 269, 270, 271, 525, 70_000]) {
      const sequences: Sequence[] = [
        { literals: counted(count + 1), match: { distance: 1, length: 18 } },
        { literals: counted(count, 3) },
      ];
      expect([...unpack(packedBlock(sequences))]).toEqual(meaning(sequences));
    }
  });

  it('reaches back 65,535 bytes', () => {
    const far: Sequence[] = [
      { literals: counted(66_000), match: { distance: 65_535, length: 1000 } },
      { literals: [] },
    ];
    expect([...unpack(packedBlock(far))]).toEqual(meaning(far));
  });

  it('leaves nothing behind its end from copies that wrote more than they should', () => {
    const first: Sequence[] = [{ literals: counted(3), match: { distance: 3, length: 5 } }];
    expect([...unpack(packedBlock(first), packedBlock([{ literals: [9] }]))]).toEqual([
      ...meaning(first),
      9,
    ]);
  });

  it('cannot see the block before it', () => {
    const plain = packedBlock([{ literals: counted(100) }]);
    const back = (distance: number) =>
      packedBlock([{ literals: [1], match: { distance, length: 4 } }, { literals: [2] }]);
    expect(unpack(plain, back(1)).length).toBe(106);
    for (const distance of [0, 2, 50, 65_535]) {
      expect(messageOf(() => unpack(plain, back(distance)))).toMatch(/a match before the block/);
    }
  });

  it('fills 8 MiB and no byte more', () => {
    const filled = (bytes: number) =>
      packedBlock([
        { literals: [7], match: { distance: 1, length: bytes - 2 } },
        { literals: [8] },
      ]);
    const full = unpack(filled(8 << 20), filled(8 << 20));
    expect(full.length).toBe(16 << 20);
    expect(full.subarray(0, -1).findIndex((byte) => byte !== 7)).toBe((8 << 20) - 1);
    expect(messageOf(() => unpack(filled((8 << 20) + 1)))).toMatch(/a block is too long/);
  });

  it('is refused when a length has no end, or goes past the limit', () => {
    const endless = counted(300).fill(255);
    for (const start of [[0xf0], [0x1f, 1, 1, 0]]) {
      expect(messageOf(() => unpack([...start, ...endless]))).toMatch(/it ends too early/);
    }
    expect(messageOf(() => unpack([0xf0, ...endless, 0]))).toMatch(/it ends too early/);
    const zeros = packedBlock([{ literals: [0], match: { distance: 1, length: 4096 } }]);
    expect(messageOf(() => unpackLz4Legacy(frame(zeros), 4097))).toBe('none');
    expect(messageOf(() => unpackLz4Legacy(frame(zeros), 4096))).toMatch(/more than the/);
  });
});
