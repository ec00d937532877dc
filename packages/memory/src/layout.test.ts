import { describe, expect, it } from 'vitest';
import { FlatMemory, type Gpa, GuestAddressError } from './index.js';
import {
  alias,
  alignedU64,
  array,
  IN,
  IN_OUT,
  OUT,
  packedStruct,
  pointer,
  s8,
  s16,
  s32,
  s64,
  struct,
  structPair,
  u8,
  u16,
  u32,
  u64,
  ulong,
  union,
} from './layout.js';

const inner = struct('inner', { kind: u8, value: u64 });
const outer = struct('outer', {
  flag: u8,
  word: ulong,
  list: array(inner, 3),
  either: union('', { small: u16, big: array(u32, 2) }),
  tail: u8,
});

/** `[offset, byteLength]` of a record's members. */
function places(fields: object): Record<string, [number, number]> {
  return Object.fromEntries(
    Object.entries(fields as Record<string, { offset: number; byteLength: number }>).map(
      ([name, { offset, byteLength }]) => [name, [offset, byteLength]],
    ),
  );
}

describe('a layout', () => {
  it('aligns as x86-64 does for 64-bit guests', () => {
    const layout = outer.of(64);
    expect(places(layout.fields)).toEqual({
      flag: [0, 1],
      word: [8, 8],
      list: [16, 48],
      either: [64, 8],
      tail: [72, 1],
    });
    expect([layout.byteLength, layout.alignment]).toEqual([80, 8]);
  });

  it('aligns eight bytes to four for 32-bit guests, as i386 does', () => {
    const layout = outer.of(32);
    expect(places(layout.fields)).toEqual({
      flag: [0, 1],
      word: [4, 4],
      list: [8, 36],
      either: [44, 8],
      tail: [52, 1],
    });
    expect([layout.byteLength, layout.alignment]).toEqual([56, 4]);
  });

  it('counts offsets inside of records and arrays from the outermost record', () => {
    const { list, either } = outer.of(64).fields;
    expect([list.length, list.stride]).toEqual([3, 16]);
    expect(list.element.fields.value.offset).toBe(24);
    expect([either.fields.small.offset, either.fields.big.element.offset]).toEqual([64, 64]);
  });

  it('is the same object every time', () => {
    expect(outer.of(64)).toBe(outer.of(64));
    expect(outer.of(64)).not.toBe(outer.of(32));
  });

  it('aligns to eight in both word sizes where the type says so', () => {
    const layout = struct('', { a: u32, b: alignedU64 }).of(32);
    expect([layout.fields.b.offset, layout.byteLength]).toEqual([8, 16]);
  });

  it('leaves no holes if packed', () => {
    const layout = packedStruct('', { a: u8, b: u64, c: u32 }).of(64);
    expect([layout.fields.c.offset, layout.byteLength, layout.alignment]).toEqual([9, 13, 1]);
  });

  it('may have other members, and other lengths, in 32-bit guests', () => {
    const pair = structPair(struct('p', { a: u32, only: u32 }), struct('p', { a: u32 }));
    expect([pair.of(32).byteLength, pair.of(64).byteLength]).toEqual([8, 4]);
    const nested = struct('n', { first: u8, p: pair, list: array(pointer, { 32: 5, 64: 1 }) });
    expect(places(nested.of(32).fields)).toEqual({ first: [0, 1], p: [4, 8], list: [12, 20] });
    expect(places(nested.of(64).fields)).toEqual({ first: [0, 1], p: [4, 4], list: [8, 8] });
  });

  it('takes no room for an array of no items', () => {
    const layout = struct('', { length: u32, bytes: array(u8, 0) }).of(64);
    expect([layout.byteLength, layout.fields.bytes.offset]).toEqual([4, 4]);
  });

  it('says of each member, and of what is in it, who writes it', () => {
    const { fields } = struct('', {
      a: IN(u32),
      b: OUT(struct('', { c: u8, d: IN_OUT(u8) })),
      e: u8,
    }).of(64);
    expect(fields.a.direction).toBe('in');
    expect(fields.b.direction).toBe('out');
    expect(fields.b.fields.c.direction).toBe('out');
    expect(fields.b.fields.d.direction).toBe('inout');
    expect(fields.e.direction).toBeNull();
  });

  it('keeps the integer of an alias', () => {
    expect(alias('domid_t', u16)).toEqual({ ...u16, name: 'domid_t' });
  });
});

const scalars = struct('scalars', { u8, s8, u16, s16, u32, s32, u64, s64 });
const { fields } = scalars.of(64);
const extremes: readonly [keyof typeof fields, readonly number[]][] = [
  ['u8', [0, 1, 0x80, 0xff]],
  ['s8', [0, -1, -0x80, 0x7f]],
  ['u16', [0, 0x8000, 0xffff]],
  ['s16', [0, -1, -0x8000, 0x7fff]],
  ['u32', [0, 0x8000_0000, 0xffff_ffff]],
  ['s32', [0, -1, -0x8000_0000, 0x7fff_ffff]],
  ['u64', [0, 1, 0xffff_ffff, 0x1_0000_0000, Number.MAX_SAFE_INTEGER]],
  ['s64', [0, -1, -0x8000_0000_0000, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]],
];

describe.each(extremes)('a field of type %s', (name, values) => {
  const field = fields[name];

  it('gives back from a DataView what was set, and touches nothing else', () => {
    for (const value of values) {
      const view = new DataView(new ArrayBuffer(100));
      field.set(view, 16, value);
      expect(field.get(view, 16)).toBe(value);
      expect(field.getBig(view, 16)).toBe(BigInt(value));
      const other = new DataView(new ArrayBuffer(100));
      other.setBigUint64(0, field.getBig(view, 16) & 0xffff_ffff_ffff_ffffn, true);
      const stored = new Uint8Array(view.buffer, 16 + field.offset, field.byteLength);
      expect(stored).toEqual(new Uint8Array(other.buffer, 0, field.byteLength));
      stored.fill(0);
      expect(new Uint8Array(view.buffer).every((byte) => byte === 0)).toBe(true);
    }
  });

  it('gives back from guest memory what was written, in the same bytes', () => {
    for (const value of values) {
      const memory = new FlatMemory(128);
      const view = new DataView(memory.bytes.buffer);
      field.write(memory, 32 as Gpa, value);
      expect(field.read(memory, 32 as Gpa)).toBe(value);
      expect(field.get(view, 32)).toBe(value);
    }
  });

  it('has halves that make up its value', () => {
    for (const value of values) {
      const view = new DataView(new ArrayBuffer(64));
      field.set(view, 0, value);
      const [low, high] = [field.getLow(view), field.getHigh(view)];
      expect(BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low))).toBe(BigInt(value));
      const copy = new DataView(new ArrayBuffer(64));
      field.setHalves(copy, 0, low, high);
      expect(field.get(copy)).toBe(value);
      const exact = new DataView(new ArrayBuffer(64));
      field.setBig(exact, 0, BigInt(value));
      expect(field.get(exact)).toBe(value);
    }
  });

  it('refuses guest memory it does not have', () => {
    const memory = new FlatMemory(fields.s64.offset + 7);
    const at = (memory.byteLength - field.offset - field.byteLength + 1) as Gpa;
    expect(() => field.read(memory, at)).toThrow(GuestAddressError);
    expect(() => field.write(memory, at, 0)).toThrow(GuestAddressError);
  });
});

describe('a field of eight bytes', () => {
  it('never looks smaller than 2^53 when it is larger', () => {
    const view = new DataView(new ArrayBuffer(64));
    for (const value of [2n ** 53n, 2n ** 53n + 1n, 2n ** 64n - 1n, 2n ** 63n]) {
      fields.u64.setBig(view, 0, value);
      expect(fields.u64.get(view)).toBeGreaterThanOrEqual(2 ** 53);
      expect(fields.u64.getBig(view)).toBe(value);
    }
  });
});
