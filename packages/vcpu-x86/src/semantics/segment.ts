// Loads of segment registers and far transfers (SDM vol. 2 MOV, POP, LDS, JMP, CALL, RET). Real and virtual-8086 mode load a data
// segment right here, which 16-bit programs do all the time; everything else is a routine.
import { UD } from '../fault.js';
import type { Builder, Value } from '../ir/builder.js';
import type { Bits, SlotRef } from '../ir/node.js';
import {
  CPL,
  CR0,
  CS,
  DS,
  ES,
  FS,
  GS,
  SCRATCH,
  SEGMENT_ATTRIBUTES,
  SEGMENT_BASE,
  SEGMENT_STRIDE,
  SEGMENTS,
  SELECTOR_DESCRIPTOR,
  SELECTORS,
  SS,
} from '../state/layout.js';
import { CR0_PE } from '../state/register-bits.js';
import { LOAD_SEGMENT } from './contained-routines.js';
import { inTable, isInTable, isNull, loadSystem } from './descriptor-fast.js';
import type { Operands, Semantics } from './operands.js';
import { isRealMode } from './privilege.js';

const byName: Readonly<Record<string, number>> = { ES, SS, DS, FS, GS };

/**
 * Loads a segment register: at once (`then` follows) where real or virtual-8086 mode only sets selector and base, else by
 * `routine`. `reloads` (i32): it is DS or ES, which a program and its kernel often have the same in. Only 16-bit code that is not flat takes the short way: there no mode can change.
 */
function load(
  b: Builder,
  x: Operands,
  segment: SlotRef,
  isData: Value | null,
  reloads: Value | null,
  selector: Value,
  then: () => void,
  routine: () => void,
): void {
  if (x.mode.bits !== 16 || x.mode.flat) {
    if (reloads) b.if(isLoaded(b, segment, reloads, selector), then, routine);
    else routine();
    return;
  }
  const usable = b.nez(b.get(SEGMENTS + SEGMENT_ATTRIBUTES, 32, segment));
  const short = b.and(isRealMode(b), usable);
  b.if(
    isData ? b.and(short, isData) : short,
    () => {
      b.set(SEGMENTS + SEGMENT_BASE, 64, b.extendU(b.shlc(selector, 4)), segment);
      b.set(SELECTORS, 32, selector, segment);
      then();
      b.jump(x.next());
    },
    routine,
  );
}
/**
 * Does the register hold this selector, loaded from the descriptor that is still in the GDT? Then a load at level 0 changes nothing:
 * whoever enters a kernel from a program finds DS and ES so.
 */
function isLoaded(b: Builder, segment: SlotRef, reloads: Value, selector: Value): Value {
  const loaded = b.local('i32', b.i32(0));
  const isProtected = b.andc(b.get(CR0, 32), CR0_PE);
  const atTop = b.eqz(b.or(b.get(CPL, 32), b.andc(selector, 4)));
  const isSame = b.and(b.eqz(isNull(b, selector)), b.eq(selector, b.get(SELECTORS, 32, segment)));
  const checks = [b.nez(isProtected), isSame, isInTable(b, selector)];
  const may = checks.reduce((p, q) => b.and(p, q), b.and(atTop, reloads));
  b.if(may, () => {
    const descriptor = loadSystem(b, inTable(b, selector), 64);
    b.assign(loaded, b.eq(descriptor, b.get(SELECTORS + SELECTOR_DESCRIPTOR, 64, segment)));
  });
  return b.read(loaded);
}
/** Loads a segment register; `isPlain`: known to be FS or GS, which decide nothing about the mode, so that the next instruction follows. */
function loadBy(b: Builder, isPlain: boolean, slot: Value, selector: Value): void {
  if (isPlain) b.call(LOAD_SEGMENT, slot, selector);
  else b.transfer(LOAD_SEGMENT, slot, selector);
}
/** SS starts an interrupt shadow: never the short way. */
const isNotStack = (b: Builder, slot: Value): Value => b.ne(slot, b.i32(SS * SEGMENT_STRIDE));

export const movToSegment: Semantics = (b, x) => {
  const slot = x.binding.number(b, 'reg');
  const isCode = b.eq(slot, b.i32(CS * SEGMENT_STRIDE));
  b.raiseIf(b.or(isCode, b.gtU(slot, b.i32(GS * SEGMENT_STRIDE))), UD);
  const selector = b.andc(x.read(1), 0xffff);
  const register = x.binding.slot('reg');
  const isPlain = 'offset' in register && register.offset >= FS * SEGMENT_STRIDE;
  load(
    b,
    x,
    register,
    isNotStack(b, slot),
    b.and(isNotStack(b, slot), b.ltU(slot, b.i32(FS * SEGMENT_STRIDE))),
    selector,
    () => {},
    () => loadBy(b, isPlain, slot, selector),
  );
};

export const popSegment: Semantics = (b, x) => {
  const segment = byName[x.operand(0).fixed ?? ''];
  const bytes = x.operandBits / 8;
  const selector = b.andc(b.wrap(x.peek(x.operandBits as Bits)), 0xffff);
  const slot = segment * SEGMENT_STRIDE;
  const routine = (): void => {
    if (segment < FS) return b.transfer('popSegment', b.i32(slot), selector, b.i32(bytes));
    loadBy(b, true, b.i32(slot), selector);
    x.drop(bytes);
  };
  if (segment === SS) routine();
  else
    load(
      b,
      x,
      { offset: slot },
      null,
      segment < FS ? b.i32(1) : null,
      selector,
      () => x.drop(bytes),
      routine,
    );
};

/** LES, LDS, LSS, LFS, LGS. */
const loadFar =
  (segment: number): Semantics =>
  (b, x) => {
    const bits = x.operandBits as Bits;
    const offset = x.readAt(1, 0, bits);
    const selector = x.readAt(1, bits / 8, 16);
    const routine = (): void => {
      b.set(SCRATCH, 64, b.extendU(offset));
      const register = x.binding.number(b, 'reg');
      b.transfer('loadFarPointer', b.i32(segment), selector, register, b.i32(bits));
    };
    if (segment === SS) routine();
    else
      load(
        b,
        x,
        { offset: segment * SEGMENT_STRIDE },
        null,
        null,
        selector,
        () => x.write(0, offset),
        routine,
      );
  };

/** The far pointer of JMP and CALL: its offset goes to SCRATCH, its selector is the value. */
function farPointer(b: Builder, x: Operands): Value {
  if (x.operand(0).addressing === 'A') {
    b.set(SCRATCH, 64, b.extendU(x.binding.immediate(b, 'i32')));
    return b.andc(x.binding.imm2(b), 0xffff);
  }
  const bits = x.operandBits as Bits;
  const offset = x.readAt(0, 0, bits);
  const selector = x.readAt(0, bits / 8, 16);
  b.set(SCRATCH, 64, b.extendU(offset));
  return selector;
}
export const jumpFar: Semantics = (b, x) =>
  b.transfer('jumpFar', farPointer(b, x), b.i32(x.operandBits));
export const callFar: Semantics = (b, x) =>
  b.transfer('callFar', farPointer(b, x), b.i32(x.operandBits));
export const returnFar: Semantics = (b, x) =>
  b.transfer(
    'returnFar',
    b.i32(x.operandBits),
    x.count === 0 ? b.i32(0) : b.andc(x.binding.immediate(b, 'i32'), 0xffff),
  );

export const segmentSemantics = {
  MOV_TO_SEG: movToSegment,
  POP_SEG: popSegment,
  LES: loadFar(ES),
  LDS: loadFar(DS),
  LSS: loadFar(SS),
  LFS: loadFar(FS),
  LGS: loadFar(GS),
  JMP_FAR: jumpFar,
  CALL_FAR: callFar,
  RET_FAR: returnFar,
} as const satisfies Record<string, Semantics>;
