// Which block ran last, and in which tier: seen in the state page and the jump cache alone, so that to look changes nothing.
import type { BlockCache } from './block/block-cache.js';
import {
  JUMP_CACHE_SETS,
  JUMP_CACHE_STRIDE,
  REGION_CACHE,
  REGION_ENTRIES,
  slotOf,
} from './state/jump-cache.js';
import { BLOCK_RIP, JUMP_CACHE, MODE_KEY } from './state/layout.js';
import type { VcpuState } from './state/vcpu-state.js';

export type TierName = 'cold' | 'hot';

interface CodePlace {
  readonly low: number;
  readonly high: number;
  readonly modeKey: number;
}

/** The last word of the jump cache's entry for a place, one of `count` from a word on; 0: there is none. */
function cached(state: VcpuState, place: CodePlace, from: number, count: number): number {
  const { i32 } = state;
  const words = JUMP_CACHE_STRIDE / 4;
  for (let at = from; at < from + count * words; at += words) {
    const isThere = i32[at] === place.low && i32[at + 1] === place.high;
    if (isThere && i32[at + 2] === place.modeKey) return i32[at + 3];
  }
  return 0;
}
const ranAt = (state: VcpuState, modeKey: number): CodePlace => ({
  low: state.get(BLOCK_RIP),
  high: state.get(BLOCK_RIP + 4),
  modeKey,
});

/** First record of the block that ran last, 0 if the jump cache does not have it (any more). */
export function blockThatRan(state: VcpuState, modeKey: number = state.get(MODE_KEY)): number {
  const place = ranAt(state, modeKey);
  const set = slotOf(place.low, JUMP_CACHE_SETS);
  return cached(state, place, (state.get(JUMP_CACHE) + set * 2 * JUMP_CACHE_STRIDE) >> 2, 2);
}

/** The tier that ran last: blocks that have a region run in it. */
export function tierThatRan(state: VcpuState, blocks: BlockCache): TierName {
  const rec = blockThatRan(state);
  if (rec !== 0) return blocks.isHot(rec) ? 'hot' : 'cold';
  const place = ranAt(state, state.get(MODE_KEY));
  const entry = slotOf(place.low, REGION_ENTRIES);
  const regions = state.get(JUMP_CACHE) + REGION_CACHE;
  return cached(state, place, (regions + entry * JUMP_CACHE_STRIDE) >> 2, 1) !== 0 ? 'hot' : 'cold';
}
