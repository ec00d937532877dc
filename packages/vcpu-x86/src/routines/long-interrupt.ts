// Interrupt and trap gates of IA-32e mode (SDM vol. 3A §6.14): 16-byte gates, 64-bit handlers, the interrupt stack table, and a
// stack aligned to 16 bytes that always gets SS:RSP.
// @hot
import { type Core, FLAG_IF, FLAG_NT, FLAG_RF, FLAG_TF, FLAG_VM } from '../core.js';
import { GP, NP, raise } from '../fault.js';
import { CPL, CS, FLAGS_OTHER, GPR, RIP, SS } from '../state/layout.js';
import { ATTRIBUTE_BIG, ATTRIBUTE_LONG } from '../state/segments.js';
import {
  Descriptor,
  fetchDescriptor,
  markAccessed,
  setFromDescriptor,
  setNull,
} from './descriptor.js';
import { frame, stack } from './stack-frame.js';
import { readSystem32 } from './system-memory.js';
import { readLongStack } from './task-stack.js';

const RSP = GPR + 4 * 8;
const TWO32 = 4294967296;
const CANONICAL = 2 ** 47;
const code = new Descriptor();

export function enterLong(
  core: Core,
  gate: Descriptor,
  gateAt: number,
  flags: number,
  errorCode: number,
  ext: number,
): void {
  const { state } = core;
  const selector = gate.gateSelector;
  const rip = readSystem32(core, gateAt + 8) * TWO32 + gate.gateOffset;
  const oldCpl = state.cpl;
  if ((selector & 0xfffc) === 0) raise(state, GP, ext);
  fetchDescriptor(core, selector, code, GP, ext);
  const error = (selector & 0xfffc) | ext;
  if (!code.isCode || code.dpl > oldCpl) raise(state, GP, error);
  if ((code.high & (ATTRIBUTE_LONG | ATTRIBUTE_BIG)) !== ATTRIBUTE_LONG) raise(state, GP, error);
  if (!code.present) raise(state, NP, error);
  const inner = !code.isConforming && code.dpl < oldCpl;
  const level = inner ? code.dpl : oldCpl;
  const table = gate.high & 7;
  let pointer = state.get64(RSP);
  if (table !== 0) pointer = readLongStack(core, table + 3, ext);
  else if (inner) pointer = readLongStack(core, level, ext);
  if (rip < -CANONICAL || rip >= CANONICAL) raise(state, GP, ext);
  // 16 divides 2^32: the low bits are those of the low half.
  stack.useLong(pointer - (((pointer % 16) + 16) % 16));
  stack.user = level === 3;
  stack.errorCode = ext;
  frame.clear();
  frame.push(state.selector(SS));
  frame.push(state.get(RSP), state.get(RSP + 4));
  frame.push(flags);
  frame.push(state.selector(CS));
  frame.push(state.get(RIP), state.get(RIP + 4));
  if (errorCode >= 0) frame.push(errorCode);
  frame.check(core, stack, 8);
  markAccessed(core, code);
  frame.write(core, stack, 8);

  // Nothing faults from here on.
  if (inner) setNull(core, SS, level);
  state.set64(RSP, stack.pointer - frame.bytes(8));
  state.set(CPL, level);
  setFromDescriptor(core, CS, (selector & 0xfffc) | level, code);
  state.rip = rip;
  const cleared = FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM | ((gate.type & 1) === 0 ? FLAG_IF : 0);
  state.set(FLAGS_OTHER, state.get(FLAGS_OTHER) & ~cleared);
}
