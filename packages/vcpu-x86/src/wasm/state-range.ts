// What bytes of the state page a value or an effect of the IR touches.
import type { Node, StateSlot } from '../ir/node.js';
import { SCRATCH } from '../state/layout.js';

export interface Range {
  readonly from: number;
  readonly to: number;
}
export const rangeOf = (base: number, slot: StateSlot, bits: number): Range =>
  'offset' in slot
    ? { from: base + slot.offset, to: base + slot.offset + bits / 8 }
    : { from: base, to: base + 256 };

export const overlaps = (a: Range, c: Range): boolean => a.from < c.to && c.from < a.to;

/** Slow paths overwrite SCRATCH. */
export const readsScratch = (n: Node): boolean =>
  n.op === 'get' && overlaps(rangeOf(n.base, n.slot, n.bits), { from: SCRATCH, to: SCRATCH + 32 });
