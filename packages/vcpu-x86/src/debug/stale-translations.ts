// What a CPU would go by though its page tables say otherwise by now: entries of the TLB in use, and blocks that the jump cache finds.
// Each is walked for: a tool for tests of who keeps translations, not for guests at work.
import type { Core } from '../core.js';
import { ACCESS_EXECUTE } from '../mmu/page-walk.js';
import { FOUND_AT, JUMP_CACHE_SETS, JUMP_CACHE_STRIDE, KEY_AT } from '../state/jump-cache.js';
import { JUMP_CACHE, MODE_KEY } from '../state/layout.js';

/** A CPU, and the blocks it runs. */
export interface AuditedCpu {
  readonly core: Core;
  readonly engine: {
    readonly blocks: { startOf(rec: number): number; isDropped(rec: number): boolean };
  };
}

export interface StaleTranslations {
  /** How many were looked at. */
  readonly checked: number;
  /** Each as text; empty if all is well. */
  readonly stale: readonly string[];
}

/** Between instructions: what is stale of the translations that the next one could use. */
export function staleTranslations({ core, engine }: AuditedCpu): StaleTranslations {
  const { mmu, tlb, state } = core;
  const stale: string[] = [];
  let checked = 0;
  const hex = (address: number): string =>
    `${address < 0 ? '-' : ''}0x${Math.abs(address).toString(16)}`;
  const set = core.cpl === 3 ? mmu.userSet : 1;
  for (const { page, host, isWritable } of tlb.entriesOf(set)) {
    checked++;
    const read = mmu.translateFor(page, false);
    if (read !== host) stale.push(`${hex(page)} is at ${hex(read)}, not at ${hex(host)}`);
    else if (isWritable && mmu.translateFor(page, true) !== host)
      stale.push(`${hex(page)} may not be written`);
  }
  const key = state.get(MODE_KEY);
  const first = state.get(JUMP_CACHE);
  const end = first + JUMP_CACHE_SETS * 2 * JUMP_CACHE_STRIDE;
  for (let at = first; at < end; at += JUMP_CACHE_STRIDE) {
    const rec = state.i32[(at + FOUND_AT) >> 2];
    if (state.i32[(at + KEY_AT) >> 2] !== key || engine.blocks.isDropped(rec)) continue;
    checked++;
    const rip = state.i32[(at >> 2) + 1] * 2 ** 32 + state.u32[at >> 2];
    const linear = core.codeLinear(rip);
    const mayRun = mmu.walk.walk(linear, ACCESS_EXECUTE, core.cpl === 3);
    const host = mayRun ? mmu.translateFor(linear, false) : -1;
    if (host !== engine.blocks.startOf(rec))
      stale.push(
        `code at ${hex(linear)} is at ${hex(host)}, not at ${hex(engine.blocks.startOf(rec))}`,
      );
  }
  return { checked, stale };
}
