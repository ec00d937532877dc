// Near branches (SDM vol. 1 §6.4, vol. 2 JMP, Jcc, CALL, RET, LOOP, JrCXZ). A target outside the code segment or not canonical
// faults at the branch, before the stack pointer or the counter moves. Far transfers are elsewhere.
import { GP } from '../fault.js';
import type { Builder, Value } from '../ir/builder.js';
import { condition, flag } from '../ir/flags.js';
import { CS, SEGMENT_LIMIT, SEGMENT_STRIDE, SEGMENTS } from '../state/layout.js';
import { type Operands, RCX, type Semantics } from './operands.js';

/** i32 1 if a branch to `target` (i64) faults; null where it cannot. Relative targets are not checked for being canonical. */
function outside(b: Builder, x: Operands, target: Value, relative: boolean): Value | null {
  if (x.mode.bits === 64) return relative ? null : b.ne(b.shrSc(b.shlc(target, 16), 16), target);
  if (x.mode.flat) return null;
  return b.ltU(b.get(SEGMENTS + CS * SEGMENT_STRIDE + SEGMENT_LIMIT, 32), b.wrap(target));
}
/** The relative target, checked if `taken` (always, when absent). */
function relativeTarget(b: Builder, x: Operands, taken?: Value): Value {
  const target = x.target();
  const bad = outside(b, x, target, true);
  if (bad) b.raiseIf(taken ? b.and(taken, bad) : bad, GP, 0);
  return target;
}
/** An absolute target from a register, memory or the stack, checked. */
function absoluteTarget(b: Builder, x: Operands, v: Value): Value {
  const target = x.nearTarget(v);
  const bad = outside(b, x, target, false);
  if (bad) b.raiseIf(bad, GP, 0);
  return target;
}
const isRelative = (x: Operands): boolean => x.operand(0).addressing === 'J';
const nearTarget = (b: Builder, x: Operands): Value =>
  isRelative(x) ? relativeTarget(b, x) : absoluteTarget(b, x, x.read(0));

export const jmp: Semantics = (b, x) => b.jump(nearTarget(b, x), isRelative(x));
export const jcc: Semantics = (b, x) => {
  const taken = condition(b, x.shape.row.opcode & 15);
  const target = relativeTarget(b, x, taken);
  b.branch(taken, target);
};
export const call: Semantics = (b, x) => {
  const target = nearTarget(b, x);
  const back = x.next();
  x.push(x.operandBits, x.operandBits === 64 ? back : b.wrap(back));
  b.jump(target, isRelative(x));
};
export const ret: Semantics = (b, x) => {
  const target = absoluteTarget(b, x, x.peek(x.operandBits));
  if (x.count === 0) x.drop(x.operandBits / 8);
  else {
    const sp = b.addc(x.stackPointer(), x.operandBits / 8);
    const bytes = x.read(0);
    x.setStackPointer(
      b.zeroExtend(b.add(sp, sp.type === 'i64' ? b.extendU(bytes) : bytes), x.mode.stackBits),
    );
  }
  b.jump(target);
};

/** LOOP, LOOPE, LOOPNE: rCX of the address size counts down without touching flags. */
const loopWhile =
  (alsoIf: ((b: Builder) => Value) | null): Semantics =>
  (b: Builder, x: Operands) => {
    const { addressBits } = x;
    const left = b.zeroExtend(b.addc(x.getRegister(RCX, addressBits), -1), addressBits);
    const more = b.nez(left);
    const taken = alsoIf ? b.and(more, alsoIf(b)) : more;
    const target = relativeTarget(b, x, taken);
    x.setRegister(RCX, addressBits, left);
    b.branch(taken, target);
  };
export const loop: Semantics = loopWhile(null);
export const loope: Semantics = loopWhile((b) => flag(b, 'zf'));
export const loopne: Semantics = loopWhile((b) => b.eqz(flag(b, 'zf')));

/** JCXZ, JECXZ, JRCXZ, by address size. */
export const jrcxz: Semantics = (b, x) => {
  const taken = b.eqz(x.getRegister(RCX, x.addressBits));
  const target = relativeTarget(b, x, taken);
  b.branch(taken, target);
};

export const branchSemantics = {
  JMP: jmp,
  CALL: call,
  RET: ret,
  LOOP: loop,
  LOOPE: loope,
  LOOPNE: loopne,
  JCXZ: jrcxz,
  JO: jcc,
  JNO: jcc,
  JB: jcc,
  JAE: jcc,
  JE: jcc,
  JNE: jcc,
  JBE: jcc,
  JA: jcc,
  JS: jcc,
  JNS: jcc,
  JP: jcc,
  JNP: jcc,
  JL: jcc,
  JGE: jcc,
  JLE: jcc,
  JG: jcc,
} as const satisfies Record<string, Semantics>;
