// Facts about scalar SSE arithmetic that need no host CPU.
import { describe, expect, it } from 'vitest';
import { DE, IE, OE, PE, UE, ZE } from './float80-format.js';
import { divide32, multiply32 } from './sse-arithmetic32.js';
import { add64, divide64, multiply64, sqrt64 } from './sse-arithmetic64.js';
import { compareToEflags64, min64 } from './sse-compare.js';
import { float64ToInt, int64ToFloat64, round64 } from './sse-convert.js';
import { sse } from './sse-format.js';

const NEAREST = 0x1f80;
const UP = NEAREST | 0x4000;
const shown = (): string => `${(sse.hi >>> 0).toString(16)} ${(sse.lo >>> 0).toString(16)}`;

describe('scalar SSE', () => {
  it('rounds one third in the direction asked for', () => {
    divide64(NEAREST, 0x3ff00000, 0, 0x40080000, 0);
    expect([shown(), sse.flags]).toEqual(['3fd55555 55555555', PE]);
    divide64(UP, 0x3ff00000, 0, 0x40080000, 0);
    expect([shown(), sse.flags]).toEqual(['3fd55555 55555556', PE]);
    divide32(UP, 0x3f800000, 0x40400000);
    expect([sse.lo, sse.flags]).toEqual([0x3eaaaaab, PE]);
  });

  it('keeps exact results free of flags', () => {
    add64(NEAREST, 0x3ff00000, 0, 0x40000000, 0);
    expect([shown(), sse.flags]).toEqual(['40080000 0', 0]);
    sqrt64(NEAREST, 0x40220000, 0);
    expect([shown(), sse.flags]).toEqual(['40080000 0', 0]);
  });

  it('signals denormals, hides them under DAZ and flushes tiny results under FTZ', () => {
    add64(NEAREST, 0, 1, 0x3ff00000, 0);
    expect([shown(), sse.flags]).toEqual(['3ff00000 0', DE | PE]);
    add64(NEAREST | 0x40, 0, 1, 0x3ff00000, 0);
    expect([shown(), sse.flags]).toEqual(['3ff00000 0', 0]);
    multiply32(NEAREST | 0x8000, 0x80800000 | 0, 0x3f000000);
    expect([sse.lo, sse.flags]).toEqual([0x80000000 | 0, UE | PE]);
    multiply32(NEAREST, 0x00800000, 0x3f000000);
    expect([sse.lo, sse.flags]).toEqual([0x00400000, 0]);
  });

  it('reports unmasked exceptions by their flags alone', () => {
    divide64(0, 0x3ff00000, 0, 0, 0);
    expect(sse.flags).toBe(ZE);
    multiply64(NEAREST, 0x7fe00000, 0, 0x7fe00000, 0);
    expect([shown(), sse.flags]).toEqual(['7ff00000 0', OE | PE]);
  });

  it('prefers the first NaN in arithmetic and the second operand in MIN', () => {
    add64(NEAREST, 0x7ff00000, 5, 0x7ff80000, 7);
    expect([shown(), sse.flags]).toEqual(['7ff80000 5', IE]);
    min64(NEAREST, 0x7ff80000, 5, 0x3ff00000, 0);
    expect([shown(), sse.flags]).toEqual(['3ff00000 0', IE]);
    compareToEflags64(NEAREST, 1, 0x7ff80000, 5, 0, 0);
    expect([sse.lo, sse.flags]).toEqual([0x45, 0]);
  });

  it('converts to and from integers and rounds in place', () => {
    float64ToInt(NEAREST, 32, 0, 0x40040000, 0); // 2.5
    expect([sse.lo, sse.flags]).toEqual([2, PE]);
    float64ToInt(NEAREST, 64, 1, 0x43e00000, 0); // 2^63
    expect([shown(), sse.flags]).toEqual(['80000000 0', IE]);
    int64ToFloat64(NEAREST, 0x7fffffff, -1);
    expect([shown(), sse.flags]).toEqual(['43e00000 0', PE]);
    round64(NEAREST, 0x0a, 0xbfe00000 | 0, 0); // −0.5 up, PE suppressed
    expect([shown(), sse.flags]).toEqual(['80000000 0', 0]);
  });
});
