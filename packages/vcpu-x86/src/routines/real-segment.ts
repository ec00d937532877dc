// Segment loads in real-address and virtual-8086 mode (SDM vol. 3B §20.1.1, §20.2.1). Real mode sets selector and base only: limit
// and attributes stay what they were, which is how "unreal" mode comes about.
// @hot
import type { Core } from '../core.js';
import { CS, FLAGS_OTHER } from '../state/layout.js';
import {
  ATTRIBUTE_BIG,
  ATTRIBUTE_GRANULAR,
  REAL_MODE_ATTRIBUTES,
  setSegment,
} from '../state/segments.js';

const FLAG_VM = 0x20000;
/** Virtual-8086 segments have DPL 3. */
export const V86_ATTRIBUTES: number = REAL_MODE_ATTRIBUTES | 0x6000;

export function setRealSegment(core: Core, segment: number, selector: number): void {
  const { state } = core;
  if ((state.get(FLAGS_OTHER) & FLAG_VM) !== 0) {
    setSegment(state, segment, selector, selector * 16, 0xffff, V86_ATTRIBUTES);
    return;
  }
  const old = state.segmentAttributes(segment);
  if (old === 0) setSegment(state, segment, selector, selector * 16, 0xffff, REAL_MODE_ATTRIBUTES);
  else {
    // A code segment of protected mode becomes writable once real mode loads it.
    const attributes =
      segment === CS ? REAL_MODE_ATTRIBUTES | (old & (ATTRIBUTE_BIG | ATTRIBUTE_GRANULAR)) : old;
    setSegment(state, segment, selector, selector * 16, state.segmentLimit(segment), attributes);
  }
}
