// @hot
// The fast path of float32: host float64 arithmetic, then one rounding to float32. Double rounding is harmless here because
// 53 ≥ 2 × 24 + 2. Same contract as sse-number64.ts: arguments are float32 values.
import { PE } from './float80-format.js';
import {
  NEEDS_EXACT,
  precisionIsMoot,
  rounding,
  scratch32,
  scratchBits,
  sse,
} from './sse-format.js';

const MIN_NORMAL = 1.1754943508222875e-38;
const HUGE = 1.7014118346046923e38; // 2^127

/** As settle64, for a float32 value. */
export function settle32(mxcsr: number, value: number, error: number): number {
  if (error === 0) {
    sse.flags = 0;
    return value;
  }
  sse.flags = PE;
  const rc = rounding(mxcsr);
  if (rc === 0) return value;
  const step =
    error < 0
      ? rc === 1 || (rc === 3 && value > 0)
        ? -1
        : 0
      : rc === 2 || (rc === 3 && value < 0)
        ? 1
        : 0;
  if (step === 0) return value;
  scratch32[0] = value;
  scratchBits[0] += value > 0 ? step : -step;
  return scratch32[0];
}

function comfortable(a: number, b: number): boolean {
  return (
    (Math.abs(a) >= MIN_NORMAL || a === 0) &&
    (Math.abs(b) >= MIN_NORMAL || b === 0) &&
    Math.abs(a) < Infinity &&
    Math.abs(b) < Infinity
  );
}

export function addNumber32(mxcsr: number, a: number, b: number): number {
  const sum = a + b;
  const value = Math.fround(sum);
  const magnitude = Math.abs(value);
  if (magnitude > MIN_NORMAL && magnitude < HUGE && comfortable(a, b)) {
    if (precisionIsMoot(mxcsr)) {
      sse.flags = 0;
      return value;
    }
    let error = sum - value;
    if (error === 0) {
      const bRounded = sum - a;
      error = a - (sum - bRounded) + (b - bRounded);
    }
    return settle32(mxcsr, value, error);
  }
  sse.flags = NEEDS_EXACT;
  return 0;
}

export function multiplyNumber32(mxcsr: number, a: number, b: number): number {
  // The float64 product of two float32s is exact.
  const product = a * b;
  const value = Math.fround(product);
  const magnitude = Math.abs(value);
  if (magnitude > MIN_NORMAL && magnitude < HUGE && comfortable(a, b)) {
    return settle32(mxcsr, value, product - value);
  }
  sse.flags = NEEDS_EXACT;
  return 0;
}

export function divideNumber32(mxcsr: number, a: number, b: number): number {
  const quotient = a / b;
  const value = Math.fround(quotient);
  const magnitude = Math.abs(value);
  if (magnitude > MIN_NORMAL && magnitude < HUGE && comfortable(a, b)) {
    if (precisionIsMoot(mxcsr)) {
      sse.flags = 0;
      return value;
    }
    let error = quotient - value;
    // value × b is exact in float64, so this sees what the quotient's own rounding hid.
    if (error === 0) error = b > 0 ? a - value * b : value * b - a;
    return settle32(mxcsr, value, error);
  }
  sse.flags = NEEDS_EXACT;
  return 0;
}

export function sqrtNumber32(mxcsr: number, a: number): number {
  if (a >= MIN_NORMAL && a < Infinity) {
    const root = Math.sqrt(a);
    const value = Math.fround(root);
    if (precisionIsMoot(mxcsr)) {
      sse.flags = 0;
      return value;
    }
    const error = root - value;
    return settle32(mxcsr, value, error === 0 ? a - value * value : error);
  }
  sse.flags = NEEDS_EXACT;
  return 0;
}
