import { describe, expect, it } from 'vitest';
import type { Gpa } from './address.js';
import { FlatMemory } from './flat-memory.js';
import { GuestAddressError } from './guest-memory.js';

const gpa = (n: number): Gpa => n as Gpa;

describe('FlatMemory', () => {
  it('reads back what was written, little-endian and unsigned', () => {
    const memory = new FlatMemory(64);
    memory.writeU32(gpa(3), 0xfedcba98);
    expect(memory.readU32(gpa(3))).toBe(0xfedcba98);
    expect(memory.readU16(gpa(3))).toBe(0xba98);
    expect(memory.readU8(gpa(6))).toBe(0xfe);
    memory.writeU16(gpa(62), 0x1ffff);
    expect(memory.readU16(gpa(62))).toBe(0xffff);
    memory.writeU8(gpa(0), -1);
    expect([...memory.bytes.subarray(0, 2)]).toEqual([0xff, 0]);
  });

  it('copies whole ranges in and out', () => {
    const memory = new FlatMemory(new Uint8Array(8));
    memory.copyTo(gpa(5), Uint8Array.of(1, 2, 3));
    const out = new Uint8Array(4);
    memory.copyFrom(gpa(4), out);
    expect([...out]).toEqual([0, 1, 2, 3]);
    memory.copyTo(gpa(8), new Uint8Array(0));
  });

  it('covers a view into a bigger buffer, not the buffer', () => {
    const buffer = new Uint8Array(32);
    const memory = new FlatMemory(buffer.subarray(8, 16));
    memory.writeU8(gpa(0), 7);
    expect(buffer[8]).toBe(7);
    expect(memory.byteLength).toBe(8);
    expect(() => memory.readU8(gpa(8))).toThrow(GuestAddressError);
  });

  it('shows the bytes themselves, or nothing outside of RAM', () => {
    const memory = new FlatMemory(16);
    memory.view(gpa(4), 8)?.fill(5);
    memory.written(gpa(4), 8);
    expect([memory.readU8(gpa(3)), memory.readU8(gpa(11)), memory.readU8(gpa(12))]).toEqual([
      0, 5, 0,
    ]);
    expect(memory.view(gpa(16), 0)).toHaveLength(0);
    for (const at of [9, -1, 0.5, 2 ** 53, Number.NaN]) expect(memory.view(gpa(at), 8)).toBeNull();
  });

  it('throws GuestAddressError for any access that leaves RAM, and changes nothing', () => {
    const memory = new FlatMemory(16);
    const outside: (() => unknown)[] = [
      () => memory.readU8(gpa(16)),
      () => memory.readU16(gpa(15)),
      () => memory.readU32(gpa(13)),
      () => memory.writeU32(gpa(13), 0x01010101),
      () => memory.copyTo(gpa(15), Uint8Array.of(1, 1)),
      () => memory.copyFrom(gpa(-1), new Uint8Array(1)),
      () => memory.readU8(gpa(Number.NaN)),
      () => memory.readU8(gpa(0.5)),
      () => memory.copyTo(gpa(2 ** 53), Uint8Array.of(1)),
    ];
    for (const access of outside) expect(access).toThrow(GuestAddressError);
    expect(memory.bytes.every((byte) => byte === 0)).toBe(true);
  });
});
