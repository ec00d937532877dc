// What the ordinary cases of level changes have in common: between level 0 and level 3, flat segments, 32-bit protected and 64-bit mode,
// nothing that steps or watches. All else is TypeScript's: routines/system-call.ts, iret.ts, deliver-event.ts.
import type { Builder, Value } from '../ir/builder.js';
import { ARITHMETIC_FLAGS, setArithmeticFlags } from '../ir/flags.js';
import type { Local } from '../ir/node.js';
import {
  CPL,
  CR0,
  CS,
  DS,
  EFER,
  ES,
  FLAGS_OTHER,
  GPR,
  INTERRUPT_LINE,
  MODE_KEY,
  PENDING,
  PENDING_INTERRUPT,
  PENDING_MODE,
  PLAIN_EVENTS,
  SEGMENT_ATTRIBUTES,
  SEGMENT_BASE,
  SEGMENTS,
  SS,
  SUPERVISOR_GUARDED,
  SUPERVISOR_OPEN,
  SYSTEM_KEY,
  TLB_BASE,
  TLB_GUARDED,
  TLB_OPEN,
  USER_KEY,
  USER_TLB,
} from '../state/layout.js';
import { MODE_CLASS_MASK, MODE_USER } from '../state/mode-key.js';
import { CR0_PE, EFER_LMA, FLAG_AC, FLAG_IF } from '../state/register-bits.js';
import { ATTRIBUTE_BIG, ATTRIBUTE_LONG } from '../state/segments.js';
import { notCanonical } from './canonical.js';
import { isFlatData, slotOf } from './descriptor-fast.js';
import { need } from './fast-routine.js';

export type Level = 0 | 3;
export type Size = 32 | 64;

export const RSP = GPR + 32;

/** Between an OS and its programs: the CPU's own tables, no breakpoint; none of `flags`. */
export function needPlain(b: Builder, flags: number): void {
  need(b, b.get(PLAIN_EVENTS, 32));
  need(b, b.andc(b.get(CR0, 32), CR0_PE));
  need(b, b.eqz(b.andc(b.get(FLAGS_OTHER, 32), flags)));
  // Another base of the code would void the jump cache.
  need(b, b.eqz(b.get(SEGMENTS + SEGMENT_BASE, 64, slotOf(CS))));
}
export const isLongMode = (b: Builder): Value => b.nez(b.andc(b.get(EFER, 32), EFER_LMA));
export const attributes = (b: Builder, segment: number): Value =>
  b.get(SEGMENTS + SEGMENT_ATTRIBUTES, 32, slotOf(segment));
export const needLong64 = (b: Builder): void =>
  need(b, b.and(isLongMode(b), b.nez(b.andc(attributes(b, CS), ATTRIBUTE_LONG))));
export const needCanonical = (b: Builder, address: Value): void =>
  need(b, b.eqz(notCanonical(b, address)));
export const needLevel0 = (b: Builder): void => need(b, b.eqz(b.get(CPL, 32)));
/** The current stack: flat and 32 bits wide. */
export function needFlatStack(b: Builder): void {
  need(b, b.and(isFlatData(b, SS), b.nez(b.andc(attributes(b, SS), ATTRIBUTE_BIG))));
}

/** Sets all of RFLAGS but the bits that are none. */
export function setFlags(b: Builder, image: Value): void {
  b.set(FLAGS_OTHER, 32, b.orc(b.andc(image, ~ARITHMETIC_FLAGS), 2));
  setArithmeticFlags(b, image);
}
export const setPending = (b: Builder, bits: number): void =>
  b.set(PENDING, 32, b.orc(b.get(PENDING, 32), bits));
/** INTR may be up, and IF lets it in now. */
export function noticeInterrupt(b: Builder): void {
  const isOn = b.nez(b.andc(b.get(FLAGS_OTHER, 32), FLAG_IF));
  b.if(b.and(isOn, b.get(INTERRUPT_LINE, 32)), () => setPending(b, PENDING_INTERRUPT));
}

/** What follows from a level whose CS and SS are flat ones, and from EFLAGS.AC: see Core.updateMode. At level 3 AC is clear. */
export function enterLevel(b: Builder, level: Level, size: Size): void {
  b.set(CPL, 32, b.i32(level));
  if (level === 3)
    for (const at of [TLB_OPEN, TLB_GUARDED, TLB_BASE]) b.set(at, 32, b.get(USER_TLB, 32));
  else {
    const isOpen = b.andc(b.get(FLAGS_OTHER, 32), FLAG_AC);
    b.set(
      TLB_BASE,
      32,
      b.select(isOpen, b.get(SUPERVISOR_OPEN, 32), b.get(SUPERVISOR_GUARDED, 32)),
    );
    b.set(TLB_OPEN, 32, b.get(SUPERVISOR_OPEN, 32));
    b.set(TLB_GUARDED, 32, b.get(SUPERVISOR_GUARDED, 32));
  }
  const isFlat = size === 64 ? b.i32(1) : b.and(isFlatData(b, DS), isFlatData(b, ES));
  // Of code and stack.
  const sizes = (size === 64 ? 0b1010 : 0b0101) | (level === 3 ? MODE_USER : 0);
  const mode = b.orc(b.shlc(isFlat, 4), sizes);
  const changed = b.local('i32', b.andc(b.xor(mode, b.get(MODE_KEY, 32)), MODE_CLASS_MASK));
  b.set(MODE_KEY, 32, b.or(mode, b.get(level === 3 ? USER_KEY : SYSTEM_KEY, 32)));
  b.if(b.read(changed), () => setPending(b, PENDING_MODE));
}

/** Selects between 32-bit and 64-bit mode. */
export function bySize(b: Builder, is64: Value, body: (size: Size) => void): void {
  b.if(
    is64,
    () => body(64),
    () => body(32),
  );
}
export const done = (b: Builder, result: Local): void => b.assign(result, b.i32(0));
