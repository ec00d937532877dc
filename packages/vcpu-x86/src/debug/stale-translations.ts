// What a CPU would go by though its page tables say otherwise by now: entries of the TLB in use, and blocks that the jump cache finds.
// Each is walked for: a tool for tests of who keeps translations, not for guests at work.
import type { Core } from '../core.js';
import { ACCESS_EXECUTE } from '../mmu/page-walk.js';
import { jumpCacheBlocks } from '../state/jump-cache.js';
import { TLB_BASE } from '../state/layout.js';

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
  for (const { page, host, isWritable } of tlb.entriesAt(state.get(TLB_BASE))) {
    checked++;
    const read = mmu.translateFor(page, false);
    if (read !== host) stale.push(`${hex(page)} is at ${hex(read)}, not at ${hex(host)}`);
    else if (isWritable && mmu.translateFor(page, true) !== host)
      stale.push(`${hex(page)} may not be written`);
  }
  for (const { rip, rec } of jumpCacheBlocks(state)) {
    if (engine.blocks.isDropped(rec)) continue;
    checked++;
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
