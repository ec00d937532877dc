// Checks of a code segment that control goes to (SDM vol. 3A §5.8.1), and of the offset in it.
// @hot
import type { Core } from '../core.js';
import { GP, NP, raise } from '../fault.js';
import { CPL, CS } from '../state/layout.js';
import { ATTRIBUTE_BIG, ATTRIBUTE_LONG } from '../state/segments.js';
import { type Descriptor, setFromDescriptor } from './descriptor.js';

const TWO32 = 4294967296;
const CANONICAL = 2 ** 47;

/** The segment is 64-bit code of IA-32e mode. */
export const isLongCode = (core: Core, d: Descriptor): boolean =>
  core.longMode && (d.high & ATTRIBUTE_LONG) !== 0;

/** JMP and CALL without a gate: the privilege level stays. */
export function checkDirectTarget(core: Core, selector: number, d: Descriptor): void {
  const { state } = core;
  const error = selector & 0xfffc;
  const { cpl } = state;
  const { dpl } = d;
  if (d.isConforming ? dpl > cpl : (selector & 3) > cpl || dpl !== cpl) raise(state, GP, error);
  if (!d.present) raise(state, NP, error);
  if (
    core.longMode &&
    (d.high & (ATTRIBUTE_LONG | ATTRIBUTE_BIG)) === (ATTRIBUTE_LONG | ATTRIBUTE_BIG)
  )
    raise(state, GP, error);
}

/** RET and IRET: the selector's RPL is the new level. */
export function checkReturnTarget(core: Core, selector: number, d: Descriptor): void {
  const { state } = core;
  const error = selector & 0xfffc;
  const level = selector & 3;
  if (!d.isCode || level < state.cpl) raise(state, GP, error);
  if (d.isConforming ? d.dpl > level : d.dpl !== level) raise(state, GP, error);
  if (
    core.longMode &&
    (d.high & (ATTRIBUTE_LONG | ATTRIBUTE_BIG)) === (ATTRIBUTE_LONG | ATTRIBUTE_BIG)
  )
    raise(state, GP, error);
  if (!d.present) raise(state, NP, error);
}

/** rIP from two halves; #GP(0) when it lies outside of the segment or is not canonical. */
export function checkOffset(core: Core, d: Descriptor, low: number, high: number): number {
  if (isLongCode(core, d)) {
    const rip = high * TWO32 + (low >>> 0);
    if (rip < -CANONICAL || rip >= CANONICAL) raise(core.state, GP, 0);
    return rip;
  }
  const eip = low >>> 0;
  if (eip > d.limit) raise(core.state, GP, 0);
  return eip;
}

/** Commits CS, the level and rIP. */
export function enterCode(
  core: Core,
  selector: number,
  level: number,
  d: Descriptor,
  rip: number,
): void {
  const { state } = core;
  state.set(CPL, level);
  setFromDescriptor(core, CS, (selector & 0xfffc) | level, d);
  state.rip = rip;
}
