import { gzipSync } from 'node:zlib';
import {
  XEN_ELFNOTE_ENTRY,
  XEN_ELFNOTE_FEATURES,
  XEN_ELFNOTE_HYPERCALL_PAGE,
  XEN_ELFNOTE_INIT_P2M,
  XEN_ELFNOTE_LOADER,
  XEN_ELFNOTE_PADDR_OFFSET,
  XEN_ELFNOTE_PAE_MODE,
  XEN_ELFNOTE_PHYS32_ENTRY,
  XEN_ELFNOTE_VIRT_BASE,
  XEN_ELFNOTE_XEN_VERSION,
} from '@proxeny/abi';
import { describe, expect, it } from 'vitest';
import { ImageError, type ImageErrorCode } from '../../loader/load-error.js';
import { buildBzImage } from '../../loader/testing/bzimage-builder.js';
import { buildElf } from '../../loader/testing/elf-builder.js';
import { checkPvImage } from './pv-image.js';
import {
  type BuiltKernel,
  code,
  MIB,
  type NoteValue,
  xenImage,
  xenKernel,
} from './testing/xen-kernel.js';
import { openXenImage } from './xen-image.js';

function refusal(action: () => unknown): { code: ImageErrorCode; message: string } {
  try {
    action();
  } catch (error) {
    if (error instanceof ImageError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('it was accepted');
}

function withNote(type: number, value: NoteValue | undefined, kernel: BuiltKernel = {}) {
  return refusal(() => checkPvImage(xenImage({ ...kernel, notes: { [type]: value } })));
}

describe('a Xen image', () => {
  it('offers to run as PV, as PVH, or as both', () => {
    const phys = { [XEN_ELFNOTE_PHYS32_ENTRY]: MIB };
    expect(xenImage().types).toEqual(['pv']);
    expect(xenImage({ notes: phys }).types).toEqual(['pv', 'pvh']);
    const only = { ...phys, [XEN_ELFNOTE_ENTRY]: undefined, [XEN_ELFNOTE_VIRT_BASE]: undefined };
    expect(xenImage({ notes: only }).types).toEqual(['pvh']);
  });

  it('may be compressed, and may be the payload of a bzImage', () => {
    const packed = new Uint8Array(gzipSync(xenKernel()));
    const boot = buildBzImage({ kernel: packed, payload: [0, packed.length], xloadflags: 1 });
    for (const bytes of [packed, boot, new Uint8Array(gzipSync(boot))]) {
      expect(openXenImage(bytes, 'vmlinuz').types).toEqual(['pv']);
    }
  });

  it('is refused when it is no kernel for Xen, saying what it is instead', () => {
    const plain = buildElf({ bits: 64, entry: 0, segments: [{ vaddr: 0, paddr: 0, bytes: code }] });
    expect(refusal(() => openXenImage(plain, 'a.out'))).toEqual({
      code: 'unsupported',
      message: expect.stringMatching(/^a\.out has no Xen ELF notes .* Run it with --type pc/),
    });
    const script = new TextEncoder().encode('#!/bin/sh\n');
    expect(refusal(() => openXenImage(script, 'run')).message).toContain('it is a script');
    expect(refusal(() => openXenImage(new Uint8Array(), 'none')).message).toBe('none is empty');
  });

  it('is refused when its payload is packed in a way we do not know', () => {
    const packed = Uint8Array.of(0x42, 0x5a, 0x68, 0x39, 0, 0, 0, 0, 0, 0, 0, 0);
    const boot = buildBzImage({ kernel: packed, payload: [0, packed.length], xloadflags: 1 });
    expect(refusal(() => openXenImage(boot, 'vmlinuz'))).toEqual({
      code: 'unsupported',
      message: expect.stringContaining('bzip2 compression is not supported'),
    });
  });

  it('is refused as truncated wherever a segment is cut off', () => {
    const bytes = xenKernel({
      segments: [{ vaddr: 0, paddr: MIB, bytes: new Uint8Array(5000).fill(1) }],
    });
    expect(refusal(() => openXenImage(bytes.subarray(0, 4000), 'short'))).toEqual({
      code: 'truncated',
      message: expect.stringMatching(/^short is truncated: segment 0 .*needs 5000 bytes/),
    });
  });
});

describe('a PV kernel', () => {
  it('lies at its physical addresses less PADDR_OFFSET, from VIRT_BASE on', () => {
    const image = checkPvImage(
      xenImage({
        virtualBase: 0x4000_0000,
        notes: {
          [XEN_ELFNOTE_PADDR_OFFSET]: 0x4000_0000,
          [XEN_ELFNOTE_ENTRY]: 0x4000_0004,
          [XEN_ELFNOTE_HYPERCALL_PAGE]: 0x4000_1000,
        },
        segments: [
          { vaddr: 0, paddr: 0x4000_2000, bytes: code },
          { vaddr: 0, paddr: 0x4000_0000, bytes: code, memorySize: 0x2000 },
        ],
      }),
    );
    expect(image).toMatchObject({
      word: 64,
      virtualBase: 0x4000_0000,
      entry: 0x4000_0004,
      start: 0,
      end: 0x2004,
      hypercallPage: 0x1000,
    });
    expect(image.segments.map(({ offset }) => offset)).toEqual([0, 0x2000]);
  });

  it('without a note ENTRY is entered where its ELF header says', () => {
    const image = checkPvImage(xenImage({ notes: { [XEN_ELFNOTE_ENTRY]: undefined } }));
    expect(image.entry).toBe(-0x8000_0000 + MIB);
  });

  it('gets its p2m where INIT_P2M says, if that is below the kernel and the kernel is 64-bit', () => {
    const initP2m = (kernel: BuiltKernel, address: number) =>
      checkPvImage(xenImage({ ...kernel, notes: { [XEN_ELFNOTE_INIT_P2M]: address } })).initP2m;
    expect(initP2m({}, 0x80_0000_0000)).toBe(0x80_0000_0000);
    expect(initP2m({}, 0x80_0000_0800)).toBeUndefined();
    expect(initP2m({}, -0x1000)).toBeUndefined();
    expect(initP2m({ virtualBase: 0 }, 0x80_0000_0000)).toBeUndefined();
    expect(initP2m({ bits: 32 }, 0x1000_0000)).toBeUndefined();
  });

  it('may require writable page tables, which it gets by emulation', () => {
    const features = { [XEN_ELFNOTE_FEATURES]: '!writable_page_tables|pae_pgdir_above_4gb' };
    expect(checkPvImage(xenImage({ notes: features })).word).toBe(64);
  });

  it.each([
    ['dom0', /requires "dom0", .*privileged first domain/],
    ['auto_translated_physmap', /requires "auto_translated_physmap"/],
    ['supervisor_mode_kernel', /requires "supervisor_mode_kernel", .*ring 0/],
    ['telepathy', /requires "telepathy", .*no Xen has a feature of this name/],
  ])('that requires the feature %s is refused with its name', (feature, message) => {
    expect(withNote(XEN_ELFNOTE_FEATURES, `!${feature}`)).toEqual({
      code: 'unsupported',
      message: expect.stringMatching(message),
    });
  });

  it('is refused when its notes are for another loader or another Xen', () => {
    expect(withNote(XEN_ELFNOTE_LOADER, 'special').message).toMatch(/note LOADER is "special"/);
    expect(withNote(XEN_ELFNOTE_XEN_VERSION, 'xen-2.0').message).toMatch(
      /note XEN_VERSION is "xen-2\.0"/,
    );
    expect(withNote(XEN_ELFNOTE_XEN_VERSION, undefined).message).toMatch(/XEN_VERSION is ""/);
  });

  it('of 32 bits without PAE is refused', () => {
    expect(withNote(XEN_ELFNOTE_PAE_MODE, 'no', { bits: 32 })).toEqual({
      code: 'unsupported',
      message: expect.stringMatching(/^test-kernel: PAE_MODE says .* without PAE/),
    });
    expect(withNote(XEN_ELFNOTE_PAE_MODE, undefined, { bits: 32 }).code).toBe('unsupported');
  });

  it('is refused when a note names an address outside of it', () => {
    expect(withNote(XEN_ELFNOTE_ENTRY, 0x1000).message).toMatch(/note ENTRY is 0x1000, outside/);
    expect(withNote(XEN_ELFNOTE_HYPERCALL_PAGE, -0x8000_0000).message).toMatch(/HYPERCALL_PAGE/);
    expect(withNote(XEN_ELFNOTE_HYPERCALL_PAGE, -0x8000_0000 + MIB + 8).code).toBe('malformed');
    expect(withNote(XEN_ELFNOTE_VIRT_BASE, -0x7fff_fff0).message).toMatch(
      /VIRT_BASE .*page-aligned/,
    );
    expect(withNote(XEN_ELFNOTE_PADDR_OFFSET, 2 * MIB)).toEqual({
      code: 'outside-ram',
      message: expect.stringMatching(/segment at 0x100000 lies below PADDR_OFFSET 0x200000/),
    });
  });

  it('is refused when its segments overlap, or when there is none', () => {
    const overlapping = [
      { vaddr: 0, paddr: MIB, bytes: code, memorySize: 0x2000 },
      { vaddr: 0, paddr: MIB + 0x1000, bytes: code },
    ];
    expect(refusal(() => checkPvImage(xenImage({ segments: overlapping })))).toEqual({
      code: 'malformed',
      message: expect.stringMatching(/segment at 0x101000 overlaps the one before it/),
    });
    expect(refusal(() => checkPvImage(xenImage({ segments: [] }))).message).toMatch(
      /nothing to load/,
    );
  });

  it('is not one that only says where PVH enters it', () => {
    const notes = {
      [XEN_ELFNOTE_PHYS32_ENTRY]: MIB,
      [XEN_ELFNOTE_ENTRY]: undefined,
      [XEN_ELFNOTE_VIRT_BASE]: undefined,
    };
    expect(refusal(() => checkPvImage(xenImage({ notes }))).message).toMatch(
      /is not a PV kernel.*run it with --type pvh/,
    );
  });
});
