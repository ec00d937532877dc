// Facts about x87 arithmetic that need no host CPU: SDM examples and results derived by hand.
import { describe, expect, it } from 'vitest';
import { add80, divide80, multiply80, sqrt80 } from './float80-arithmetic.js';
import { fromBcd, toBcd } from './float80-bcd.js';
import { examine80, tagOf80 } from './float80-compare.js';
import { fromFloat64, toFloat64 } from './float80-convert.js';
import { C0, C1, C2, C3, f80, IE, OE, PE, UE, ZE } from './float80-format.js';
import { toInt80 } from './float80-integer.js';
import { remainder80 } from './float80-remainder.js';

const TOP = 0x80000000;
const shown = (): string =>
  `${f80.se.toString(16)} ${(f80.hi >>> 0).toString(16)} ${(f80.lo >>> 0).toString(16)}`;

describe('float80 arithmetic', () => {
  it('rounds one third to 64, 53 and 24 bits', () => {
    divide80(0x37f, 0x3fff, TOP, 0, 0x4000, 0xc0000000, 0);
    expect([shown(), f80.status]).toEqual(['3ffd aaaaaaaa aaaaaaab', PE | C1]);
    divide80(0x27f, 0x3fff, TOP, 0, 0x4000, 0xc0000000, 0);
    expect([shown(), f80.status]).toEqual(['3ffd aaaaaaaa aaaaa800', PE]);
    divide80(0x07f, 0x3fff, TOP, 0, 0x4000, 0xc0000000, 0);
    expect([shown(), f80.status]).toEqual(['3ffd aaaaab00 0', PE | C1]);
  });

  it('breaks ties to even and keeps the sticky bit of a far smaller addend', () => {
    add80(0x37f, 0x3fff, TOP, 1, 0x3fbf, TOP, 0); // 1 + 2^-63 + 2^-64
    expect([shown(), f80.status]).toEqual(['3fff 80000000 2', PE | C1]);
    add80(0x37f, 0x3fff, TOP, 0, 0x3fbf, TOP, 0); // 1 + 2^-64
    expect([shown(), f80.status]).toEqual(['3fff 80000000 0', PE]);
    add80(0xb7f, 0x3fff, TOP, 0, 0x0001, TOP, 0); // 1 + 2^-16382, up
    expect([shown(), f80.status]).toEqual(['3fff 80000000 1', PE | C1]);
  });

  it('answers invalid operations with the indefinite, or leaves the destination when unmasked', () => {
    add80(0x37f, 0x7fff, TOP, 0, 0xffff, TOP, 0);
    expect([shown(), f80.status, f80.stored]).toEqual(['ffff c0000000 0', IE, 1]);
    add80(0x37e, 0x3fff, 0x7fffffff, 0, 0x3fff, TOP, 0); // an unnormal
    expect([f80.status, f80.stored]).toEqual([IE, 0]);
    divide80(0x37f, 0xbfff, TOP, 0, 0, 0, 0);
    expect([shown(), f80.status]).toEqual(['ffff 80000000 0', ZE]);
  });

  it('delivers the biased exponent when overflow is unmasked', () => {
    multiply80(0x377, 0x7ffe, TOP, 0, 0x4000, TOP, 0);
    expect([shown(), f80.status, f80.stored]).toEqual(['1fff 80000000 0', OE, 1]);
    multiply80(0x37f, 0x7ffe, TOP, 0, 0x4000, TOP, 0);
    expect([shown(), f80.status]).toEqual(['7fff 80000000 0', OE | PE | C1]);
    multiply80(0x36f, 0x0001, TOP, 0, 0x3ffe, TOP, 0);
    expect([shown(), f80.status]).toEqual(['6000 80000000 0', UE]);
  });

  it('takes exact square roots exactly', () => {
    sqrt80(0x37f, 0x4002, 0x90000000, 0); // 9
    expect([shown(), f80.status]).toEqual(['4000 c0000000 0', 0]);
  });

  it('gives the low quotient bits of a complete FPREM and C2 for a partial one', () => {
    remainder80(0x37f, 0, 0x4003, 0xb8000000, 0, 0x4000, 0x80000000, 0); // 23 mod 2
    expect([shown(), f80.status]).toEqual(['3fff 80000000 0', C1 | C3]); // quotient 11 = 0b1011
    remainder80(0x37f, 0, 0x4063, TOP, 0, 0x3fff, 0xc0000000, 0);
    expect(f80.status).toBe(C2);
  });

  it('converts to float64, integers and packed decimals', () => {
    fromFloat64(0x37f, 0x3ff80000, 0);
    expect(shown()).toBe('3fff c0000000 0');
    toFloat64(0x37f, 0x3fff, 0xc0000000, 1);
    expect([f80.hi, f80.lo, f80.status]).toEqual([0x3ff80000, 0, PE]);
    toInt80(0x37f, 32, 0, 0xbfff, 0xc0000000, 0); // −1.5 to even
    expect([f80.lo, f80.status]).toEqual([-2, PE | C1]);
    toInt80(0x37f, 16, 0, 0x400e, TOP, 0); // 32768
    expect([f80.lo, f80.status]).toEqual([-32768, IE]);
    fromBcd(0x8000, 0, 0x123);
    expect(shown()).toBe('c005 f6000000 0');
    toBcd(0x37f, f80.se, f80.hi, f80.lo);
    expect(shown()).toBe('8000 0 123');
  });

  it('computes the tags FSTENV stores: valid, zero, special', () => {
    expect([tagOf80(0x3fff, TOP, 0), tagOf80(0x8000, 0, 0)]).toEqual([0, 1]);
    // Denormal, infinity, unnormal.
    expect([tagOf80(0, 0, 1), tagOf80(0x7fff, TOP, 0), tagOf80(5, 1, 0)]).toEqual([2, 2, 2]);
  });

  it('classifies as FXAM does', () => {
    const classOf = (empty: number, se: number, hi: number): number => {
      examine80(empty, se, hi, 0);
      return f80.status;
    };
    expect(classOf(0, 0x3fff, TOP)).toBe(C2);
    expect(classOf(0, 0xffff, TOP)).toBe(C2 | C1 | C0);
    expect(classOf(0, 0x7fff, 0xc0000000)).toBe(C0);
    expect(classOf(0, 0x8000, 0)).toBe(C3 | C1);
    expect(classOf(0, 0, 1)).toBe(C3 | C2);
    expect(classOf(0, 5, 1)).toBe(0);
    expect(classOf(1, 0, 0)).toBe(C3 | C0);
  });
});
