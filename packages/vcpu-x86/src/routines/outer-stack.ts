// The stack that a return to an outer privilege level pops (SDM vol. 2 RET, IRET; vol. 3A §5.8.6).
// @hot
import type { Core } from '../core.js';
import { GP, raise, SS_FAULT } from '../fault.js';
import { GPR, SS } from '../state/layout.js';
import { ATTRIBUTE_BIG } from '../state/segments.js';
import {
  type Descriptor,
  fetchDescriptor,
  markAccessed,
  setFromDescriptor,
  setNull,
} from './descriptor.js';

const RSP = GPR + 4 * 8;

/** Checks the popped SS for `level`; a null one is fine for 64-bit code below level 3. */
export function checkOuterStack(
  core: Core,
  ss: number,
  level: number,
  toLong: boolean,
  d: Descriptor,
): void {
  const { state } = core;
  if ((ss & 0xfffc) === 0) {
    if (!toLong || level === 3 || (ss & 3) !== level) raise(state, GP, 0);
    return;
  }
  fetchDescriptor(core, ss, d, GP);
  const error = ss & 0xfffc;
  if ((ss & 3) !== level || !d.isWritableData || d.dpl !== level) raise(state, GP, error);
  if (!d.present) raise(state, SS_FAULT, error);
  markAccessed(core, d);
}

/** Loads SS (checked) and rSP. */
export function commitOuterStack(
  core: Core,
  ss: number,
  d: Descriptor,
  toLong: boolean,
  low: number,
  high: number,
): void {
  const { state } = core;
  const isNull = (ss & 0xfffc) === 0;
  if (isNull) setNull(core, SS, ss);
  else setFromDescriptor(core, SS, ss, d);
  if (toLong) state.setHalves(RSP, low, high);
  else if (!isNull && (d.attributes & ATTRIBUTE_BIG) !== 0) state.setHalves(RSP, low, 0);
  else state.setU16(RSP, low & 0xffff);
}
