// What a region is: basic blocks, their ends, and the graph that they make.
import type { Node } from '../ir/node.js';
import { unstructured } from './structure.js';

/** One instruction of a region; offsets count from the region's entry. */
export interface RegionInstruction {
  readonly start: number;
  readonly program: readonly Node[];
}

/** How control goes on behind a block. Offsets outside of the region leave it. */
export type Terminator =
  | { readonly kind: 'goto'; readonly to: number }
  | { readonly kind: 'if'; readonly taken: number; readonly notTaken: number }
  /** To the address that the last instruction computed; `candidates`: offsets it may be, return addresses of the region's calls. */
  | { readonly kind: 'indirect'; readonly candidates: readonly number[] }
  /** To the entry that control came in by. */
  | { readonly kind: 'enter'; readonly entries: readonly number[] }
  /** To the address that the last instruction took from a table, by way of the region's {@link TURNTABLE}. */
  | { readonly kind: 'table' }
  /** The instruction at `at` is the cold tier's. */
  | { readonly kind: 'cold'; readonly at: number };

export interface RegionBlock {
  readonly start: number;
  readonly instructions: readonly RegionInstruction[];
  readonly end: Terminator;
}

export interface Region {
  /** The entry first; if there are several, the {@link GATE} to them. */
  readonly blocks: readonly RegionBlock[];
  /** Offsets at which control may come in: 0, and where it comes back to from what the region leaves to others. */
  readonly entries: readonly number[];
  readonly instructions: number;
  /** The pages with its code, numbered from the entry's page. */
  readonly pages: ReadonlyMap<number, PageUse>;
  /** Its code: runs of bytes [from, to), counted from the start of the entry's page, ascending, as pairs. */
  readonly runs: readonly number[];
}

/** Bytes [from, to) of a page, whose machine address is `host`. */
export interface PageUse {
  readonly host: number;
  readonly from: number;
  readonly to: number;
}

/** Offset of the block, of no instructions, that every jump through a table goes to: from one place, loops stay reducible. */
export const TURNTABLE = 0x7fffffff;
/** Offset of the block, of no instructions, before several entries. */
export const GATE = 0x7ffffffe;
/** Offsets that a block may go on to. */
export function successors(end: Terminator): readonly number[] {
  switch (end.kind) {
    case 'goto':
      return [end.to];
    case 'if':
      return [end.taken, end.notTaken];
    case 'indirect':
      return end.candidates;
    case 'enter':
      return end.entries;
    case 'table':
      return [TURNTABLE];
    default:
      return [];
  }
}

/** With the gate to several entries in front. */
export function withGate(
  blocks: readonly RegionBlock[],
  entries: readonly number[],
): RegionBlock[] {
  if (entries.length === 1) return [...blocks];
  return [{ start: GATE, instructions: [], end: { kind: 'enter', entries } }, ...blocks];
}

/** Blocks that the first leads to, the first first. */
export function reachable(blocks: readonly RegionBlock[]): RegionBlock[] {
  const byStart = new Map(blocks.map((b) => [b.start, b]));
  const found = new Set<RegionBlock>();
  const queue = [blocks[0].start];
  while (queue.length > 0) {
    const b = byStart.get(queue.shift() as number);
    if (!b || found.has(b)) continue;
    found.add(b);
    queue.push(...successors(b.end));
  }
  return [...found];
}

/** Numbers of the blocks that each of {@link reachable} goes on to. */
export function successorsOf(blocks: readonly RegionBlock[]): number[][] {
  const index = new Map(blocks.map((b, i) => [b.start, i]));
  return blocks.map((b) => [...new Set(successors(b.end).flatMap((t) => index.get(t) ?? []))]);
}
/** How many edges of the blocks' graph no structure can express, with these entries. */
export const flawsOf = (blocks: readonly RegionBlock[], entries: readonly number[]): number =>
  unstructured(successorsOf(reachable(withGate(blocks, entries))));
