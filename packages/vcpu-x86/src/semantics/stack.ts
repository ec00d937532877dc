// The stack (SDM vol. 1 §6.2, vol. 2 PUSH, POP, PUSHA, POPA, ENTER, LEAVE). All memory accesses come before the first register
// changes, so that a fault restarts the instruction; bytes already stored then are stored again.
import type { Value } from '../ir/builder.js';
import type { Bits } from '../ir/node.js';
import { SEGMENT_STRIDE, SS } from '../state/layout.js';
import {
  type Operands,
  RAX,
  RBP,
  RBX,
  RCX,
  RDI,
  RDX,
  RSI,
  RSP,
  type Semantics,
} from './operands.js';

/** Immediates are sign-extended to the operand size, segment registers zero-extended; PUSH rSP pushes the old value. */
export const push: Semantics = (b, x) => {
  const { operandBits: bits } = x;
  const v = x.operand(0).addressing === 'I' ? x.readSigned(0, bits) : x.read(0);
  x.push(bits, bits === 64 ? b.extendU(v) : v);
};
/** A destination in memory is addressed with the incremented stack pointer (see bindFields); POP rSP keeps what was popped. */
export const pop: Semantics = (_b, x) => {
  const v = x.peek(x.bits);
  if (x.isMemory(0)) {
    x.result(v);
    x.drop(x.bits / 8);
  } else {
    x.drop(x.bits / 8);
    x.result(v);
  }
};

const pushOrder = [RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI];

export const pusha: Semantics = (_b, x) => {
  const { operandBits: bits } = x;
  let sp = x.stackPointer();
  for (const register of pushOrder) {
    sp = x.movedStack(sp, -bits / 8);
    x.pokeAt(bits, sp, x.getRegister(register, bits));
  }
  x.setStackPointer(sp);
};
export const popa: Semantics = (_b, x) => {
  const { operandBits: bits } = x;
  const values: [number, Value][] = [];
  // Upwards, so that a fault names the first byte that is missing.
  for (let i = 0; i < 8; i++) {
    const register = pushOrder[7 - i];
    if (register !== RSP) values.push([register, x.peek(bits, (i * bits) / 8)]);
  }
  x.drop(bits);
  for (const [register, v] of values) x.setRegister(register, bits, v);
};

/** The frame pointer as an address on the stack. */
const framePointer = (x: Operands): Value => x.getRegister(RBP, x.mode.stackBits);

export const enter: Semantics = (b, x) => {
  const { operandBits: bits } = x;
  const size = bits / 8;
  const locals = x.binding.immediate(b, 'i32');
  const level = b.andc(x.binding.imm2(b), 31);
  const frame = x.movedStack(x.stackPointer(), -size);
  x.pokeAt(bits, frame, x.getRegister(RBP, bits));
  const sp = b.local(frame.type, frame);
  b.if(level, () => {
    const bp = b.local(frame.type, framePointer(x));
    const left = b.local('i32', b.addc(level, -1));
    b.loop(() => {
      b.if(b.eqz(b.read(left)), () => b.leave());
      b.assign(left, b.addc(b.read(left), -1));
      b.assign(bp, x.movedStack(b.read(bp), -size));
      b.assign(sp, x.movedStack(b.read(sp), -size));
      x.pokeAt(bits, b.read(sp), x.peekAt(bits, b.read(bp)));
    });
    b.assign(sp, x.movedStack(b.read(sp), -size));
    x.pokeAt(bits, b.read(sp), toOperand(x, frame, bits));
  });
  const room = b.andc(locals, 0xffff);
  const top = b.read(sp);
  const final = b.zeroExtend(
    b.sub(top, top.type === 'i64' ? b.extendU(room) : room),
    x.mode.stackBits,
  );
  // The new top of the stack must be writable, or the instruction faults as a whole.
  const access = { bits, segment: { offset: SS * SEGMENT_STRIDE } };
  b.loadForUpdate(x.linearAt(b.extendU(final), access, true), access);
  x.setStackPointer(final);
  x.setRegister(RBP, bits, toOperand(x, frame, bits));
};
/** A stack address (of the stack's width) as a value of the operand size. */
const toOperand = (x: Operands, v: Value, bits: Bits): Value =>
  bits === 64 ? x.b.extendU(v) : x.b.wrap(v);

export const leave: Semantics = (_b, x) => {
  const { operandBits: bits } = x;
  const frame = framePointer(x);
  const caller = x.peekAt(bits, frame);
  x.setStackPointer(x.movedStack(frame, bits / 8));
  x.setRegister(RBP, bits, caller);
};

export const stackSemantics = {
  PUSH: push,
  PUSH_SEG: push,
  POP: pop,
  PUSHA: pusha,
  POPA: popa,
  ENTER: enter,
  LEAVE: leave,
} as const satisfies Record<string, Semantics>;
