// Pins: a reference and a type reference that keep a page table validated while nothing else refers to it. For MMUEXT_PIN_* and for
// whoever builds a domain's first page tables.
import { XEN_EINVAL } from '@proxeny/abi';
import { FRAME_PINNED, type PageType } from './frame-table.js';
import type { PageTypes } from './page-type.js';

/** Pins `mfn`, which `owner` must own, as a page table of `type`, once: 0, -EINVAL or RESTART. */
export function pinTable(types: PageTypes, mfn: number, owner: number, type: PageType): number {
  const { frames } = types;
  if (!frames.isOwnedBy(mfn, owner)) return -XEN_EINVAL;
  if (((frames.flags[mfn] as number) & FRAME_PINNED) !== 0) return -XEN_EINVAL;
  const status = types.getPageAndType(mfn, owner, type);
  if (status === 0) frames.flags[mfn] = (frames.flags[mfn] as number) | FRAME_PINNED;
  return status;
}
