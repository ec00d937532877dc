// The ordinary cases of IRET (routines/iret.ts has all others): from level 0 to itself and to level 3.
import type { Builder, Value } from '../ir/builder.js';
import { ARITHMETIC_FLAGS, rflags } from '../ir/flags.js';
import type { Local } from '../ir/node.js';
import { CS, DS, ES, FS, GS, NMI_BLOCKED, RIP, SS } from '../state/layout.js';
import {
  FLAG_AC,
  FLAG_DF,
  FLAG_ID,
  FLAG_IF,
  FLAG_IOPL,
  FLAG_NT,
  FLAG_TF,
  FLAG_VM,
} from '../state/register-bits.js';
import {
  ATTRIBUTE_CODE,
  ATTRIBUTE_CODE_OR_DATA,
  ATTRIBUTE_EXPAND_DOWN,
} from '../state/segments.js';
import {
  descriptorOf,
  flatCode,
  flatData,
  isNull,
  loadSystem,
  setFlatFrom,
  setNull,
  slotOf,
} from './descriptor-fast.js';
import { type FastRoutine, need } from './fast-routine.js';
import {
  attributes,
  done,
  enterLevel,
  isLongMode,
  needCanonical,
  needFlatStack,
  needLevel0,
  needLong64,
  needPlain,
  noticeInterrupt,
  RSP,
  type Size,
  setFlags,
} from './level-fast.js';

/** What IRET loads at level 0 with an operand size of 32 or 64 bits, while no breakpoint is enabled. */
const RETURN_FLAGS =
  ARITHMETIC_FLAGS | FLAG_TF | FLAG_DF | FLAG_NT | FLAG_IF | FLAG_IOPL | FLAG_AC | FLAG_ID;

/** No data segment register holds what level 3 may not use. */
function needOuterSegments(b: Builder): void {
  const conforming = ATTRIBUTE_CODE_OR_DATA | ATTRIBUTE_CODE | ATTRIBUTE_EXPAND_DOWN;
  for (const segment of [ES, DS, FS, GS]) {
    const a = attributes(b, segment);
    const isOuter = b.eq(b.andc(a, 0x6000), b.i32(0x6000));
    const isConforming = b.eq(b.andc(a, conforming), b.i32(conforming));
    need(b, b.or(b.eqz(a), b.or(isOuter, isConforming)));
  }
}
function loadReturnFlags(b: Builder, image: Value): void {
  setFlags(b, b.or(b.andc(rflags(b), ~RETURN_FLAGS), b.andc(image, RETURN_FLAGS)));
  b.set(NMI_BLOCKED, 32, b.i32(0));
}
/** What IRET found on the stack: selectors of CS and SS, CS's descriptor (i64), and RFLAGS. */
interface Frame {
  readonly code: Value;
  readonly descriptor: Value;
  readonly stack: Value;
  readonly image: Value;
}
function toProgram(b: Builder, size: Size, { code, descriptor, stack, image }: Frame): void {
  need(b, b.eq(descriptor, b.i64(flatCode(size, 3))));
  need(b, b.eq(descriptorOf(b, stack), b.i64(flatData(3))));
  need(b, b.eq(b.andc(b.and(code, stack), 3), b.i32(3)));
  need(b, b.eqz(b.andc(image, FLAG_AC)));
  needOuterSegments(b);
  loadReturnFlags(b, image);
  setFlatFrom(b, CS, code, flatCode(size, 3));
  setFlatFrom(b, SS, stack, flatData(3));
  enterLevel(b, 3, size);
}
/** To level 0; SS is what it was, but in 64-bit mode. */
function toKernel(b: Builder, size: Size, { code, descriptor, stack, image }: Frame): void {
  need(b, b.eq(descriptor, b.i64(flatCode(size, 0))));
  const isWithout = b.local('i32', b.i32(0));
  if (size === 64) {
    need(b, b.eqz(b.andc(stack, 3)));
    b.assign(isWithout, isNull(b, stack));
    b.if(b.eqz(b.read(isWithout)), () => need(b, b.eq(descriptorOf(b, stack), b.i64(flatData(0)))));
  }
  loadReturnFlags(b, image);
  setFlatFrom(b, CS, code, flatCode(size, 0));
  if (size === 64)
    b.if(
      b.read(isWithout),
      () => setNull(b, slotOf(SS), stack),
      () => setFlatFrom(b, SS, stack, flatData(0)),
    );
  enterLevel(b, 0, size);
}

/** To 32-bit code; `at`: the stack pointer (i64). */
function return32(b: Builder, at: Value): void {
  need(b, b.eqz(isLongMode(b)));
  needFlatStack(b);
  const word = (n: number): Value => loadSystem(b, b.addc(at, n * 4), 32);
  const target = b.extendU(word(0));
  const code = b.andc(word(1), 0xffff);
  const image = word(2);
  need(b, b.eqz(b.andc(image, FLAG_TF | FLAG_VM)));
  const descriptor = descriptorOf(b, code);
  const pointer = b.local('i32', b.addc(b.wrap(at), 12));
  b.if(
    b.andc(code, 3),
    () => {
      b.assign(pointer, word(3));
      toProgram(b, 32, { code, descriptor, stack: b.andc(word(4), 0xffff), image });
    },
    () => toKernel(b, 32, { code, descriptor, stack: code, image }),
  );
  b.set(RSP, 64, b.extendU(b.read(pointer)));
  b.set(RIP, 64, target);
}
/** To 64-bit code, which always takes its stack from the frame. */
function return64(b: Builder, at: Value): void {
  needLong64(b);
  const word = (n: number): Value => loadSystem(b, b.addc(at, n * 8), 64);
  const target = word(0);
  const code = b.andc(b.wrap(word(1)), 0xffff);
  const image = b.wrap(word(2));
  const pointer = word(3);
  const stack = b.andc(b.wrap(word(4)), 0xffff);
  needCanonical(b, target);
  need(b, b.eqz(b.andc(image, FLAG_TF)));
  const frame = { code, descriptor: descriptorOf(b, code), stack, image };
  b.if(
    b.andc(code, 3),
    () => toProgram(b, 64, frame),
    () => toKernel(b, 64, frame),
  );
  b.set(RSP, 64, pointer);
  b.set(RIP, 64, target);
}
function returnFromInterrupt(b: Builder, result: Local, bits: Value): void {
  needPlain(b, FLAG_TF | FLAG_VM | FLAG_NT);
  needLevel0(b);
  b.if(
    b.eq(bits, b.i32(64)),
    () => return64(b, b.get(RSP, 64)),
    () => {
      need(b, b.eq(bits, b.i32(32)));
      return32(b, b.extendU(b.get(RSP, 32)));
    },
  );
  noticeInterrupt(b);
  done(b, result);
}

export const iretFastRoutines: Readonly<Record<string, FastRoutine>> = {
  returnFromInterrupt: { parameters: 1, body: returnFromInterrupt },
};
