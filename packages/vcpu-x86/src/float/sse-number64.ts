// @hot
// The fast path of float64: host arithmetic plus the exact rounding error (TwoSum, Dekker's product) for PE and for the
// directed modes. Returns the result with its flags in sse.flags, or NEEDS_EXACT there when an operand or result is not
// comfortably normal (NaN, infinity, denormal, near overflow or underflow). Callers may use these directly on numbers.
import { PE } from './float80-format.js';
import {
  NEEDS_EXACT,
  precisionIsMoot,
  rounding,
  scratch64,
  scratchBits,
  sse,
} from './sse-format.js';

const MIN_NORMAL = 2.2250738585072014e-308;
const HUGE = 8.98846567431158e307; // 2^1023
/** Within these, Dekker's split neither overflows nor loses bits of the error: 2^-900 and 2^995 (products: 2^-960). */
const SPLIT_LOW = 1.1830521861667747e-271;
const SPLIT_HIGH = 3.348397940155089e299;
const PRODUCT_LOW = 1.026120268471127e-289;
const SPLITTER = 134217729;

/** The correctly rounded `value` and the sign of (exact − value): sets PE and corrects for a directed mode. */
export function settle64(mxcsr: number, value: number, error: number): number {
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
  // One unit in the last place up or down; magnitude grows when step and sign agree.
  scratch64[0] = value;
  const delta = value > 0 ? step : -step;
  const lo = scratchBits[0];
  scratchBits[0] = lo + delta;
  if (delta > 0 ? lo === -1 : lo === 0) scratchBits[1] += delta;
  return scratch64[0];
}

/** The low half of a × b after rounding to `product`. */
function productError(a: number, b: number, product: number): number {
  let c = SPLITTER * a;
  const aHigh = c - (c - a);
  const aLow = a - aHigh;
  c = SPLITTER * b;
  const bHigh = c - (c - b);
  const bLow = b - bHigh;
  return aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
}

export function addNumber64(mxcsr: number, a: number, b: number): number {
  const sum = a + b;
  const magnitude = Math.abs(sum);
  if (
    magnitude >= MIN_NORMAL &&
    magnitude < HUGE &&
    (Math.abs(a) >= MIN_NORMAL || a === 0) &&
    (Math.abs(b) >= MIN_NORMAL || b === 0)
  ) {
    if (precisionIsMoot(mxcsr)) {
      sse.flags = 0;
      return sum;
    }
    const bRounded = sum - a;
    return settle64(mxcsr, sum, a - (sum - bRounded) + (b - bRounded));
  }
  sse.flags = NEEDS_EXACT;
  return 0;
}

export function multiplyNumber64(mxcsr: number, a: number, b: number): number {
  const product = a * b;
  const magnitude = Math.abs(product);
  const aSize = Math.abs(a);
  const bSize = Math.abs(b);
  if (
    magnitude >= PRODUCT_LOW &&
    magnitude < HUGE &&
    aSize >= MIN_NORMAL &&
    aSize < SPLIT_HIGH &&
    bSize >= MIN_NORMAL &&
    bSize < SPLIT_HIGH
  ) {
    if (precisionIsMoot(mxcsr)) {
      sse.flags = 0;
      return product;
    }
    return settle64(mxcsr, product, productError(a, b, product));
  }
  sse.flags = NEEDS_EXACT;
  return 0;
}

export function divideNumber64(mxcsr: number, a: number, b: number): number {
  const quotient = a / b;
  const magnitude = Math.abs(quotient);
  const aSize = Math.abs(a);
  const bSize = Math.abs(b);
  if (
    magnitude >= SPLIT_LOW &&
    magnitude < SPLIT_HIGH &&
    aSize >= SPLIT_LOW &&
    aSize < SPLIT_HIGH &&
    bSize >= SPLIT_LOW &&
    bSize < SPLIT_HIGH
  ) {
    if (precisionIsMoot(mxcsr)) {
      sse.flags = 0;
      return quotient;
    }
    const back = quotient * b;
    const remainder = a - back - productError(quotient, b, back);
    return settle64(mxcsr, quotient, b > 0 ? remainder : -remainder);
  }
  sse.flags = NEEDS_EXACT;
  return 0;
}

export function sqrtNumber64(mxcsr: number, a: number): number {
  if (a >= SPLIT_LOW && a < SPLIT_HIGH) {
    const root = Math.sqrt(a);
    if (precisionIsMoot(mxcsr)) {
      sse.flags = 0;
      return root;
    }
    const square = root * root;
    return settle64(mxcsr, root, a - square - productError(root, root, square));
  }
  sse.flags = NEEDS_EXACT;
  return 0;
}
