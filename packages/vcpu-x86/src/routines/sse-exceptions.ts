// SIMD floating-point exceptions (SDM vol. 1 §11.5): flags into MXCSR, and #XM for an unmasked one before anything is written.
// @hot
import { type Core, CR4_OSXMMEXCPT } from '../core.js';
import { raise, UD, XM } from '../fault.js';
import { masks } from '../float/sse-format.js';
import { MXCSR } from '../state/layout.js';

/** IE, DE and ZE: found before the operation. */
const BEFORE = 7;

/** Records what an instruction's elements signalled; throws when it must not complete. */
export function signal(core: Core, mxcsr: number, flags: number): void {
  const { state } = core;
  const unmasked = ~masks(mxcsr);
  // An unmasked exception of an operand keeps every element from being computed.
  const seen = (flags & BEFORE & unmasked) !== 0 ? flags & BEFORE : flags;
  state.set(MXCSR, mxcsr | seen);
  if ((seen & unmasked) !== 0) raise(state, (core.cr4 & CR4_OSXMMEXCPT) !== 0 ? XM : UD);
}
