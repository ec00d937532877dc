// Descriptors and segment registers in ordinary cases: the GDT's present, accessed descriptors, and flat segments, which are known by their
// descriptors' values alone.
import type { Builder, Value } from '../ir/builder.js';
import type { StateSlot } from '../ir/node.js';
import {
  DS,
  GDTR_BASE,
  GDTR_LIMIT,
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
import {
  ATTRIBUTE_CODE,
  ATTRIBUTE_MASK,
  FLAT_CODE32,
  FLAT_CODE64,
  FLAT_DATA,
} from '../state/segments.js';
import { need } from './fast-routine.js';

/** The descriptor of a flat segment with these attributes, for a level. */
const flat = (attributes: number, level: number): bigint =>
  (BigInt(attributes | 0xf0000 | (level << 13)) << 32n) | 0xffffn;
export const flatCode = (bits: 32 | 64, level: number): bigint =>
  flat(bits === 64 ? FLAT_CODE64 : FLAT_CODE32, level);
export const flatData = (level: number): bigint => flat(FLAT_DATA, level);
const CODE = BigInt(ATTRIBUTE_CODE) << 32n;

export const slotOf = (segment: number): StateSlot => ({ offset: segment * SEGMENT_STRIDE });
const BYTE_LIMIT = 0xffffffffn;
const CHECK_ALL = -1n;

/** What is at a linear address (i64), as the supervisor sees it. */
export const loadSystem = (b: Builder, at: Value, bits: 16 | 32 | 64): Value =>
  b.load(at, { bits, segment: { offset: DS * SEGMENT_STRIDE } });
export const storeSystem = (b: Builder, at: Value, bits: 32 | 64, value: Value): void =>
  b.store(at, value, { bits, segment: { offset: DS * SEGMENT_STRIDE } });

/** i32 1: the selector is null. */
export const isNull = (b: Builder, selector: Value): Value => b.eqz(b.andc(selector, 0xfffc));

/** i32 1: the selector, taken for one of the GDT, lies within it. */
export const isInTable = (b: Builder, selector: Value): Value =>
  b.leU(b.orc(selector, 7), b.get(GDTR_LIMIT, 32));
/** Linear address of its descriptor. */
export const inTable = (b: Builder, selector: Value): Value =>
  b.add(b.get(GDTR_BASE, 64), b.extendU(b.andc(selector, 0xfff8)));
/** The descriptor (i64) that a selector names, in the GDT. */
export function descriptorOf(b: Builder, selector: Value): Value {
  need(b, b.eqz(b.or(b.andc(selector, 4), isNull(b, selector))));
  need(b, isInTable(b, selector));
  return loadSystem(b, inTable(b, selector), 64);
}

/** Loads a segment register with a flat segment. `from`: the descriptor that it was loaded from, 0 for none. */
export function setFlat(
  b: Builder,
  segment: number,
  selector: Value,
  descriptor: bigint,
  from: bigint = 0n,
): void {
  const slot = slotOf(segment);
  b.set(SEGMENTS + SEGMENT_BASE, 64, b.i64(0), slot);
  b.set(SEGMENTS + SEGMENT_LIMIT, 32, b.i32(-1), slot);
  const attributes = Number(descriptor >> 32n) & ATTRIBUTE_MASK;
  b.set(SEGMENTS + SEGMENT_ATTRIBUTES, 32, b.i32(attributes), slot);
  b.set(SEGMENTS + SEGMENT_READ_LIMIT, 64, b.i64(BYTE_LIMIT), slot);
  const isCode = (descriptor & CODE) !== 0n;
  b.set(SEGMENTS + SEGMENT_WRITE_LIMIT, 64, b.i64(isCode ? CHECK_ALL : BYTE_LIMIT), slot);
  b.set(SELECTORS, 32, selector, slot);
  b.set(SELECTORS + SELECTOR_DESCRIPTOR, 64, b.i64(from), slot);
}
/** The same from the descriptor itself. */
export const setFlatFrom = (
  b: Builder,
  segment: number,
  selector: Value,
  descriptor: bigint,
): void => setFlat(b, segment, selector, descriptor, descriptor);

/** Makes a segment register unusable, but for what its selector says. */
export function setNull(b: Builder, slot: StateSlot, selector: Value): void {
  b.set(SEGMENTS + SEGMENT_BASE, 64, b.i64(0), slot);
  b.set(SEGMENTS + SEGMENT_LIMIT, 32, b.i32(0), slot);
  b.set(SEGMENTS + SEGMENT_ATTRIBUTES, 32, b.i32(0), slot);
  b.set(SEGMENTS + SEGMENT_READ_LIMIT, 64, b.i64(CHECK_ALL), slot);
  b.set(SEGMENTS + SEGMENT_WRITE_LIMIT, 64, b.i64(CHECK_ALL), slot);
  b.set(SELECTORS, 32, selector, slot);
  b.set(SELECTORS + SELECTOR_DESCRIPTOR, 64, b.i64(0), slot);
}

/** i32 1: base 0, and nothing to check below 4 GiB for reading and writing. */
export function isFlatData(b: Builder, segment: number): Value {
  const slot = slotOf(segment);
  const base = b.get(SEGMENTS + SEGMENT_BASE, 64, slot);
  const limit = b.get(SEGMENTS + SEGMENT_WRITE_LIMIT, 64, slot);
  return b.eqz(b.or(base, b.xorc(limit, BYTE_LIMIT)));
}
