// Port access: the permission of SDM vol. 1 §19.5 (IOPL, then the TSS's I/O permission bit map), and the platform's ports.
// @hot
import { type Core, CR0_PE, FLAG_VM, type Routine } from '../core.js';
import { GP } from '../fault.js';
import { CPL, CR0, FLAGS_OTHER, SCRATCH, TR } from '../state/layout.js';
import { watchPort } from './debug-registers.js';
import { readSystem16 } from './system-memory.js';

/** The architecture's check of IN and OUT; throws CPU_FAULT only from reads of the TSS. */
export function checkPort(core: Core, port: number, bytes: number): number {
  const { state } = core;
  if ((state.get(CR0) & CR0_PE) === 0) return 0;
  const flags = state.get(FLAGS_OTHER);
  if (state.get(CPL) <= ((flags >>> 12) & 3) && (flags & FLAG_VM) === 0) return 0;
  const type = (state.segmentAttributes(TR) >>> 8) & 31;
  const limit = state.segmentLimit(TR);
  if ((type !== 9 && type !== 11) || limit < 103) return state.fault(GP, 0);
  const base = state.segmentBase(TR);
  const at = readSystem16(core, base + 102) + (port >>> 3);
  // Two bytes are always read: an access may straddle them.
  if (at + 1 > limit) return state.fault(GP, 0);
  const mask = ((1 << bytes) - 1) << (port & 7);
  if ((readSystem16(core, base + at) & mask) !== 0) return state.fault(GP, 0);
  return 0;
}

/** IN: the value goes to SCRATCH. */
const portRead: Routine = (core, port, bits) => {
  if (core.breakpointsEnabled) watchPort(core, port & 0xffff, bits >> 3);
  core.state.set(SCRATCH, core.platform.portRead(port & 0xffff, (bits >> 3) as 1 | 2 | 4));
  return 0;
};
const portWrite: Routine = (core, port, bits, value) => {
  if (core.breakpointsEnabled) watchPort(core, port & 0xffff, bits >> 3);
  const wide = bits === 32 ? value >>> 0 : bits === 16 ? value & 0xffff : value & 0xff;
  core.platform.portWrite(port & 0xffff, (bits >> 3) as 1 | 2 | 4, wide);
  return 0;
};

export const portRoutines = {
  checkPort: (core, port, bits) => core.traps.checkPort(port & 0xffff, bits >> 3),
  portRead,
  portWrite,
} as const satisfies Record<string, Routine>;
