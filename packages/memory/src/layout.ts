// Record layouts as data: `struct()` turns names and types into offsets and widths, for guests of 32 and of 64 bits alike, by the
// rules of the i386 and x86-64 System V ABIs. A layout is computed once a word size, then only read.
// The rule that differs most: an integer of eight bytes is aligned to four in a 32-bit guest and to eight in a 64-bit one.
import { type Direction, ScalarField } from './scalar-field.js';

/** The size of a guest's `unsigned long` and pointers, in bits. */
export type WordSize = 32 | 64;

/** A number for each word size. */
export interface ByWord {
  readonly 32: number;
  readonly 64: number;
}

/** An integer (or a pointer, which is one). */
export interface ScalarType {
  readonly kind: 'scalar';
  /** Its C spelling: `uint32_t`, `domid_t`. */
  readonly name: string;
  /** In bytes. */
  readonly widths: ByWord;
  /** In bytes. */
  readonly alignments: ByWord;
  readonly isSigned: boolean;
}

/** `length` items in a row; 0 for C's flexible array at the end of a record. */
export interface ArrayType<Element extends LayoutType = LayoutType> {
  readonly kind: 'array';
  readonly element: Element;
  readonly lengths: ByWord;
}

/** A type with the direction of data. */
export interface Directed<Type extends LayoutType = LayoutType> {
  readonly kind: 'directed';
  readonly type: Type;
  readonly direction: Direction;
}

/** A record that a 32-bit and a 64-bit guest see with different members. */
export interface StructPair<
  Members32 extends Members = Members,
  Members64 extends Members = Members,
> {
  readonly kind: 'pair';
  readonly name: string;
  readonly 32: StructType<Members32>;
  readonly 64: StructType<Members64>;
  of(word: 32): StructField<Members32>;
  of(word: 64): StructField<Members64>;
  of(word: WordSize): StructField<Members32> | StructField<Members64>;
}

/** A record's members in order, by their C names. */
export type Members = { readonly [name: string]: LayoutType | Directed };

export type LayoutType = ScalarType | ArrayType | StructType | StructPair;

/** A type at its place in a record. */
export type Placed<Type> =
  Type extends Directed<infer Inner>
    ? Placed<Inner>
    : Type extends ScalarType
      ? ScalarField
      : Type extends ArrayType<infer Element>
        ? ArrayField<Element>
        : Type extends StructType<infer Own>
          ? StructField<Own>
          : Type extends StructPair<infer Own32, infer Own64>
            ? StructField<Own32> | StructField<Own64>
            : never;

/** An array at its place: `element` is item 0, item `i` is `i * stride` bytes further. */
export interface ArrayField<Element extends LayoutType = LayoutType> {
  readonly kind: 'array';
  readonly offset: number;
  readonly byteLength: number;
  readonly length: number;
  readonly stride: number;
  readonly element: Placed<Element>;
  readonly direction: Direction;
}

/** A record at its place; the offsets of everything inside count from the outermost record. */
export interface StructField<Own extends Members = Members> {
  readonly kind: 'struct';
  readonly offset: number;
  /** Its size with padding at the end, as C's sizeof. */
  readonly byteLength: number;
  readonly alignment: number;
  readonly fields: { readonly [Name in keyof Own]: Placed<Own[Name]> };
  readonly direction: Direction;
}

export type PlacedField = ScalarField | ArrayField | StructField;

/** A struct or union, before it is known for which word size. Made by {@link struct} and {@link union}. */
export class StructType<Own extends Members = Members> {
  readonly kind: 'struct' | 'union';
  /** Its C tag, without `struct`; '' for one that is only a member. */
  readonly name: string;
  readonly members: Own;
  /** Members follow one another without padding. */
  readonly isPacked: boolean;
  readonly #layouts: { 32: StructField<Own> | null; 64: StructField<Own> | null } = {
    32: null,
    64: null,
  };

  constructor(kind: 'struct' | 'union', name: string, members: Own, isPacked = false) {
    this.kind = kind;
    this.name = name;
    this.members = members;
    this.isPacked = isPacked;
  }

  /** The layout a guest of this word size uses; always the same object. */
  of(word: WordSize): StructField<Own> {
    const known = this.#layouts[word];
    if (known) return known;
    const made = placeStruct(this, 0, word, null) as StructField<Own>;
    this.#layouts[word] = made;
    return made;
  }
}

/**
 * A record of `members` in order, each aligned as C would.
 * @example const send = struct('evtchn_send', { port: u32 }); send.of(64).fields.port.get(view);
 */
export function struct<const Own extends Members>(name: string, members: Own): StructType<Own> {
  return new StructType('struct', name, members);
}

/** A record without padding between its members or at its end: C's `__attribute__((packed))`. */
export function packedStruct<const Own extends Members>(
  name: string,
  members: Own,
): StructType<Own> {
  return new StructType('struct', name, members, true);
}

/** A record whose members all start at its start. */
export function union<const Own extends Members>(name: string, members: Own): StructType<Own> {
  return new StructType('union', name, members);
}

/** A record whose members depend on the word size. */
export function structPair<Members32 extends Members, Members64 extends Members>(
  in32: StructType<Members32>,
  in64: StructType<Members64>,
): StructPair<Members32, Members64> {
  function of(word: 32): StructField<Members32>;
  function of(word: 64): StructField<Members64>;
  function of(word: WordSize): StructField<Members32> | StructField<Members64>;
  function of(word: WordSize): StructField<Members32> | StructField<Members64> {
    return word === 32 ? in32.of(32) : in64.of(64);
  }
  return { kind: 'pair', name: in64.name, 32: in32, 64: in64, of };
}

/** `length` items of `element`; the length may depend on the word size. */
export function array<Element extends LayoutType>(
  element: Element,
  length: number | ByWord,
): ArrayType<Element> {
  const lengths = typeof length === 'number' ? { 32: length, 64: length } : length;
  return { kind: 'array', element, lengths };
}

/** An argument the caller fills in. */
export function IN<Type extends LayoutType>(type: Type): Directed<Type> {
  return { kind: 'directed', type, direction: 'in' };
}

/** An argument the hypervisor fills in. */
export function OUT<Type extends LayoutType>(type: Type): Directed<Type> {
  return { kind: 'directed', type, direction: 'out' };
}

/** An argument the caller fills in and the hypervisor changes. */
export function IN_OUT<Type extends LayoutType>(type: Type): Directed<Type> {
  return { kind: 'directed', type, direction: 'inout' };
}

/** An integer of the same width for all guests; `alignment32` where i386 aligns it less, or an attribute more. */
function integer(name: string, width: number, isSigned: boolean, alignment32 = width): ScalarType {
  return {
    kind: 'scalar',
    name,
    widths: { 32: width, 64: width },
    alignments: { 32: alignment32, 64: width },
    isSigned,
  };
}

function word(name: string, isSigned: boolean): ScalarType {
  return {
    kind: 'scalar',
    name,
    widths: { 32: 4, 64: 8 },
    alignments: { 32: 4, 64: 8 },
    isSigned,
  };
}

export const u8: ScalarType = integer('uint8_t', 1, false);
export const u16: ScalarType = integer('uint16_t', 2, false);
export const u32: ScalarType = integer('uint32_t', 4, false);
export const u64: ScalarType = integer('uint64_t', 8, false, 4);
export const s8: ScalarType = integer('int8_t', 1, true);
export const s16: ScalarType = integer('int16_t', 2, true);
export const s32: ScalarType = integer('int32_t', 4, true);
export const s64: ScalarType = integer('int64_t', 8, true, 4);
/** Eight bytes, aligned to eight for guests of both word sizes. */
export const alignedU64: ScalarType = integer('uint64_aligned_t', 8, false, 8);
/** C's `unsigned long`: as wide as a pointer. */
export const ulong: ScalarType = word('unsigned long', false);
/** C's `long`. */
export const long: ScalarType = word('long', true);
/** A guest's pointer to data. */
export const pointer: ScalarType = word('void *', false);

/** The same integer under another C name. */
export function alias(name: string, type: ScalarType): ScalarType {
  return { ...type, name };
}

function alignmentOf(type: LayoutType, word: WordSize): number {
  switch (type.kind) {
    case 'scalar':
      return type.alignments[word];
    case 'array':
      return alignmentOf(type.element, word);
    default:
      return type.of(word).alignment;
  }
}

function place(
  type: LayoutType,
  offset: number,
  word: WordSize,
  direction: Direction,
): PlacedField {
  switch (type.kind) {
    case 'scalar':
      return new ScalarField(offset, type.widths[word], type.isSigned, direction);
    case 'array': {
      const element = place(type.element, offset, word, direction);
      const length = type.lengths[word];
      const stride = element.byteLength;
      return {
        kind: 'array',
        offset,
        byteLength: length * stride,
        length,
        stride,
        element,
        direction,
      };
    }
    case 'pair':
      return placeStruct(type[word], offset, word, direction);
    default:
      return placeStruct(type, offset, word, direction);
  }
}

function roundUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}

function placeStruct(
  type: StructType,
  offset: number,
  word: WordSize,
  direction: Direction,
): StructField {
  const fields: Record<string, PlacedField> = {};
  let end = 0;
  let alignment = 1;
  for (const [name, member] of Object.entries(type.members)) {
    const inner = member.kind === 'directed' ? member.type : member;
    const own = type.isPacked ? 1 : alignmentOf(inner, word);
    const start = type.kind === 'union' ? 0 : roundUp(end, own);
    const ownDirection = member.kind === 'directed' ? member.direction : direction;
    const field = place(inner, offset + start, word, ownDirection);
    fields[name] = field;
    end = Math.max(end, start + field.byteLength);
    alignment = Math.max(alignment, own);
  }
  const byteLength = roundUp(end, alignment);
  return { kind: 'struct', offset, byteLength, alignment, fields, direction };
}
