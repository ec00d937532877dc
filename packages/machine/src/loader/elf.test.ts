import { describe, expect, it } from 'vitest';
import { PT_NOTE, parseElf } from './elf.js';
import { elfNotes } from './elf-note.js';
import { elfSymbols } from './elf-symbol.js';
import { ImageError } from './load-error.js';
import { buildElf, buildNotes } from './testing/elf-builder.js';

const description = Uint8Array.of(0x78, 0x56, 0x34, 0x12, 0, 0, 0, 0);
const notes = buildNotes([
  { owner: 'GNU', type: 1, description: Uint8Array.of(1, 2, 3) },
  { owner: 'Xen', type: 18, description },
]);

function build(bits: 32 | 64): Uint8Array {
  return buildElf({
    bits,
    entry: 0x101000,
    segments: [
      {
        vaddr: bits === 64 ? -0x7f000000 : 0xc1000000,
        paddr: 0x1000000,
        bytes: Uint8Array.of(1, 2, 3, 4),
        memorySize: 0x2000,
      },
      { vaddr: 0, paddr: 0, bytes: notes, type: PT_NOTE },
    ],
    symbols: [
      { name: 'start', address: bits === 64 ? -0x7f000000 : 0xc1000000 },
      { name: 'end', address: 0x5000 },
    ],
  });
}

describe.each([32, 64] as const)('ELF%i', (bits) => {
  it('gives its headers, with high linear addresses as signed canonical values in ELF64', () => {
    const elf = parseElf(build(bits));
    expect(elf).toMatchObject({ bits, machine: bits === 64 ? 62 : 3, type: 2, entry: 0x101000 });
    expect(elf.segments[0]).toMatchObject({
      type: 1,
      flags: 7,
      vaddr: bits === 64 ? -0x7f000000 : 0xc1000000,
      paddr: 0x1000000,
      fileSize: 4,
      memorySize: 0x2000,
    });
    expect(elf.sections.map(({ name }) => name)).toEqual(['', '.symtab', '.strtab']);
  });

  it('gives its notes and symbols', () => {
    const elf = parseElf(build(bits));
    expect(elfNotes(elf).map(({ owner, type }) => [owner, type])).toEqual([
      ['GNU', 1],
      ['Xen', 18],
    ]);
    expect(elfNotes(elf)[1].description).toEqual(description);
    expect(elfSymbols(elf)).toEqual([
      { name: 'start', address: bits === 64 ? -0x7f000000 : 0xc1000000, byteLength: 0, type: 2 },
      { name: 'end', address: 0x5000, byteLength: 0, type: 2 },
    ]);
  });

  it('is truncated wherever a header or a segment is cut off, and says so', () => {
    const whole = build(bits);
    const end = parseElf(whole).segments[1].offset + notes.length;
    for (let length = 4; length < end; length++) {
      expect(() => parseElf(whole.subarray(0, length), 'vmlinux')).toThrow(
        /^vmlinux is truncated: .* at offset 0x/,
      );
    }
    // Sections are not needed to boot.
    expect(parseElf(whole.subarray(0, end)).sections).toEqual([]);
  });

  it('never fails but with an ImageError when bytes are damaged', () => {
    const whole = build(bits);
    let seed = 3;
    for (let round = 0; round < 3000; round++) {
      const damaged = whole.slice();
      for (let n = 0; n < 4; n++) {
        seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
        damaged[(seed >>> 8) % damaged.length] = seed >>> 24;
      }
      try {
        const elf = parseElf(damaged);
        expect(elfNotes(elf).length).toBeLessThanOrEqual(1024);
        elfSymbols(elf);
      } catch (error) {
        expect(error).toBeInstanceOf(ImageError);
      }
    }
  });
});

describe('parseElf', () => {
  function codeWith(change: (bytes: Uint8Array) => void): string {
    const bytes = build(64);
    change(bytes);
    try {
      parseElf(bytes);
    } catch (error) {
      return error instanceof ImageError ? error.code : String(error);
    }
    return 'none';
  }

  it('refuses what is not an x86 executable', () => {
    expect(codeWith((b) => b.fill(0, 0, 4))).toBe('not-an-image');
    expect(codeWith((b) => b.fill(183, 18, 19))).toBe('unsupported'); // AArch64
    expect(codeWith((b) => b.fill(2, 5, 6))).toBe('unsupported'); // big-endian
    expect(codeWith((b) => b.fill(1, 16, 17))).toBe('unsupported'); // relocatable object
    expect(codeWith((b) => b.fill(9, 4, 5))).toBe('malformed'); // class
    expect(codeWith((b) => b.fill(0xff, 24, 30))).toBe('malformed'); // entry not canonical
  });

  it('refuses a segment with more bytes in the file than in memory', () => {
    expect(codeWith((b) => b.fill(0, 64 + 40, 64 + 48))).toBe('malformed');
  });
});
