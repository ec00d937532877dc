// Loads of FS and GS from a null selector or from an ordinary data descriptor of the GDT (routines/segment-load.ts has all others).
import {
  CPL,
  CR0,
  FLAGS_OTHER,
  FS,
  PLAIN_EVENTS,
  SEGMENT_ATTRIBUTES,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  SEGMENT_READ_LIMIT,
  SEGMENT_STRIDE,
  SEGMENT_WRITE_LIMIT,
  SEGMENTS,
  SELECTOR_DESCRIPTOR,
  SELECTORS,
} from '../state/layout.js';
import { CR0_PE, FLAG_VM } from '../state/register-bits.js';
import {
  ATTRIBUTE_ACCESSED,
  ATTRIBUTE_CODE,
  ATTRIBUTE_CODE_OR_DATA,
  ATTRIBUTE_EXPAND_DOWN,
  ATTRIBUTE_GRANULAR,
  ATTRIBUTE_MASK,
  ATTRIBUTE_PRESENT,
  ATTRIBUTE_WRITABLE,
} from '../state/segments.js';
import { LOAD_SEGMENT } from './contained-routines.js';
import { descriptorOf, isNull, setNull } from './descriptor-fast.js';
import { type FastRoutine, need } from './fast-routine.js';

const ORDINARY = ATTRIBUTE_PRESENT | ATTRIBUTE_CODE_OR_DATA | ATTRIBUTE_ACCESSED;

export const segmentFastRoutines: Readonly<Record<string, FastRoutine>> = {
  [LOAD_SEGMENT]: {
    parameters: 2,
    body(b, result, at, selector) {
      const slot = { local: b.local('i32', at) };
      need(b, b.get(PLAIN_EVENTS, 32));
      need(b, b.geU(at, b.i32(FS * SEGMENT_STRIDE)));
      need(b, b.andc(b.get(CR0, 32), CR0_PE));
      need(b, b.eqz(b.andc(b.get(FLAGS_OTHER, 32), FLAG_VM)));
      b.if(
        isNull(b, selector),
        () => setNull(b, slot, selector),
        () => {
          const descriptor = descriptorOf(b, selector);
          const high = b.wrap(b.shrUc(descriptor, 32));
          const kind = b.andc(high, ORDINARY | ATTRIBUTE_CODE | ATTRIBUTE_EXPAND_DOWN);
          need(b, b.eq(kind, b.i32(ORDINARY)));
          const level = b.andc(b.shrUc(high, 13), 3);
          const isAllowed = b.and(b.geU(level, b.andc(selector, 3)), b.geU(level, b.get(CPL, 32)));
          need(b, isAllowed);
          const base = b.or(
            b.andc(b.shrUc(descriptor, 16), 0xffffff),
            b.shlc(b.shrUc(descriptor, 56), 24),
          );
          const units = b.or(b.andc(b.wrap(descriptor), 0xffff), b.andc(high, 0xf0000));
          const limit = b.select(
            b.andc(high, ATTRIBUTE_GRANULAR),
            b.orc(b.shlc(units, 12), 0xfff),
            units,
          );
          const unchecked = b.extendU(limit);
          const forWriting = b.select(b.andc(high, ATTRIBUTE_WRITABLE), unchecked, b.i64(-1));
          b.set(SEGMENTS + SEGMENT_BASE, 64, base, slot);
          b.set(SEGMENTS + SEGMENT_LIMIT, 32, limit, slot);
          b.set(SEGMENTS + SEGMENT_ATTRIBUTES, 32, b.andc(high, ATTRIBUTE_MASK), slot);
          b.set(SEGMENTS + SEGMENT_READ_LIMIT, 64, unchecked, slot);
          b.set(SEGMENTS + SEGMENT_WRITE_LIMIT, 64, forWriting, slot);
          b.set(SELECTORS, 32, selector, slot);
          b.set(SELECTORS + SELECTOR_DESCRIPTOR, 64, descriptor, slot);
        },
      );
      b.assign(result, b.i32(0));
    },
  },
};
