// String instructions and their REP wrapper (SDM vol. 1 §7.3.9, vol. 2 REP). Each iteration commits rSI, rDI and rCX after its
// memory accesses, so a fault in the middle restarts with what is left; so does the end of the slice or a pending request.
import type { Builder, Value } from '../ir/builder.js';
import { flagsOfSub } from '../ir/flags.js';
import type { Bits, Local } from '../ir/node.js';
import { BUDGET, FLAGS_OTHER, PENDING } from '../state/layout.js';
import { segmentNumber } from './canonical.js';
import { type Operands, RAX, RCX, RDI, RSI, type Semantics } from './operands.js';

/** Fewer iterations than this are not worth a call of the bulk routine. */
const BULK_MINIMUM = 8;

/** Bytes from one element to the next (of the address size's type): negative when DF is set. */
function stride(b: Builder, x: Operands, bits: Bits): Value {
  const size = bits / 8;
  // DF is bit 10: moved right, it becomes twice the element's size.
  const back = b.shrUc(b.andc(b.get(FLAGS_OTHER, 32), 0x400), 9 - Math.log2(size));
  const step = b.sub(b.i32(size), back);
  return x.addressBits === 64 ? b.extendS(step) : step;
}
/** Moves rSI or rDI by one element. */
export const advance = (b: Builder, x: Operands, register: number, step: Value): void =>
  x.setRegister(register, x.addressBits, b.add(x.getRegister(register, x.addressBits), step));

/** How one string instruction iterates. */
interface Iteration {
  /** Width of an element, operand 0's if absent. */
  readonly bits?: Bits;
  /** One element: everything that can fault, then rSI and rDI. */
  readonly element: (step: Value) => void;
  /** Does all iterations, of `bytes` (i32) together, at once if it can: i32 1 or 0. Moves no register. */
  readonly atOnce?: (bytes: Value) => Value;
  /** Registers besides rCX that move by `bytes`. */
  readonly moving?: readonly number[];
  /** Does as many whole iterations as it can, and returns how many. */
  readonly bulk?: () => Value;
  /** For REPE and REPNE: i32 1 when this element ends the loop. */
  readonly ends?: () => Value;
  /** Runs once after the last element; not when the instruction is restarted. */
  readonly after?: () => void;
}

/** Runs an iteration once, or rCX times under a repeat prefix. */
export function repeat(b: Builder, x: Operands, it: Iteration): void {
  const step = stride(b, x, it.bits ?? x.bits);
  if (x.shape.repeat === 0) {
    it.element(step);
    it.after?.();
    return;
  }
  const slowly = (): void => repeatSlowly(b, x, it, step);
  if (it.atOnce && x.mode.flat && !x.shape.segmented && x.addressBits !== 16)
    wholeStep(b, x, it.atOnce, it.moving ?? [], slowly);
  else slowly();
}

/** All iterations at once, forward and within pages that the TLB has, if that can be. Costs what bulk steps cost. */
function wholeStep(
  b: Builder,
  x: Operands,
  atOnce: (bytes: Value) => Value,
  moving: readonly number[],
  otherwise: () => void,
): void {
  const size = x.bits / 8;
  const count = x.getRegister(RCX, x.addressBits);
  const budget = b.get(BUDGET, 32);
  const isForward = b.eqz(b.andc(b.get(FLAGS_OTHER, 32), 0x400));
  // And not none at all, which leaves the registers' upper halves as they are.
  const isSmall = b.ltU(b.addc(count, -1), b.constantLike(count, 4096 / size));
  const done = b.local('i32', b.i32(0));
  const bytes = b.shlc(b.wrap(count), Math.log2(size));
  // Not in the last instruction of a slice: a single step is one iteration.
  b.if(b.and(b.and(isForward, isSmall), b.gtS(budget, b.i32(0))), () =>
    b.assign(done, atOnce(bytes)),
  );
  const commit = (): void => {
    const step = count.type === 'i64' ? b.extendU(bytes) : bytes;
    for (const register of moving) advance(b, x, register, step);
    x.setRegister(RCX, x.addressBits, b.constantLike(count, 0));
    b.set(BUDGET, 32, b.sub(budget, b.shrUc(bytes, 4)));
  };
  b.if(b.read(done), commit, otherwise);
}

function repeatSlowly(b: Builder, x: Operands, it: Iteration, step: Value): void {
  const count = (): Value => x.getRegister(RCX, x.addressBits);
  const initial = count();
  b.if(b.nez(initial), () => {
    // Not in the last instruction of a slice: a single step is one iteration.
    const isWorth = (): Value =>
      b.and(
        b.geU(initial, b.constantLike(initial, BULK_MINIMUM)),
        b.gtS(b.get(BUDGET, 32), b.i32(0)),
      );
    const tryBulk = b.local('i32', it.bulk ? isWorth() : b.i32(0));
    const last = b.local('i32', b.i32(0));
    b.loop(() => {
      const one = (): void => oneStep(b, x, it, step, count, tryBulk, last);
      if (it.bulk) {
        bulkStep(b, it.bulk, count, tryBulk, last);
        b.if(b.eqz(b.read(last)), one);
      } else one();
      b.if(b.read(last), () => b.leave());
    });
    it.after?.();
  });
}

function bulkStep(
  b: Builder,
  bulk: () => Value,
  count: () => Value,
  tryBulk: Local,
  last: Local,
): void {
  b.if(b.read(tryBulk), () => {
    // What stopped the routine (a page's end, a cold translation) is over after one element done the slow way.
    b.assign(tryBulk, b.nez(bulk()));
    b.assign(last, b.eqz(count()));
  });
}

function oneStep(
  b: Builder,
  x: Operands,
  it: Iteration,
  step: Value,
  count: () => Value,
  tryBulk: Local,
  last: Local,
): void {
  it.element(step);
  const left = b.zeroExtend(b.addc(count(), -1), x.addressBits);
  x.setRegister(RCX, x.addressBits, left);
  const done = b.eqz(left);
  b.assign(last, it.ends ? b.or(done, it.ends()) : done);
  if (it.bulk) b.assign(tryBulk, b.or(b.read(tryBulk), b.eqz(b.wrap(b.andc(left, 31)))));
  const budget = b.addc(b.get(BUDGET, 32), -1);
  b.set(BUDGET, 32, budget);
  const stop = b.or(b.ltS(budget, b.i32(0)), b.nez(b.get(PENDING, 32)));
  b.if(b.and(stop, b.eqz(b.read(last))), () => b.jump(x.current()));
}

export const movs: Semantics = (b, x) => {
  repeat(b, x, {
    element: (step) => {
      x.write(0, x.read(1));
      advance(b, x, RSI, step);
      advance(b, x, RDI, step);
    },
    atOnce: (bytes) => b.copy(x.linear(0, 8, true), x.linear(1, 8, false), bytes),
    moving: [RSI, RDI],
    bulk: () => b.call('bulkMove', b.i32(x.bits / 8), b.i32(x.addressBits), segmentNumber(b, x)),
  });
};
/** Elements whose bytes are all the same. */
function fillAtOnce(b: Builder, x: Operands, v: Value, bytes: Value): Value {
  const byte = b.andc(b.wrap(v), 0xff);
  const done = b.local('i32', b.i32(0));
  const ones = { 8: 1n, 16: 0x101n, 32: 0x1010101n, 64: 0x101010101010101n, 128: 0n }[x.bits];
  const like = v.type === 'i64' ? b.extendU(byte) : byte;
  const isUniform = b.eq(v, b.mul(like, b.constantLike(like, ones)));
  b.if(isUniform, () => b.assign(done, b.fill(x.linear(0, 8, true), byte, bytes)));
  return b.read(done);
}
export const stos: Semantics = (b, x) => {
  const v = x.read(1);
  repeat(b, x, {
    element: (step) => {
      x.write(0, v);
      advance(b, x, RDI, step);
    },
    atOnce: (bytes) => fillAtOnce(b, x, v, bytes),
    moving: [RDI],
    bulk: () => b.call('bulkStore', b.i32(x.bits / 8), b.i32(x.addressBits)),
  });
};
export const lods: Semantics = (b, x) => {
  repeat(b, x, {
    element: (step) => {
      x.setRegister(RAX, x.bits, x.read(1));
      advance(b, x, RSI, step);
    },
  });
};

/** CMPS and SCAS: flags of the last comparison, set only when the instruction completes (SDM vol. 2, REP). */
function comparing(
  b: Builder,
  x: Operands,
  operands: () => readonly [Value, Value],
  registers: readonly number[],
): void {
  const type = x.bits === 64 ? 'i64' : 'i32';
  const left = b.local(type);
  const right = b.local(type);
  repeat(b, x, {
    element: (step) => {
      const [a, c] = operands();
      b.assign(left, a);
      b.assign(right, c);
      for (const register of registers) advance(b, x, register, step);
    },
    ends: () =>
      x.shape.repeat === 0xf2
        ? b.eq(b.read(left), b.read(right))
        : b.ne(b.read(left), b.read(right)),
    after: () => {
      const a = b.read(left);
      const c = b.read(right);
      flagsOfSub(b, x.bits, b.sub(a, c), a, c);
    },
  });
}
export const cmps: Semantics = (b, x) => {
  comparing(b, x, () => [x.read(0), x.read(1)], [RSI, RDI]);
};
export const scas: Semantics = (b, x) => {
  const a = x.read(0);
  comparing(b, x, () => [a, x.read(1)], [RDI]);
};

export const stringSemantics = {
  MOVS: movs,
  STOS: stos,
  LODS: lods,
  SCAS: scas,
  CMPS: cmps,
} as const satisfies Record<string, Semantics>;
