import { gzipSync } from 'node:zlib';
import { FlatMemory, type Gpa } from '@proxeny/memory';
import { describe, expect, it } from 'vitest';
import { PT_NOTE } from './elf.js';
import { loadImage, sniffImage } from './image.js';
import { ImageError } from './load-error.js';
import type { LoadRequest } from './load-request.js';
import { buildBzImage } from './testing/bzimage-builder.js';
import { type BuiltSegment, buildElf, buildNotes } from './testing/elf-builder.js';

const MIB = 0x100000;
const code = Uint8Array.of(0xfa, 0xf4, 0xeb, 0xfd);
const at = (address: number): Gpa => address as Gpa;

function load(ramMib: number, request: LoadRequest) {
  const memory = new FlatMemory(ramMib * MIB);
  memory.bytes.fill(0xcc, MIB); // so that zeroing is seen
  return { memory, ...loadImage(memory, request) };
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof ImageError) return error.code;
    throw error;
  }
  return 'none';
}

function text(memory: FlatMemory, from: number): string {
  const end = memory.bytes.indexOf(0, from);
  return new TextDecoder().decode(memory.bytes.subarray(from, end));
}

function multibootHeader(flags: number, ...fields: number[]): Uint8Array {
  const words = [0x1badb002, flags, -(0x1badb002 + flags) >>> 0, ...fields];
  return new Uint8Array(Uint32Array.from(words).buffer);
}

function pvhElf(bits: 32 | 64, entry: number, kernel: BuiltSegment): Uint8Array {
  const description = new Uint8Array(Uint32Array.of(entry, 0).buffer).subarray(0, bits / 8);
  const notes = buildNotes([{ owner: 'Xen', type: 18, description }]);
  const note = { vaddr: 0, paddr: 0, bytes: notes, type: PT_NOTE };
  return buildElf({ bits, entry: kernel.paddr, segments: [kernel, note] });
}

describe('a PVH image', () => {
  const kernel = { vaddr: -0x7f000000, paddr: 2 * MIB, bytes: code, memorySize: 0x3000 };
  const image = pvhElf(64, 2 * MIB + 2, kernel);

  it('is entered at its note with hvm_start_info in EBX, its bss zeroed', () => {
    const initrd = new Uint8Array(100).fill(7);
    const request = { image, initrd, commandLine: 'quiet', acpiRsdp: 0xf5000 };
    const { memory, entry, protocol } = load(8, request);
    expect(sniffImage(image)).toBe('pvh');
    expect(protocol).toBe('pvh');
    expect(entry).toMatchObject({ mode: 'protected32', rip: 2 * MIB + 2 });
    expect(memory.bytes.subarray(2 * MIB, 2 * MIB + 4)).toEqual(code);
    expect(memory.bytes.subarray(2 * MIB + 4, 2 * MIB + 0x3000).every((b) => b === 0)).toBe(true);
    expect(memory.readU8(at(2 * MIB + 0x3000))).toBe(0xcc);
    const info = entry.registers.rbx ?? 0;
    const field = (offset: number): number => memory.readU32(at(info + offset));
    expect([field(0), field(4), field(8), field(12)]).toEqual([0x336ec578, 1, 0, 1]);
    expect(memory.readU32(at(field(16)))).toBe(8 * MIB - 4096);
    expect(memory.readU32(at(field(16) + 8))).toBe(100);
    expect(text(memory, field(24))).toBe('quiet');
    expect(field(32)).toBe(0xf5000);
    const map = field(40);
    expect([0, 8, 16].map((offset) => memory.readU32(at(map + offset)))).toEqual([0, 0x9fc00, 1]);
    expect(field(48)).toBe(7);
  });

  it('may be the payload of a bzImage', () => {
    const payload = new Uint8Array(gzipSync(image));
    const bz = buildBzImage({ kernel: payload, payload: [0, payload.length], xloadflags: 1 });
    const { entry, memory } = load(8, { image: bz, protocol: 'pvh' });
    expect(entry.rip).toBe(2 * MIB + 2);
    expect(memory.bytes.subarray(2 * MIB, 2 * MIB + 4)).toEqual(code);
  });

  it('is refused when its entry point lies outside of its segments', () => {
    const wild = pvhElf(32, 0x7000, kernel);
    expect(codeOf(() => load(8, { image: wild }))).toBe('outside-ram');
  });
});

describe('a Multiboot image', () => {
  const elf = buildElf({
    bits: 32,
    entry: 0xc0100010,
    segments: [
      { vaddr: 0xc0100000, paddr: MIB, bytes: multibootHeader(3), memorySize: 0x1000 },
      { vaddr: 0xc0101000, paddr: MIB + 0x1000, bytes: code },
    ],
  });

  it('is entered at the physical address of its entry point with its information in EBX', () => {
    const modules = [{ bytes: Uint8Array.of(1, 2, 3), commandLine: 'bootstrap.gz arg' }];
    const request = { image: elf, imageName: 'mach', commandLine: 'console=com0', modules };
    const { memory, entry } = load(8, request);
    expect(sniffImage(elf)).toBe('multiboot');
    expect(entry).toMatchObject({ mode: 'protected32', rip: MIB + 0x10 });
    expect(entry.registers.rax).toBe(0x2badb002);
    const info = entry.registers.rbx ?? 0;
    const field = (offset: number): number => memory.readU32(at(info + offset));
    expect([field(0), field(4), field(8)]).toEqual([0x24d, 639, 7 * 1024]);
    expect(text(memory, field(16))).toBe('mach console=com0');
    expect(field(20)).toBe(1);
    const [start, end, line] = [0, 4, 8].map((o) => memory.readU32(at(field(24) + o)));
    expect(memory.bytes.subarray(start, end)).toEqual(Uint8Array.of(1, 2, 3));
    expect(start % 4096).toBe(0);
    expect(text(memory, line)).toBe('bootstrap.gz arg');
    expect(memory.readU32(at(field(48)))).toBe(20);
    expect(field(44) % 24).toBe(0);
    expect(text(memory, field(64))).toBe('Proxeny');
  });

  it('may say itself where it goes, without ELF headers', () => {
    const header = multibootHeader(0x10000, MIB + 4, MIB, MIB + 48, MIB + 0x100, MIB + 40);
    const image = Uint8Array.from([9, 9, 9, 9, ...header, ...new Uint8Array(200).fill(5)]);
    const { memory, entry, placed } = load(4, { image });
    expect(entry.rip).toBe(MIB + 40);
    expect(placed).toEqual([{ what: 'image', start: MIB, end: MIB + 0x100 }]);
    expect(memory.bytes.subarray(MIB, MIB + 48)).toEqual(image.subarray(0, 48));
    expect(memory.bytes.subarray(MIB + 48, MIB + 0x100).every((b) => b === 0)).toBe(true);
    expect(memory.readU8(at(MIB + 0x100))).toBe(0xcc);
  });

  it('is refused when it requires what we do not have, or impossible addresses', () => {
    const refused = (header: Uint8Array): string =>
      codeOf(() => load(4, { image: Uint8Array.from([...header, ...new Uint8Array(64)]) }));
    expect(refused(multibootHeader(8))).toBe('unsupported');
    expect(refused(multibootHeader(4, 0, 0, 0, 0, 0, 0))).toBe('unsupported'); // graphics
    expect(refused(multibootHeader(0x10000, MIB, MIB + 4, 0, 0, MIB))).toBe('malformed');
    expect(refused(multibootHeader(0x10000, MIB, MIB, MIB + 4000, 0, MIB))).toBe('truncated');
    expect(refused(multibootHeader(0x10000, 9 * MIB, 9 * MIB, 0, 0, 9 * MIB))).toBe(
      'memory-too-small',
    );
    expect(refused(multibootHeader(0x10000, 0xa0000, 0xa0000, 0, 0, 0xa0000))).toBe('outside-ram');
    expect(refused(multibootHeader(0))).toBe('malformed'); // neither addresses nor ELF
  });
});

describe('a plain ELF image', () => {
  it.each([
    [32, 'protected32'],
    [64, 'long64'],
  ] as const)('of %i bits is entered in %s mode with a stack', (bits, mode) => {
    const segments = [{ vaddr: MIB, paddr: MIB, bytes: code }];
    const image = buildElf({ bits, entry: MIB + 1, segments });
    const { entry } = load(4, { image });
    expect(sniffImage(image)).toBe('elf');
    expect(entry).toMatchObject({ mode, rip: MIB + 1 });
    expect(entry.cr3 !== undefined).toBe(bits === 64);
    expect(entry.registers.rsp).toBeGreaterThan(0x4000);
  });

  it('may lie in low memory: boot data is put beside it', () => {
    const bytes = new Uint8Array(0x20000).fill(0x90);
    const image = buildElf({
      bits: 32,
      entry: 0x1000,
      segments: [{ vaddr: 0x1000, paddr: 0x1000, bytes: bytes.subarray(0, 0xf000) }],
    });
    const { memory, entry } = load(4, { image });
    expect(memory.bytes.subarray(0x1000, 0x10000)).toEqual(bytes.subarray(0, 0xf000));
    expect(entry.registers.rsi).toBeGreaterThanOrEqual(0x10000);
  });

  it('is refused where a PC has no RAM, with the segment named', () => {
    const elf = (paddr: number, memorySize: number): Uint8Array =>
      buildElf({
        bits: 32,
        entry: paddr,
        segments: [{ vaddr: paddr, paddr, bytes: code, memorySize }],
      });
    expect(codeOf(() => load(4, { image: elf(0xa0000, 16) }))).toBe('outside-ram');
    expect(codeOf(() => load(4, { image: elf(0xfee00000, 16) }))).toBe('outside-ram');
    expect(codeOf(() => load(4, { image: elf(MIB, 0x7fffffff) }))).toBe('memory-too-small');
    expect(() => load(4, { image: elf(3 * MIB, 2 * MIB) })).toThrow(
      'kernel: segment 0 needs memory up to 0x500000, the machine has 4 MiB; give it at least 5 MiB',
    );
  });
});

describe('firmware', () => {
  const image = new Uint8Array(0x40000).fill(0x11);
  image.set([0xea, 0x5b, 0xe0, 0x00, 0xf0], 0x3fff0);
  image[0x20000] = 0x77;

  it('is mapped below 4 GiB, shadowed below 1 MiB and entered at the reset vector', () => {
    const { memory, entry, roms } = load(4, { image });
    expect(sniffImage(image)).toBe('firmware');
    expect(entry).toMatchObject({
      mode: 'real',
      rip: 0xfff0,
      cs: { selector: 0xf000, base: 0xffff0000, limit: 0xffff },
    });
    expect(roms).toEqual([{ start: 0xfffc0000, bytes: image }]);
    expect(memory.readU8(at(0xe0000))).toBe(0x77);
    expect(memory.readU8(at(0xffff0))).toBe(0xea);
  });
});

describe('loadImage', () => {
  it('unpacks a compressed image first', () => {
    const elf = buildElf({
      bits: 32,
      entry: MIB,
      segments: [{ vaddr: MIB, paddr: MIB, bytes: code }],
    });
    const image = new Uint8Array(gzipSync(elf));
    expect(sniffImage(image)).toBe('compressed');
    expect(load(4, { image }).entry.rip).toBe(MIB);
    const twice = new Uint8Array(gzipSync(image));
    expect(() => load(4, { image: twice })).toThrow(/compressed twice/);
  });

  it.each([
    ['', /vmlinuz is empty/],
    ['#!/bin/sh\n', /it is a script/],
    ['root=/dev/sda1 ro\n', /it is a text file/],
    ['070701000000', /cpio archive: give it as initrd/],
    ['!<arch>\ndebian-binary', /Debian package/],
    ['\0\0\0\0\0\0\0\0', /it starts with zeros/],
    ['MZ\x90\0', /DOS or EFI program/],
  ])('says what %j looks like instead of a kernel', (content, message) => {
    const image = Uint8Array.from(content, (character) => character.charCodeAt(0));
    const action = (): unknown => load(4, { image, imageName: 'vmlinuz' });
    expect(codeOf(action)).toBe('not-an-image');
    expect(action).toThrow(message);
  });
});
