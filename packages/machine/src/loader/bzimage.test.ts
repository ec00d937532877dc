import { FlatMemory, type Gpa } from '@proxeny/memory';
import { describe, expect, it } from 'vitest';
import { loadImage, sniffImage } from './image.js';
import { ImageError } from './load-error.js';
import type { LoadRequest } from './load-request.js';
import { parseSetupHeader } from './setup-header.js';
import { buildBzImage, SETUP_SIZE } from './testing/bzimage-builder.js';

const MIB = 0x100000;
const kernel = Uint8Array.from({ length: 0x400 }, (_, i) => i * 7);
const at = (address: number): Gpa => address as Gpa;

function load(ramMib: number, request: LoadRequest) {
  const memory = new FlatMemory(ramMib * MIB);
  return { memory, ...loadImage(memory, request) };
}

function codeOf(ramMib: number, request: LoadRequest): string {
  try {
    load(ramMib, request);
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

describe('a 32-bit bzImage', () => {
  const image = buildBzImage({ kernel });

  it('is loaded at its preferred address and entered flat with the zero page in ESI', () => {
    const { memory, entry, protocol } = load(32, { image, commandLine: 'console=ttyS0 quiet' });
    expect(sniffImage(image)).toBe('bzimage');
    expect(protocol).toBe('linux32');
    expect(entry).toMatchObject({
      mode: 'protected32',
      rip: 16 * MIB,
      cs: { selector: 0x10, base: 0, limit: 0xffffffff },
      data: { selector: 0x18, base: 0, limit: 0xffffffff },
    });
    expect(entry.cr3).toBeUndefined();
    expect(memory.bytes.subarray(16 * MIB, 16 * MIB + kernel.length)).toEqual(kernel);
    const zeroPage = entry.registers.rsi ?? 0;
    expect(memory.readU32(at(zeroPage + 0x202))).toBe(0x53726448);
    expect(memory.readU16(at(zeroPage + 0x206))).toBe(0x020f);
    expect(memory.readU8(at(zeroPage + 0x210))).toBe(0xff);
    expect(memory.readU32(at(zeroPage + 0x214))).toBe(16 * MIB);
    expect(text(memory, memory.readU32(at(zeroPage + 0x228)))).toBe('console=ttyS0 quiet');
    // Nothing in front of the setup header is copied from the boot sector.
    expect(memory.readU32(at(zeroPage + 0x218))).toBe(0);
  });

  it('finds the memory map of a PC in the zero page', () => {
    const { memory, entry } = load(32, { image, acpiRsdp: 0xf0010 });
    const zeroPage = entry.registers.rsi ?? 0;
    const count = memory.readU8(at(zeroPage + 0x1e8));
    const map = Array.from({ length: count }, (_, i) =>
      [0, 8, 16].map((offset) => memory.readU32(at(zeroPage + 0x2d0 + i * 20 + offset))),
    );
    expect(map.slice(0, 4)).toEqual([
      [0, 0x9fc00, 1],
      [0x9fc00, 0x400, 2],
      [0xe0000, 0x20000, 2],
      [MIB, 31 * MIB, 1],
    ]);
    expect(memory.readU32(at(zeroPage + 0x70))).toBe(0xf0010);
    expect(memory.readU32(at(zeroPage + 0x1e0))).toBe(31 * 1024);
    expect(memory.readU16(at(0x40e))).toBe(0x9fc0);
  });

  it('has a GDT with flat code and data where the entry says', () => {
    const { memory, entry } = load(32, { image });
    const gdt = entry.gdt?.base ?? 0;
    expect(entry.gdt?.limit).toBe(31);
    const descriptor = (index: number): number[] =>
      [0, 4].map((offset) => memory.readU32(at(gdt + index * 8 + offset)));
    expect(descriptor(0)).toEqual([0, 0]);
    expect(descriptor(2)).toEqual([0xffff, 0x00cf9b00]);
    expect(descriptor(3)).toEqual([0xffff, 0x00cf9300]);
  });

  it('gets its initrd as high as RAM and initrd_addr_max allow, page-aligned', () => {
    const initrd = new Uint8Array(0x1801).fill(0xa5);
    const high = load(32, { image, initrd });
    const zeroPage = high.entry.registers.rsi ?? 0;
    expect(high.memory.readU32(at(zeroPage + 0x218))).toBe(32 * MIB - 0x2000);
    expect(high.memory.readU32(at(zeroPage + 0x21c))).toBe(0x1801);
    expect(high.memory.readU8(at(32 * MIB - 0x2000 + 0x1800))).toBe(0xa5);
    const bounded = buildBzImage({ kernel, initrdAddrMax: 20 * MIB - 1 });
    const low = load(32, { image: bounded, initrd });
    expect(low.placed.find(({ what }) => what === 'initrd')?.start).toBe(20 * MIB - 0x2000);
  });

  it('gets its initrd below the kernel when there is no room above it', () => {
    const { placed } = load(17, { image, initrd: new Uint8Array(4 * MIB) });
    expect(placed.map(({ start, end }) => [start, end])).toEqual([
      [16 * MIB, 17 * MIB],
      [12 * MIB, 16 * MIB],
    ]);
  });

  it('says what does not fit and what to do', () => {
    expect(() => load(16, { image })).toThrow(
      'kernel needs memory up to 0x1100000 just to start, the machine has 16 MiB; give it at least 17 MiB',
    );
    expect(codeOf(16, { image })).toBe('memory-too-small');
    expect(codeOf(1, { image })).toBe('memory-too-small');
    const initrd = new Uint8Array(16 * MIB);
    expect(codeOf(17, { image, initrd })).toBe('initrd-does-not-fit');
    expect(() => load(17, { image, initrd })).toThrow(
      /initrd \(16 MiB\) does not fit into 17 MiB .* give the machine more memory/,
    );
    expect(codeOf(32, { image, commandLine: 'x'.repeat(2048) })).toBe('command-line-too-long');
    expect(codeOf(32, { image, commandLine: 'x'.repeat(2047) })).toBe('none');
    expect(codeOf(32, { image, commandLine: 'a\0b' })).toBe('malformed');
    expect(codeOf(32, { image, protocol: 'linux64' })).toBe('unsupported');
    expect(codeOf(32, { image, protocol: 'pvh' })).toBe('unsupported');
  });

  it('is truncated wherever it is cut off behind its boot sector', () => {
    for (const length of [0x210, 0x260, SETUP_SIZE - 1, SETUP_SIZE, image.length - 16]) {
      expect(codeOf(32, { image: image.subarray(0, length) })).toBe('truncated');
    }
    // Paragraphs are rounded up: a kernel may end up to 15 bytes early.
    expect(codeOf(32, { image: image.subarray(0, image.length - 15) })).toBe('none');
  });

  it('that is not relocatable is loaded at code32_start', () => {
    const fixed = buildBzImage({ kernel, relocatable: false, prefAddress: MIB });
    const { entry, placed } = load(8, { image: fixed });
    expect(entry.rip).toBe(MIB);
    expect(placed).toEqual([{ what: 'kernel', start: MIB, end: 2 * MIB }]);
  });
});

describe('a 64-bit bzImage', () => {
  const image = buildBzImage({ kernel, xloadflags: 1 });

  it('is entered in long mode 0x200 behind its start, on an identity map of 4 GiB', () => {
    const { memory, entry, protocol } = load(32, { image });
    expect(protocol).toBe('linux64');
    expect(entry).toMatchObject({ mode: 'long64', rip: 16 * MIB + 0x200 });
    const gdt = entry.gdt?.base ?? 0;
    expect(memory.readU32(at(gdt + 0x14))).toBe(0x00af9b00); // L = 1, D = 0
    // Walk the tables as the CPU does, for a few linear addresses.
    const physical = (linear: number): number => {
      const pml4e = memory.readU32(at(entry.cr3 ?? 0));
      expect(pml4e & 0xfff).toBe(3);
      const pdpte = memory.readU32(at((pml4e & ~0xfff) + Math.floor(linear / 2 ** 30) * 8));
      expect(pdpte & 0xfff).toBe(3);
      const index = Math.floor(linear / 2 ** 21) % 512;
      const pde = memory.readU32(at((pdpte & ~0xfff) + index * 8));
      expect(pde & 0xfff).toBe(0x83);
      return (pde & ~0x1fffff) >>> 0;
    };
    for (const page of [0, 1, 511, 512, 1500, 2047]) {
      expect(physical(page * 0x200000)).toBe(page * 0x200000);
    }
  });

  it('can also be entered by its 32-bit entry point', () => {
    const { entry } = load(32, { image, protocol: 'linux32' });
    expect(entry).toMatchObject({ mode: 'protected32', rip: 16 * MIB });
  });
});

describe('old boot protocols', () => {
  it('a zImage is loaded at 0x1000, boot data above it', () => {
    const image = buildBzImage({ kernel, version: 0x0203, loadflags: 0 });
    const { memory, entry } = load(8, { image, commandLine: 'root=/dev/hda1' });
    expect(entry.rip).toBe(0x1000);
    expect(memory.bytes.subarray(0x1000, 0x1000 + kernel.length)).toEqual(kernel);
    expect(entry.registers.rsi).toBeGreaterThanOrEqual(0x80000);
  });

  it('2.01 takes its command line by magic number and offset', () => {
    const image = buildBzImage({ kernel, version: 0x0201 });
    const { memory, entry } = load(8, { image, commandLine: 'auto' });
    const zeroPage = entry.registers.rsi ?? 0;
    expect(entry.rip).toBe(MIB);
    expect(memory.readU16(at(zeroPage + 0x20))).toBe(0xa33f);
    expect(text(memory, zeroPage + memory.readU16(at(zeroPage + 0x22)))).toBe('auto');
  });

  it('fields newer than the protocol are not read', () => {
    const header = parseSetupHeader(buildBzImage({ kernel, version: 0x0204, xloadflags: 1 }));
    expect(header).toMatchObject({ relocatable: false, cmdlineSize: 255, xloadflags: 0 });
    expect(header.kernelVersion).toBe('1.2.3 test');
  });
});

describe('required CPU features', () => {
  const has =
    (...names: string[]) =>
    (name: string) =>
      names.includes(name);

  it('come from the setup code and are named when the CPU model lacks them', () => {
    const image = buildBzImage({ kernel, features: ['fpu', 'pae', 'cx8'] });
    expect(codeOf(32, { image, hasCpuFeature: has('fpu', 'pae', 'cx8') })).toBe('none');
    expect(() => load(32, { image, hasCpuFeature: has('fpu') })).toThrow(
      /needs the CPU features pae, cx8, which the chosen CPU model lacks/,
    );
  });

  it('of a 64-bit kernel include lm even without that table', () => {
    const image = buildBzImage({ kernel, xloadflags: 1 });
    expect(codeOf(32, { image, hasCpuFeature: has('fpu') })).toBe('cpu-feature-missing');
    expect(() => load(32, { image, hasCpuFeature: has() })).toThrow(/"lm" is 64-bit mode/);
  });
});
