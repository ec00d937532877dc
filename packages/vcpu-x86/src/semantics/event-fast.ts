// The ordinary cases of events (routines/deliver-event.ts has all others): interrupt and trap gates that lead to level 0, from there and
// from level 3.
import type { Builder, Value } from '../ir/builder.js';
import { rflags } from '../ir/flags.js';
import {
  CPL,
  CS,
  FLAGS_OTHER,
  IDTR_BASE,
  IDTR_LIMIT,
  RIP,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  SEGMENTS,
  SELECTORS,
  SS,
  TR,
} from '../state/layout.js';
import { FLAG_AC, FLAG_IF, FLAG_NT, FLAG_RF, FLAG_TF, FLAG_VM } from '../state/register-bits.js';
import { ATTRIBUTE_CODE } from '../state/segments.js';
import {
  descriptorOf,
  flatCode,
  flatData,
  loadSystem,
  setFlatFrom,
  setNull,
  slotOf,
  storeSystem,
} from './descriptor-fast.js';
import { type FastRoutine, need } from './fast-routine.js';
import {
  attributes,
  done,
  enterLevel,
  isLongMode,
  needCanonical,
  needFlatStack,
  needPlain,
  RSP,
  type Size,
} from './level-fast.js';

interface Event {
  readonly errorCode: Value;
  /** What the pushed RFLAGS have beside what the register has. */
  readonly flags: Value;
  readonly bySoftware: Value;
}
const INTERRUPT_GATE = 0x8e;
const GATE_KIND = 0x9f;
interface Gate {
  /** Bits 32–63 (i32), and its linear address (i64). */
  readonly high: Value;
  readonly at: Value;
  readonly selector: Value;
  /** Bits 0–31 of the handler's address. */
  readonly offset: Value;
}
/** A present interrupt or trap gate, that the event may use and that leads to flat code of level 0. */
function gateOf(b: Builder, vector: Value, size: Size, bySoftware: Value): Gate {
  const shift = size === 64 ? 4 : 3;
  const place = b.shlc(vector, shift);
  need(b, b.leU(b.orc(place, (1 << shift) - 1), b.get(IDTR_LIMIT, 32)));
  const at = b.add(b.get(IDTR_BASE, 64), b.extendU(place));
  const gate = loadSystem(b, at, 64);
  const low = b.wrap(gate);
  const high = b.wrap(b.shrUc(gate, 32));
  const kind = b.andc(b.shrUc(high, 8), GATE_KIND & ~1);
  need(b, b.eq(kind, b.i32(INTERRUPT_GATE)));
  const mayUse = b.geU(b.andc(b.shrUc(high, 13), 3), b.get(CPL, 32));
  need(b, b.or(b.eqz(bySoftware), mayUse));
  const selector = b.shrUc(low, 16);
  need(b, b.eq(descriptorOf(b, selector), b.i64(flatCode(size, 0))));
  const offset = b.or(b.andc(low, 0xffff), b.andc(high, 0xffff0000 | 0));
  return { high, at, selector, offset };
}
const isTrapGate = (b: Builder, high: Value): Value => b.andc(high, 0x100);
/** i32 1: from level 3. Other levels than that and 0 are not ordinary. */
function fromOuter(b: Builder): Value {
  const level = b.get(CPL, 32);
  const isOuter = b.eq(level, b.i32(3));
  need(b, b.or(b.eqz(level), isOuter));
  return isOuter;
}
/** A frame of so many bytes below `top` lies on one page: when its first store has found the page, all do. The frame's lowest address. */
function frameBelow(b: Builder, top: Value, bytes: Value): Value {
  const low = b.sub(top, b.extendU(bytes));
  need(b, b.eqz(b.andc(b.xor(low, b.addc(top, -1)), -4096)));
  return low;
}
/** Bytes of an error code on the stack: 0 without one. */
const errorBytes = (b: Builder, errorCode: Value, word: number): Value =>
  b.select(b.ltS(errorCode, b.i32(0)), b.i32(0), b.i32(word));

function clearFlags(b: Builder, high: Value): void {
  const always = FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM;
  const cleared = b.select(isTrapGate(b, high), b.i32(always), b.i32(always | FLAG_IF));
  b.set(FLAGS_OTHER, 32, b.and(b.get(FLAGS_OTHER, 32), b.not(cleared)));
}
/** The TSS has more than so many bytes. */
const needTask = (b: Builder, bytes: Value): void =>
  need(b, b.leU(bytes, b.get(SEGMENTS + SEGMENT_LIMIT, 32, slotOf(TR))));
const inTask = (b: Builder, at: Value, bits: 16 | 32 | 64): Value =>
  loadSystem(b, b.add(b.get(SEGMENTS + SEGMENT_BASE, 64, slotOf(TR)), b.extendU(at)), bits);

function deliver32(b: Builder, vector: Value, event: Event): void {
  const { errorCode } = event;
  const { high, selector, offset } = gateOf(b, vector, 32, event.bySoftware);
  const isOuter = fromOuter(b);
  const flags = b.or(rflags(b), event.flags);
  const top = b.local('i64');
  const stack = b.local('i32', b.i32(0));
  b.if(
    isOuter,
    () => {
      need(b, b.andc(attributes(b, TR), ATTRIBUTE_CODE));
      needTask(b, b.i32(9));
      b.assign(top, b.extendU(inTask(b, b.i32(4), 32)));
      b.assign(stack, inTask(b, b.i32(8), 16));
      need(b, b.eq(descriptorOf(b, b.read(stack)), b.i64(flatData(0))));
      need(b, b.eqz(b.andc(b.read(stack), 3)));
    },
    () => {
      needFlatStack(b);
      b.assign(top, b.extendU(b.get(RSP, 32)));
    },
  );
  const errors = errorBytes(b, errorCode, 4);
  const bytes = b.add(b.select(isOuter, b.i32(20), b.i32(12)), errors);
  const bottom = frameBelow(b, b.read(top), bytes);
  b.if(errors, () => storeSystem(b, bottom, 32, errorCode));
  const frame = b.add(bottom, b.extendU(errors));
  const push = (n: number, value: Value): void => storeSystem(b, b.addc(frame, n * 4), 32, value);
  push(0, b.get(RIP, 32));
  push(1, b.get(SELECTORS, 32, slotOf(CS)));
  push(2, flags);
  b.if(isOuter, () => {
    push(3, b.get(RSP, 32));
    push(4, b.get(SELECTORS, 32, slotOf(SS)));
    setFlatFrom(b, SS, b.read(stack), flatData(0));
  });
  b.set(RSP, 64, bottom);
  setFlatFrom(b, CS, b.andc(selector, 0xfffc), flatCode(32, 0));
  b.set(RIP, 64, b.extendU(offset));
  clearFlags(b, high);
  enterLevel(b, 0, 32);
}
function deliver64(b: Builder, vector: Value, event: Event): void {
  const { errorCode } = event;
  const { high, selector, offset, at } = gateOf(b, vector, 64, event.bySoftware);
  const upper = loadSystem(b, b.addc(at, 8), 32);
  const target = b.or(b.extendU(offset), b.shlc(b.extendU(upper), 32));
  needCanonical(b, target);
  const isOuter = fromOuter(b);
  const flags = b.extendU(b.or(rflags(b), event.flags));
  const table = b.andc(high, 7);
  const top = b.local('i64', b.get(RSP, 64));
  b.if(b.or(isOuter, table), () => {
    // RSP0 is the first, the interrupt stack table the fifth and those behind it.
    const slot = b.select(table, b.addc(table, 3), b.i32(0));
    const place = b.addc(b.shlc(slot, 3), 4);
    needTask(b, b.addc(place, 7));
    b.assign(top, inTask(b, place, 64));
  });
  const aligned = b.andc(b.read(top), -16);
  const errors = errorBytes(b, errorCode, 8);
  const bottom = frameBelow(b, aligned, b.addc(errors, 40));
  b.if(errors, () => storeSystem(b, bottom, 64, b.extendU(errorCode)));
  const frame = b.add(bottom, b.extendU(errors));
  const push = (n: number, value: Value): void => storeSystem(b, b.addc(frame, n * 8), 64, value);
  push(0, b.get(RIP, 64));
  push(1, b.extendU(b.get(SELECTORS, 32, slotOf(CS))));
  push(2, flags);
  push(3, b.get(RSP, 64));
  push(4, b.extendU(b.get(SELECTORS, 32, slotOf(SS))));
  b.if(isOuter, () => setNull(b, slotOf(SS), b.i32(0)));
  b.set(RSP, 64, bottom);
  setFlatFrom(b, CS, b.andc(selector, 0xfffc), flatCode(64, 0));
  b.set(RIP, 64, target);
  clearFlags(b, high);
  enterLevel(b, 0, 64);
}

/** Events from outside and faults, see Core.deliverFast. No routine stands behind it. */
export const deliverEvent: FastRoutine = {
  parameters: 4,
  body(b, result, vector, errorCode, flags, bySoftware) {
    needPlain(b, FLAG_TF | FLAG_VM);
    const isOpenProgram = b.and(
      b.nez(b.get(CPL, 32)),
      b.nez(b.andc(b.get(FLAGS_OTHER, 32), FLAG_AC)),
    );
    need(b, b.eqz(isOpenProgram));
    const event = { errorCode, flags, bySoftware };
    b.if(
      isLongMode(b),
      () => deliver64(b, vector, event),
      () => deliver32(b, vector, event),
    );
    done(b, result);
  },
};
