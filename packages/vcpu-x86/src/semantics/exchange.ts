// Compare-and-exchange and exchange-and-add (SDM vol. 2 CMPXCHG, CMPXCHG8B/16B, XADD). One vCPU runs at a time, so LOCK has
// nothing left to do. The destination in memory is always written, if only with what it held.
import { GP } from '../fault.js';
import type { Builder, Value } from '../ir/builder.js';
import { flagsOfAdd, flagsOfSub, setArithmeticFlags } from '../ir/flags.js';
import { type Operands, RAX, RBX, RCX, RDX, type Semantics } from './operands.js';

/** Memory is stored to before the register changes, for it may fault; of one register twice the sum stays. */
export const xadd: Semantics = (b, x) => {
  const c = x.read(1);
  const a = x.modify();
  const sum = b.add(a, c);
  if (x.isMemory(0)) {
    x.result(sum);
    x.write(1, a);
  } else {
    x.write(1, a);
    x.result(sum);
  }
  flagsOfAdd(b, x.bits, sum, a, c);
};

/** A register destination that differs stays as it is, upper half included; so does rAX when they are equal. */
export const cmpxchg: Semantics = (b, x) => {
  const c = x.read(1);
  const old = x.modify();
  const accumulator = x.getRegister(RAX, x.bits);
  const equal = b.eq(old, accumulator);
  if (x.isMemory(0)) {
    x.result(b.select(equal, c, old));
    b.if(b.eqz(equal), () => x.setRegister(RAX, x.bits, old));
  } else
    b.if(
      equal,
      () => x.result(c),
      () => x.setRegister(RAX, x.bits, old),
    );
  flagsOfSub(b, x.bits, b.sub(accumulator, old), accumulator, old);
};

const setZero = (b: Builder, zf: Value): void => setArithmeticFlags(b, b.shlc(zf, 6), 0x40);
/** Two 32-bit registers as one i64. */
const pair = (b: Builder, x: Operands, low: number, high: number): Value =>
  b.or(b.extendU(x.getRegister(low, 32)), b.shlc(b.extendU(x.getRegister(high, 32)), 32));

export const cmpxchg8b: Semantics = (b, x) => {
  const old = x.modify();
  const equal = b.eq(old, pair(b, x, RAX, RDX));
  x.result(b.select(equal, pair(b, x, RBX, RCX), old));
  b.if(b.eqz(equal), () => {
    x.setRegister(RAX, 32, b.wrap(old));
    x.setRegister(RDX, 32, b.wrap(b.shrUc(old, 32)));
  });
  setZero(b, equal);
};

/** The operand is aligned, so both halves lie in one page. */
export const cmpxchg16b: Semantics = (b, x) => {
  const access = { bits: 64, segment: x.binding.slot('segment') } as const;
  const linear = x.linear(0, 128, true);
  b.raiseIf(b.nez(b.andc(linear, 15)), GP, 0);
  const next = b.addc(linear, 8);
  const low = b.loadForUpdate(linear, access);
  const high = b.loadForUpdate(next, access);
  const equal = b.and(b.eq(low, x.getRegister(RAX, 64)), b.eq(high, x.getRegister(RDX, 64)));
  b.store(linear, b.select(equal, x.getRegister(RBX, 64), low), access, low);
  b.store(next, b.select(equal, x.getRegister(RCX, 64), high), access, high);
  b.if(b.eqz(equal), () => {
    x.setRegister(RAX, 64, low);
    x.setRegister(RDX, 64, high);
  });
  setZero(b, equal);
};

export const exchangeSemantics = {
  XADD: xadd,
  CMPXCHG: cmpxchg,
  CMPXCHG8B: cmpxchg8b,
  CMPXCHG16B: cmpxchg16b,
} as const satisfies Record<string, Semantics>;
