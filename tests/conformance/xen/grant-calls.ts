// Grant operations as native guests call them: the status of each, or the errno of the call; and a guest's own grant table.
import {
  GNTMAP_host_map,
  GNTMAP_readonly,
  GNTTABOP_copy,
  GNTTABOP_map_grant_ref,
  GNTTABOP_set_version,
  GNTTABOP_unmap_grant_ref,
  GTF_permit_access,
  gnttab_copy,
  gnttab_map_grant_ref,
  gnttab_set_version,
  gnttab_unmap_grant_ref,
  XENMAPSPACE_grant_table,
  XENMEM_add_to_physmap,
  xen_add_to_physmap,
} from '@proxeny/abi';
import type { NativeCode, NativeGuest, RecordValues } from '@proxeny/pv-guest';

/** Where a guest of these tests sees its grant table. */
export const TABLE_GFN = 30;
const TABLE: number = TABLE_GFN * 4096;
export const DOMID_SELF = 0x7ff0;

/** Shows a frame of the caller's grant table at `gfn`. */
export function* showTable(g: NativeGuest, index = 0, gfn = TABLE_GFN): NativeCode<number> {
  const values = { domid: DOMID_SELF, space: XENMAPSPACE_grant_table, idx: index, gpfn: gfn };
  return (yield* g.memoryOp(XENMEM_add_to_physmap, xen_add_to_physmap, values)).result;
}

/** Fills in entry `ref` of a version 1 table. */
export function grant(g: NativeGuest, ref: number, to: number, frame: number, flags = 0): void {
  g.write32(TABLE + ref * 8 + 4, frame);
  g.write32(TABLE + ref * 8, (to << 16) | GTF_permit_access | flags);
}

/** Fills in entry `ref` of a version 2 table; `words` are its four words. */
export function grantV2(g: NativeGuest, ref: number, words: readonly number[]): void {
  for (const [i, word] of words.entries()) g.write32(TABLE + ref * 16 + i * 4, word);
}

/** GTF_* of entry `ref`. */
export function flagsOf(g: NativeGuest, ref: number): number {
  return g.read32(TABLE + ref * 8) & 0xffff;
}

export interface MapAnswer {
  readonly status: number;
  readonly handle: number;
}

export function* map(
  g: NativeGuest,
  dom: number,
  ref: number,
  gfn: number,
  flags: number = GNTMAP_host_map,
): NativeCode<MapAnswer> {
  const values = { host_addr: gfn * 4096, flags, ref, dom };
  const made = yield* g.grantOp(GNTTABOP_map_grant_ref, gnttab_map_grant_ref, values);
  if (made.result !== 0) return { status: made.result, handle: -1 };
  return { status: made.get('status'), handle: made.get('handle') };
}

export function* mapReadOnly(
  g: NativeGuest,
  dom: number,
  ref: number,
  gfn: number,
): NativeCode<MapAnswer> {
  return yield* map(g, dom, ref, gfn, GNTMAP_host_map | GNTMAP_readonly);
}

export function* unmap(g: NativeGuest, handle: number, gfn: number): NativeCode<number> {
  const values = { host_addr: gfn * 4096, handle };
  const made = yield* g.grantOp(GNTTABOP_unmap_grant_ref, gnttab_unmap_grant_ref, values);
  return made.result !== 0 ? made.result : made.get('status');
}

export function* copy(g: NativeGuest, values: RecordValues): NativeCode<number> {
  const made = yield* g.grantOp(GNTTABOP_copy, gnttab_copy, values);
  return made.result !== 0 ? made.result : made.get('status');
}

export function* setVersion(g: NativeGuest, version: number): NativeCode<number> {
  return (yield* g.grantOp(GNTTABOP_set_version, gnttab_set_version, { version })).result;
}
