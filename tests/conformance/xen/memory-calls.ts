// memory_op as native guests call it: reservations by lists of frames, and the guest's physical map.
import {
  DOMID_SELF,
  XENMEM_add_to_physmap,
  XENMEM_remove_from_physmap,
  xen_add_to_physmap,
  xen_memory_reservation,
  xen_remove_from_physmap,
} from '@proxeny/abi';
import type { NativeArgument, NativeCode, NativeGuest, RecordValues } from '@proxeny/pv-guest';

/** Where these calls put lists of frames. */
export const LIST: number = 4 * 4096;

/** Writes a list of frames, one word of the guest each. */
export function writeList(g: NativeGuest, frames: readonly number[], at = LIST): void {
  for (const [i, frame] of frames.entries()) {
    if (g.word === 64) g.write64(at + i * 8, BigInt(frame));
    else g.write32(at + i * 4, frame);
  }
}

/** Item `index` of a list of frames. */
export function readList(g: NativeGuest, index: number, at = LIST): number {
  return g.read32(at + (index * g.word) / 8);
}

/** increase, decrease or populate with a list of frames: how many extents were done. */
export function* reserve(
  g: NativeGuest,
  command: number,
  frames: readonly number[],
  values: Readonly<Record<string, NativeArgument>> = {},
): NativeCode<number> {
  writeList(g, frames);
  const made = yield* g.memoryOp(command, xen_memory_reservation, {
    extent_start: LIST,
    nr_extents: frames.length,
    domid: DOMID_SELF,
    ...values,
  });
  return made.result;
}

export function* addToPhysmap(g: NativeGuest, values: RecordValues): NativeCode<number> {
  const all = { domid: DOMID_SELF, ...values };
  return (yield* g.memoryOp(XENMEM_add_to_physmap, xen_add_to_physmap, all)).result;
}

export function* removeFromPhysmap(
  g: NativeGuest,
  gpfn: number,
  domid = DOMID_SELF,
): NativeCode<number> {
  const made = yield* g.memoryOp(XENMEM_remove_from_physmap, xen_remove_from_physmap, {
    domid,
    gpfn,
  });
  return made.result;
}
