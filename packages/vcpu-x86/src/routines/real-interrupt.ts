// Interrupts in real-address mode (SDM vol. 3B §20.1.4): FLAGS, CS and IP on the current stack, the handler from the vector table.
// @hot
import { type Core, FLAG_AC, FLAG_IF, FLAG_RF, FLAG_TF } from '../core.js';
import { GP, raise } from '../fault.js';
import { CS, FLAGS_OTHER, IDTR_BASE, IDTR_LIMIT } from '../state/layout.js';
import { setRealSegment } from './real-segment.js';
import { frame, stack } from './stack-frame.js';
import { readSystem32 } from './system-memory.js';

export function enterRealMode(core: Core, vector: number, flags: number): void {
  const { state } = core;
  if (vector * 4 + 3 > state.getU(IDTR_LIMIT)) raise(state, GP, 0);
  const entry = readSystem32(core, state.get64(IDTR_BASE) + vector * 4);
  stack.useCurrent(core);
  frame.clear();
  frame.push(flags);
  frame.push(state.selector(CS));
  frame.push(state.rip);
  frame.check(core, stack, 2);
  frame.write(core, stack, 2);
  stack.commit(core, -6);
  setRealSegment(core, CS, entry >>> 16);
  state.rip = entry & 0xffff;
  state.set(FLAGS_OTHER, state.get(FLAGS_OTHER) & ~(FLAG_IF | FLAG_TF | FLAG_AC | FLAG_RF));
}
