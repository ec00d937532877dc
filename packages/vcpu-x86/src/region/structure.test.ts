// Graphs of blocks: what lies on the way from one to another.
import { describe, expect, it } from 'vitest';
import { structure } from './structure.js';

const between = (graph: number[][], from: number, to: number): number[] =>
  [...structure(graph).between(from, to)].sort((a, b) => a - b);

describe('what lies between two blocks', () => {
  it('is the loop that the second heads, not what comes behind it', () => {
    expect(between([[1], [2], [1, 3], [4], []], 0, 1)).toEqual([1, 2]);
  });
  it('is nothing if one leads straight to the other', () => {
    expect(between([[1, 2], [2], []], 0, 1)).toEqual([]);
  });
  it('is every way to a merge, but none that ends before', () => {
    expect(between([[1, 2], [3, 4], [3], [], []], 0, 3)).toEqual([1, 2]);
  });
  it('is the inner loop, and the outer one around it', () => {
    const graph = [[1], [2], [2, 3], [1, 4], []];
    expect(between(graph, 1, 2)).toEqual([2]);
    expect(between(graph, 0, 1)).toEqual([1, 2, 3]);
  });
});

describe('a loop', () => {
  const loop = (graph: number[][], head: number): number[] =>
    [...structure(graph).loop(head)].sort((a, b) => a - b);

  it('has the blocks that lead back to its head', () => {
    expect(loop([[1], [2, 3], [1, 4], [2], []], 1)).toEqual([1, 2, 3]);
  });
  it('of one block has that one', () => {
    expect(loop([[0, 1], []], 0)).toEqual([0]);
  });
});
