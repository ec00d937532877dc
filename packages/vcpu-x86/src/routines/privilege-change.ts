// What returns to an outer level and new flags images have in common (SDM vol. 2 IRET, RET, POPF; vol. 3A §5.8.6).
// @hot
import {
  type Core,
  FLAG_AC,
  FLAG_DF,
  FLAG_ID,
  FLAG_IF,
  FLAG_IOPL,
  FLAG_NT,
  FLAG_RF,
  FLAG_TF,
} from '../core.js';
import { DS, ES, FLAGS_OTHER, FS, GS } from '../state/layout.js';
import {
  ATTRIBUTE_CODE,
  ATTRIBUTE_CODE_OR_DATA,
  ATTRIBUTE_EXPAND_DOWN,
  setSegment,
} from '../state/segments.js';

const ARITHMETIC = 0x8d5;
const BASIC = ARITHMETIC | FLAG_TF | FLAG_DF | FLAG_NT;

/** Flags that IRET loads at `cpl` for an operand size in bytes; VM is not among them. */
export function returnFlagsMask(core: Core, cpl: number, size: number): number {
  const iopl = (core.state.get(FLAGS_OTHER) >>> 12) & 3;
  let mask = BASIC;
  if (cpl <= iopl) mask |= FLAG_IF;
  if (cpl === 0) mask |= FLAG_IOPL;
  // RF matters only to instruction breakpoints, and only the single-stepping loop clears it again.
  if (size !== 2) mask |= FLAG_AC | FLAG_ID | (core.breakpointsEnabled ? FLAG_RF : 0);
  return mask;
}
/** Loads the flags of `mask` from an image. */
export function loadFlags(core: Core, image: number, mask: number): void {
  const { state } = core;
  state.rflags = (state.rflags & ~mask) | (image & mask);
}

/** Data segments that the new level may not use become null. */
export function dropInnerSegments(core: Core, level: number): void {
  dropInner(core, ES, level);
  dropInner(core, DS, level);
  dropInner(core, FS, level);
  dropInner(core, GS, level);
}
function dropInner(core: Core, segment: number, level: number): void {
  const { state } = core;
  const attributes = state.segmentAttributes(segment);
  const conforming = ATTRIBUTE_CODE_OR_DATA | ATTRIBUTE_CODE | ATTRIBUTE_EXPAND_DOWN;
  if ((attributes & conforming) === conforming) return;
  const dpl = (attributes >>> 13) & 3;
  if (attributes === 0 || dpl >= level) return;
  // 64-bit code goes on using the base of FS and GS.
  const base = core.longMode && segment >= FS ? state.segmentBase(segment) : 0;
  setSegment(state, segment, 0, base, 0, 0);
}
