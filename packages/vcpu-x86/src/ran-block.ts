// Which block ran last, and in which tier: seen in the state page and the jump cache alone, so that to look changes nothing.
import type { BlockCache } from './block/block-cache.js';
import { BLOCK_RIP, JUMP_CACHE, MODE_KEY } from './state/layout.js';
import type { VcpuState } from './state/vcpu-state.js';
import { JUMP_CACHE_SETS, JUMP_CACHE_STRIDE } from './tier/interpreter.js';

export type TierName = 'cold' | 'hot';

/** First record of the block that ran last, 0 if the jump cache does not have it (any more). */
export function blockThatRan(state: VcpuState, modeKey: number = state.get(MODE_KEY)): number {
  const low = state.get(BLOCK_RIP);
  const high = state.get(BLOCK_RIP + 4);
  const set = (low ^ (low >>> 12)) & (JUMP_CACHE_SETS - 1);
  const words = JUMP_CACHE_STRIDE / 4;
  const first = (state.get(JUMP_CACHE) >> 2) + set * 2 * words;
  const { i32 } = state;
  for (const at of [first, first + words])
    if (i32[at] === low && i32[at + 1] === high && i32[at + 2] === modeKey) return i32[at + 3];
  return 0;
}

/** The tier that ran last: blocks that have a region run in it. */
export function tierThatRan(state: VcpuState, blocks: BlockCache): TierName {
  const rec = blockThatRan(state);
  return rec !== 0 && blocks.isHot(rec) ? 'hot' : 'cold';
}
