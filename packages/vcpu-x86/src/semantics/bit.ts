// Bit tests, scans and counts, CRC32 (SDM vol. 2 BT, BTC, BTR, BTS, BSF, BSR, LZCNT, TZCNT, POPCNT, CRC32).
import type { Builder, Value } from '../ir/builder.js';
import { flagsOfLogic, flagsOfResult, setArithmeticFlags, setCarry } from '../ir/flags.js';
import type { Operands, Semantics } from './operands.js';

/** What BT, BTS, BTR and BTC make of a value and the mask of the chosen bit; null: nothing. */
type Change = ((b: Builder, v: Value, mask: Value) => Value) | null;

/** A register offset reaches beyond a memory operand: it addresses the operand-sized unit that holds the bit. */
function unitAddress(b: Builder, x: Operands, offset: Value): Value {
  const { bits } = x;
  const [unitShift, byteShift] = bits === 16 ? [4, 1] : bits === 32 ? [5, 2] : [6, 3];
  const units = b.shrSc(b.signExtend(offset, bits), unitShift);
  const at = b.add(x.effective(0), b.extendS(b.shlc(units, byteShift)));
  return x.addressBits === 64 ? at : b.andc(at, x.addressBits === 16 ? 0xffff : 0xffffffffn);
}

const bitTest =
  (change: Change): Semantics =>
  (b: Builder, x: Operands) => {
    const { bits } = x;
    const offset = x.read(1);
    const wide = bits === 64 ? b.extendU(offset) : offset;
    // Doublewords and quadwords: shifts count modulo the width by themselves.
    const place = bits === 16 ? b.andc(wide, 15) : wide;
    const mask = (): Value => b.shl(b.constantLike(place, 1), place);
    const finish = (v: Value): void => setCarry(b, b.wrap(b.andc(b.shrU(v, place), 1)));
    if (x.isMemory(0) && x.operand(1).addressing !== 'I') {
      const access = { bits, segment: x.binding.slot('segment') };
      const linear = x.linearAt(
        unitAddress(b, x, wide),
        access,
        change !== null,
        x.shape.segmented || !x.mode.flat,
      );
      const v = change ? b.loadForUpdate(linear, access) : b.load(linear, access);
      if (change) b.store(linear, change(b, v, mask()), access, v);
      finish(v);
      return;
    }
    const v = change ? x.modify() : x.read(0);
    if (change) x.result(change(b, v, mask()));
    finish(v);
  };
export const bt: Semantics = bitTest(null);
export const bts: Semantics = bitTest((b, v, mask) => b.or(v, mask));
export const btr: Semantics = bitTest((b, v, mask) => b.and(v, b.not(mask)));
export const btc: Semantics = bitTest((b, v, mask) => b.xor(v, mask));

/** ZF says that the source is 0, and then the destination keeps its value, all 64 bits of it. The other flags are undefined. */
const scan =
  (position: (b: Builder, v: Value) => Value): Semantics =>
  (b: Builder, x: Operands) => {
    const v = x.read(1);
    b.if(b.nez(v), () => x.result(position(b, v)));
    flagsOfLogic(b, x.bits, v);
  };
export const bsf: Semantics = scan((b, v) => b.ctz(v));
export const bsr: Semantics = scan((b, v) => b.xorc(b.clz(v), v.type === 'i64' ? 63 : 31));

/** CF says that the source is 0, ZF that the count is. */
const count =
  (of: (b: Builder, v: Value, bits: number) => Value): Semantics =>
  (b: Builder, x: Operands) => {
    const v = x.read(1);
    const result = of(b, v, x.bits);
    x.result(result);
    flagsOfResult(b, x.bits, result, b.eqz(v), b.i32(0));
  };
export const lzcnt: Semantics = count((b, v, bits) =>
  bits === 16 ? b.addc(b.clz(v), -16) : b.clz(v),
);
export const tzcnt: Semantics = count((b, v, bits) => b.ctz(bits === 16 ? b.orc(v, 0x10000) : v));

/** ZF of the source, the other five 0. */
export const popcnt: Semantics = (b, x) => {
  const v = x.read(1);
  x.result(b.popcnt(v));
  setArithmeticFlags(b, b.shlc(b.eqz(v), 6));
};

/** The Castagnoli polynomial 11EDC6F41, reflected. */
const CRC32C = 0x82f63b78;

export const crc32: Semantics = (b, x) => {
  const bits = x.bitsOf(1);
  const data = x.read(1);
  const old = b.extendU(b.wrap(x.read(0)));
  const rest = b.local('i64', b.xor(old, b.extendU(data)));
  const left = b.local('i32', b.i32(bits));
  b.loop(() => {
    const v = b.read(rest);
    const polynomial = b.and(b.neg(b.andc(v, 1)), b.i64(CRC32C));
    b.assign(rest, b.xor(b.shrUc(v, 1), polynomial));
    const more = b.addc(b.read(left), -1);
    b.assign(left, more);
    b.if(b.eqz(more), () => b.leave());
  });
  x.result(x.bits === 64 ? b.read(rest) : b.wrap(b.read(rest)));
};

export const bitSemantics = {
  BT: bt,
  BTS: bts,
  BTR: btr,
  BTC: btc,
  BSF: bsf,
  BSR: bsr,
  LZCNT: lzcnt,
  TZCNT: tzcnt,
  POPCNT: popcnt,
  CRC32: crc32,
} as const satisfies Record<string, Semantics>;
