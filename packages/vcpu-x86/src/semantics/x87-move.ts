// Loads, stores and moves of the x87 (SDM vol. 1 §8.3.3). Stores take two routines, one before and one behind the access that may
// fault: see routines/x87-store.ts.

import type { Builder, Value } from '../ir/builder.js';
import type { Access, Bits } from '../ir/node.js';
import { SCRATCH } from '../state/layout.js';
import { STORE } from '../state/x87-bits.js';
import type { Operands, Semantics } from './operands.js';
import { routine } from './x87-arithmetic.js';
import { highHalf, lowHalf, part, record, stackIndex, wait } from './x87-frame.js';

const access = (x: Operands, bits: Bits): Access => ({
  bits,
  segment: x.binding.slot('segment'),
});

/** Low, high and top i32 of an 80-bit operand. */
function readExtended(b: Builder, x: Operands): [Value, Value, Value] {
  const low = b.load(part(b, x, 0, 0, 64, false), access(x, 64));
  const top = b.load(part(b, x, 0, 8, 16, false), access(x, 16));
  return [lowHalf(b, low), highHalf(b, low), top];
}

const fld: Semantics = (b, x) => {
  wait(b);
  if (!x.isMemory(0)) {
    record(b, x, b.call('x87LoadRegister', stackIndex(b, x)), -1);
    return;
  }
  const bits: number = x.bitsOf(0);
  if (bits === 80) {
    record(b, x, b.call('x87LoadExtended', ...readExtended(b, x)), 0);
    return;
  }
  const v = x.read(0);
  const raised =
    bits === 32
      ? b.call('x87LoadFloat32', v)
      : b.call('x87LoadFloat64', lowHalf(b, v), highHalf(b, v));
  record(b, x, raised, 0);
};
const fild: Semantics = (b, x) => {
  wait(b);
  if (x.bits === 64) {
    const v = x.read(0);
    record(b, x, b.call('x87LoadInt64', lowHalf(b, v), highHalf(b, v)), 0);
  } else record(b, x, b.call('x87LoadInt32', x.readSigned(0, 32)), 0);
};
const fbld: Semantics = (b, x) => {
  wait(b);
  record(b, x, b.call('x87LoadBcd', ...readExtended(b, x)), 0);
};

/** The value in SCRATCH to memory operand 0, if there is STORE in `result`; else the operand is only checked. */
function storeScratch(b: Builder, x: Operands, result: Value): void {
  const bits: number = x.bitsOf(0);
  const stored = b.andc(result, STORE);
  if (bits === 80) {
    const low = b.get(SCRATCH, 64);
    const top = b.get(SCRATCH + 8, 16);
    // Both parts are checked before the first is written.
    const lowAt = part(b, x, 0, 0, 64, true);
    const lowLoad = b.loadForUpdate(lowAt, access(x, 64));
    const topAt = part(b, x, 0, 8, 16, true);
    const topLoad = b.loadForUpdate(topAt, access(x, 16));
    b.if(stored, () => {
      b.store(lowAt, low, access(x, 64), lowLoad);
      b.store(topAt, top, access(x, 16), topLoad);
    });
    return;
  }
  const at = x.linear(0, bits, true);
  const to = access(x, x.bits);
  b.if(
    stored,
    () => b.store(at, b.get(SCRATCH, x.bits), to),
    () => b.loadForUpdate(at, to),
  );
}
function store(b: Builder, x: Operands, result: Value, pops: number): void {
  storeScratch(b, x, result);
  record(b, x, b.call('x87Stored', result, b.i32(pops)), 0);
}
const fst =
  (pops: number): Semantics =>
  (b, x) => {
    wait(b);
    if (!x.isMemory(0)) {
      const quiet = b.i32(x.shape.row.opcode === 0xd9 ? 1 : 0);
      record(b, x, b.call('x87StoreRegister', stackIndex(b, x), b.i32(pops), quiet), -1);
      return;
    }
    const bits: number = x.bitsOf(0);
    const name = bits === 80 ? 'x87ToExtended' : bits === 64 ? 'x87ToFloat64' : 'x87ToFloat32';
    store(b, x, b.call(name), pops);
  };
const fist =
  (truncate: number, pops: number): Semantics =>
  (b, x) => {
    wait(b);
    store(b, x, b.call('x87ToInteger', b.i32(x.bits), b.i32(truncate)), pops);
  };
const fbstp: Semantics = (b, x) => {
  wait(b);
  store(b, x, b.call('x87ToBcd'), 1);
};

const fxch: Semantics = (b, x) => {
  wait(b);
  record(b, x, b.call('x87Exchange', stackIndex(b, x)), -1);
};
const ffree =
  (pops: number): Semantics =>
  (b, x) => {
    wait(b);
    b.call('x87Free', stackIndex(b, x), b.i32(pops));
    record(b, x, null, -1);
  };

export const x87MoveSemantics = {
  FLD: fld,
  FILD: fild,
  FBLD: fbld,
  FLD1: routine('x87LoadConstant', 0),
  FLDL2T: routine('x87LoadConstant', 1),
  FLDL2E: routine('x87LoadConstant', 2),
  FLDPI: routine('x87LoadConstant', 3),
  FLDLG2: routine('x87LoadConstant', 4),
  FLDLN2: routine('x87LoadConstant', 5),
  FLDZ: routine('x87LoadConstant', 6),
  FST: fst(0),
  FSTP: fst(1),
  FIST: fist(0, 0),
  FISTP: fist(0, 1),
  FISTTP: fist(1, 1),
  FBSTP: fbstp,
  FXCH: fxch,
  FFREE: ffree(0),
  FFREEP: ffree(1),
} as const satisfies Record<string, Semantics>;
