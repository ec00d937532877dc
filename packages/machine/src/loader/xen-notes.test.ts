import {
  XEN_ELFNOTE_ENTRY,
  XEN_ELFNOTE_FEATURES,
  XEN_ELFNOTE_HV_START_LOW,
  XEN_ELFNOTE_INIT_P2M,
  XEN_ELFNOTE_L1_MFN_VALID,
  XEN_ELFNOTE_PAE_MODE,
  XEN_ELFNOTE_PHYS32_ENTRY,
  XEN_ELFNOTE_PHYS32_RELOC,
  XEN_ELFNOTE_SUPPORTED_FEATURES,
  XEN_ELFNOTE_VIRT_BASE,
} from '@proxeny/abi';
import { describe, expect, it } from 'vitest';
import { PT_NOTE, parseElf, SHT_NOTE } from './elf.js';
import { ImageError } from './load-error.js';
import { buildElf, buildNotes } from './testing/elf-builder.js';
import { xenNotes } from './xen-notes.js';

const code = Uint8Array.of(0xf4);
const kernel = { vaddr: 0x100000, paddr: 0x100000, bytes: code };

function u64(value: bigint): Uint8Array {
  return new Uint8Array(BigUint64Array.of(value).buffer);
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(`${value}\0`);
}

type Note = [type: number, description: Uint8Array];

function notesBytes(notes: readonly Note[], owner = 'Xen'): Uint8Array {
  return buildNotes(notes.map(([type, description]) => ({ owner, type, description })));
}

function read(bits: 32 | 64, ...notes: Note[]) {
  const note = { vaddr: 0, paddr: 0, bytes: notesBytes(notes), type: PT_NOTE };
  return xenNotes(parseElf(buildElf({ bits, entry: 0, segments: [kernel, note] }), 'kernel'));
}

function guestString(bits: 32 | 64, value: string, ...segmentNotes: Note[]) {
  const bytes = buildElf({
    bits,
    entry: 0,
    segments: [
      kernel,
      { vaddr: 0, paddr: 0, bytes: notesBytes(segmentNotes, 'name'), type: PT_NOTE },
    ],
    sections: [{ name: '__xen_guest', type: 1, bytes: text(value) }],
  });
  return xenNotes(parseElf(bytes, 'kernel'));
}

describe("a kernel's Xen notes", () => {
  it('give linear addresses of 64-bit kernels as signed canonical values', () => {
    const notes = read(
      64,
      [XEN_ELFNOTE_ENTRY, u64(0xffff_ffff_8304_e1c0n)],
      [XEN_ELFNOTE_INIT_P2M, u64(0x80_0000_0000n)],
      [XEN_ELFNOTE_HV_START_LOW, u64(0xffff_8000_0000_0000n)],
      [XEN_ELFNOTE_PHYS32_ENTRY, u64(0x100_0850n)],
    );
    expect(notes).toMatchObject({
      source: 'notes',
      entry: -0x7cfb_1e40,
      initP2m: 0x80_0000_0000,
      hvStartLow: -0x8000_0000_0000,
      phys32Entry: 0x100_0850,
    });
    expect(notes).not.toHaveProperty('virtualBase');
  });

  it('tell required features by an exclamation mark, and supported ones by a bitmap too', () => {
    const features = text('!writable_page_tables|pae_pgdir_above_4gb');
    const notes = read(
      64,
      [XEN_ELFNOTE_FEATURES, features],
      [XEN_ELFNOTE_SUPPORTED_FEATURES, Uint8Array.of(0x01, 0x88, 0, 0)],
    );
    expect(notes).toMatchObject({
      requiredFeatures: ['writable_page_tables'],
      supportedFeatures: ['writable_page_tables', 'pae_pgdir_above_4gb'],
      featureBits: 0x8801,
    });
  });

  it('say with "yes" that a PAE root may lie anywhere, and with "bimodal" that it may be without PAE', () => {
    const mode = (value: string) => read(32, [XEN_ELFNOTE_PAE_MODE, text(value)])?.paeMode;
    expect(['yes', 'yes,bimodal', 'no', 'maybe'].map(mode)).toEqual([
      'extended',
      'bimodal',
      'no',
      'no',
    ]);
  });

  it('hold pairs of mask and value, and limits of relocation', () => {
    const pairs = new Uint8Array(BigUint64Array.of(1n, 1n).buffer);
    const notes = read(
      64,
      [XEN_ELFNOTE_L1_MFN_VALID, pairs],
      [XEN_ELFNOTE_PHYS32_RELOC, new Uint8Array(Uint32Array.of(0x20_0000, 0x100_0000).buffer)],
    );
    expect(notes?.l1MfnValid).toEqual([{ mask: 1n, value: 1n }]);
    expect(notes?.phys32Reloc).toEqual({ alignment: 0x20_0000, minimum: 0x100_0000 });
  });

  it('are taken as far as they go when the last one is cut short', () => {
    // As in GRUB's i386 image: the note claims the 12 bytes of "yes,bimodal", the segment ends after "yes".
    const bytes = notesBytes([
      [XEN_ELFNOTE_VIRT_BASE, new Uint8Array(4)],
      [XEN_ELFNOTE_PAE_MODE, text('yes')],
    ]);
    bytes[bytes.length - 16] = 12;
    const note = { vaddr: 0, paddr: 0, bytes, type: PT_NOTE };
    const image = buildElf({ bits: 32, entry: 0, segments: [kernel, note] });
    expect(xenNotes(parseElf(image))).toMatchObject({ virtualBase: 0, paeMode: 'extended' });
  });

  it('come from sections only if no segment has one', () => {
    const inSection = {
      name: '.note.Xen',
      type: SHT_NOTE,
      bytes: notesBytes([[XEN_ELFNOTE_VIRT_BASE, Uint8Array.of(0, 0x20, 0, 0)]]),
    };
    const inSegment = {
      vaddr: 0,
      paddr: 0,
      bytes: notesBytes([[XEN_ELFNOTE_VIRT_BASE, Uint8Array.of(0, 0x10, 0, 0)]]),
      type: PT_NOTE,
    };
    const both = { bits: 32, entry: 0, segments: [kernel, inSegment], sections: [inSection] };
    const without = { ...both, segments: [kernel] };
    expect(xenNotes(parseElf(buildElf(both as never)))?.virtualBase).toBe(0x1000);
    expect(xenNotes(parseElf(buildElf(without as never)))?.virtualBase).toBe(0x2000);
  });

  it('are refused with their name when a number has an impossible size or value', () => {
    const virtualBase = (description: Uint8Array) => () =>
      read(64, [XEN_ELFNOTE_VIRT_BASE, description]);
    expect(virtualBase(new Uint8Array(3))).toThrow(/^kernel: the Xen note VIRT_BASE has 3 bytes/);
    expect(virtualBase(u64(0x1234_0000_0000_0000n))).toThrow(
      /^kernel: the Xen note VIRT_BASE is 0x1234000000000000, no address of a 64-bit kernel/,
    );
    expect(virtualBase(new Uint8Array(3))).toThrow(ImageError);
  });
});

describe('the section __xen_guest', () => {
  it("describes a kernel whose notes are not Xen's, its physical addresses being linear ones", () => {
    const notes = guestString(
      32,
      'GUEST_OS=GNU Mach,XEN_VER=xen-3.0,VIRT_BASE=0xC0000000,HYPERCALL_PAGE=0x2,PAE=yes[extended-cr3],LOADER=generic,FEATURES=pae_pgdir_above_4gb',
      [XEN_ELFNOTE_VIRT_BASE, new Uint8Array(4)],
    );
    expect(notes).toMatchObject({
      source: 'guest-string',
      guestOs: 'GNU Mach',
      xenVersion: 'xen-3.0',
      virtualBase: 0xc000_0000,
      paddrOffset: 0xc000_0000,
      hypercallPage: 0xc000_2000,
      paeMode: 'extended',
      loader: 'generic',
      supportedFeatures: ['pae_pgdir_above_4gb'],
    });
  });

  it('tells a PAE kernel that needs its root below 4 GiB from one that does not', () => {
    expect(guestString(32, 'PAE=yes')?.paeMode).toBe('yes');
    expect(guestString(32, 'LOADER=generic')?.paeMode).toBe('no');
  });

  it('is refused with the name of a number that is none', () => {
    expect(() => guestString(64, 'VIRT_BASE=hello')).toThrow(
      'kernel: VIRT_BASE in the section __xen_guest is "hello", not an address; the file is damaged',
    );
  });

  it('is what makes a kernel without notes one for Xen', () => {
    const elf = parseElf(buildElf({ bits: 64, entry: 0, segments: [kernel] }));
    expect(xenNotes(elf)).toBeUndefined();
  });
});
