import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { ClusterRanges } from './cluster-ranges.js';

it('ranges of clusters hold what any of them holds, however they overlap', () => {
  const range = fc
    .tuple(fc.nat(50), fc.nat(12))
    .map(([first, length]) => ({ first, end: first + length }));
  fc.assert(
    fc.property(fc.array(range, { maxLength: 8 }), (ranges) => {
      const set = new ClusterRanges(ranges);
      for (let cluster = 0; cluster < 64; cluster++) {
        const isIn = ranges.some(({ first, end }) => cluster >= first && cluster < end);
        expect(set.has(cluster)).toBe(isIn);
      }
    }),
  );
});
