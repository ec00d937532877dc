// @hot
// MINxx, MAXxx, CMPxx (predicates 0 … 7), UCOMISx and COMISx. SDM Vol. 2; NaN rules Vol. 1 §11.5.2.
// Each pair shares its decision: `order*` says less, equal, greater or unordered and sets the flags.
import { DE, IE } from './float80-format.js';
import {
  DAZ,
  isDenormal32,
  isDenormal64,
  isNaN32,
  isNaN64,
  isSignalling32,
  isSignalling64,
  scratch32,
  scratch64,
  scratchBits,
  set64,
  sse,
} from './sse-format.js';

const LESS = -1;
const EQUAL = 0;
const GREATER = 1;
const UNORDERED = 2;

/** `quiet` = 1: only signalling NaNs are invalid. */
function order64(
  mxcsr: number,
  quiet: number,
  aHi: number,
  aLo: number,
  bHi: number,
  bLo: number,
): number {
  sse.flags = 0;
  if (isNaN64(aHi, aLo) || isNaN64(bHi, bLo)) {
    if (quiet === 0 || isSignalling64(aHi, aLo) || isSignalling64(bHi, bLo)) sse.flags = IE;
    return UNORDERED;
  }
  scratchBits[0] = aLo;
  scratchBits[1] = aHi;
  let a = scratch64[0];
  scratchBits[0] = bLo;
  scratchBits[1] = bHi;
  let b = scratch64[0];
  if (isDenormal64(aHi, aLo)) {
    if ((mxcsr & DAZ) !== 0) a = 0;
    else sse.flags = DE;
  }
  if (isDenormal64(bHi, bLo)) {
    if ((mxcsr & DAZ) !== 0) b = 0;
    else sse.flags = DE;
  }
  return a < b ? LESS : a > b ? GREATER : EQUAL;
}

function order32(mxcsr: number, quiet: number, aBits: number, bBits: number): number {
  sse.flags = 0;
  if (isNaN32(aBits) || isNaN32(bBits)) {
    if (quiet === 0 || isSignalling32(aBits) || isSignalling32(bBits)) sse.flags = IE;
    return UNORDERED;
  }
  scratchBits[0] = aBits;
  let a = scratch32[0];
  scratchBits[0] = bBits;
  let b = scratch32[0];
  if (isDenormal32(aBits)) {
    if ((mxcsr & DAZ) !== 0) a = 0;
    else sse.flags = DE;
  }
  if (isDenormal32(bBits)) {
    if ((mxcsr & DAZ) !== 0) b = 0;
    else sse.flags = DE;
  }
  return a < b ? LESS : a > b ? GREATER : EQUAL;
}

function take64(mxcsr: number, hi: number, lo: number): void {
  if ((mxcsr & DAZ) !== 0 && (hi & 0x7ff00000) === 0) set64(hi & 0x80000000, 0);
  else set64(hi, lo);
}

function take32(mxcsr: number, bits: number): void {
  sse.lo = (mxcsr & DAZ) !== 0 && (bits & 0x7f800000) === 0 ? bits & 0x80000000 : bits | 0;
}

/** MINSD: the second operand unless a < b (so for NaNs and equal zeros too). */
export function min64(mxcsr: number, aHi: number, aLo: number, bHi: number, bLo: number): void {
  if (order64(mxcsr, 0, aHi, aLo, bHi, bLo) === LESS) take64(mxcsr, aHi, aLo);
  else take64(mxcsr, bHi, bLo);
}

export function max64(mxcsr: number, aHi: number, aLo: number, bHi: number, bLo: number): void {
  if (order64(mxcsr, 0, aHi, aLo, bHi, bLo) === GREATER) take64(mxcsr, aHi, aLo);
  else take64(mxcsr, bHi, bLo);
}

export function min32(mxcsr: number, a: number, b: number): void {
  take32(mxcsr, order32(mxcsr, 0, a, b) === LESS ? a : b);
}

export function max32(mxcsr: number, a: number, b: number): void {
  take32(mxcsr, order32(mxcsr, 0, a, b) === GREATER ? a : b);
}

/** Predicates EQ, LT, LE, UNORD, NEQ, NLT, NLE, ORD; the ordering ones signal quiet NaNs too. */
function holds(predicate: number, order: number): boolean {
  switch (predicate & 3) {
    case 0:
      return (order === EQUAL) !== ((predicate & 4) !== 0);
    case 1:
      return (order === LESS) !== ((predicate & 4) !== 0);
    case 2:
      return (order === LESS || order === EQUAL) !== ((predicate & 4) !== 0);
    default:
      return (order === UNORDERED) !== ((predicate & 4) !== 0);
  }
}

function isQuietPredicate(predicate: number): number {
  return (predicate & 3) === 0 || (predicate & 3) === 3 ? 1 : 0;
}

/** CMPSD: all ones or zero in sse.hi:lo. */
export function compare64(
  mxcsr: number,
  predicate: number,
  aHi: number,
  aLo: number,
  bHi: number,
  bLo: number,
): void {
  const order = order64(mxcsr, isQuietPredicate(predicate), aHi, aLo, bHi, bLo);
  const mask = holds(predicate, order) ? -1 : 0;
  set64(mask, mask);
}

/** CMPSS: all ones or zero in sse.lo. */
export function compare32(mxcsr: number, predicate: number, a: number, b: number): void {
  sse.lo = holds(predicate, order32(mxcsr, isQuietPredicate(predicate), a, b)) ? -1 : 0;
}

/** ZF, PF, CF of an ordering; OF, SF and AF are cleared by the instruction. */
function eflagsOf(order: number): number {
  if (order === UNORDERED) return 0x45;
  if (order === EQUAL) return 0x40;
  return order === LESS ? 0x01 : 0;
}

/** UCOMISD (quiet = 1) and COMISD (quiet = 0): ZF, PF, CF in their EFLAGS places in sse.lo. */
export function compareToEflags64(
  mxcsr: number,
  quiet: number,
  aHi: number,
  aLo: number,
  bHi: number,
  bLo: number,
): void {
  sse.lo = eflagsOf(order64(mxcsr, quiet, aHi, aLo, bHi, bLo));
}

/** UCOMISS and COMISS. */
export function compareToEflags32(mxcsr: number, quiet: number, a: number, b: number): void {
  sse.lo = eflagsOf(order32(mxcsr, quiet, a, b));
}
