// The jump cache (decision 10): where the interpreter finds blocks by rIP and MODE_KEY, in the vCPU's memory. Blocks stand in sets of two,
// newest first. Hot regions have a table of their own, where a region looks for the one to go on to.
// @hot
import { JUMP_CACHE, MODE_KEY, RIP } from './layout.js';
import type { VcpuState } from './vcpu-state.js';

export const JUMP_CACHE_SETS = 4096;
/** Bytes of an entry: rIP (i64), MODE_KEY (i32), first record or, of a region, its place in the table of regions (i32). */
export const JUMP_CACHE_STRIDE = 16;
export const KEY_AT = 8;
export const FOUND_AT = 12;
export const REGION_ENTRIES = 1024;
/** Where the regions are, from the cache's start. */
export const REGION_CACHE: number = JUMP_CACHE_SETS * 2 * JUMP_CACHE_STRIDE;
export const JUMP_CACHE_SIZE: number = REGION_CACHE + REGION_ENTRIES * JUMP_CACHE_STRIDE;

const WORDS = JUMP_CACHE_STRIDE / 4;

/** Which of `count` sets or entries is that of an rIP, whose low half is given; wasm/jump-place.ts says the same in generated code. */
export const slotOf = (low: number, count: number): number => (low ^ (low >>> 12)) & (count - 1);

/** The blocks that a CPU finds in its mode: rIP, exact if canonical, and first record. */
export function* jumpCacheBlocks(state: VcpuState): Generator<{ rip: number; rec: number }> {
  const { i32, u32 } = state;
  const key = state.get(MODE_KEY);
  const first = state.get(JUMP_CACHE) >> 2;
  for (let entry = first; entry < first + JUMP_CACHE_SETS * 2 * WORDS; entry += WORDS) {
    if (i32[entry + KEY_AT / 4] !== key) continue;
    const rip = i32[entry + 1] * 4294967296 + u32[entry];
    yield { rip, rec: i32[entry + FOUND_AT / 4] };
  }
}

export class JumpCache {
  private readonly state: VcpuState;
  private readonly start: number;

  /** @param start machine address of JUMP_CACHE_SIZE bytes */
  constructor(state: VcpuState, start: number) {
    this.state = state;
    this.start = start;
    state.set(JUMP_CACHE, start);
  }

  clear(): void {
    this.state.u8.fill(0, this.start, this.start + JUMP_CACHE_SIZE);
  }
  /** Puts in the block at rIP; what was there moves one place on, unless it is of no more use. */
  put(rec: number): void {
    const { state } = this;
    const { i32 } = state;
    const low = state.get(RIP);
    const high = state.get(RIP + 4);
    const entry = (this.start >> 2) + slotOf(low, JUMP_CACHE_SETS) * 2 * WORDS;
    const isDead = i32[entry + 2] === 0 || (i32[entry] === low && i32[entry + 1] === high);
    if (!isDead) i32.copyWithin(entry + WORDS, entry, entry + WORDS);
    i32[entry] = low;
    i32[entry + 1] = high;
    i32[entry + 2] = state.get(MODE_KEY);
    i32[entry + 3] = rec;
  }
  /** Regions have gone: their places in the table may be others'. */
  forgetRegions(indices: ReadonlySet<number>): void {
    const { i32 } = this.state;
    const from = (this.start + REGION_CACHE) >> 2;
    for (let entry = from; entry < from + REGION_ENTRIES * WORDS; entry += WORDS)
      if (indices.has(i32[entry + 3])) i32[entry + 2] = 0;
  }
}
