import { gzipSync } from 'node:zlib';
import { XEN_ELFNOTE_ENTRY, XEN_ELFNOTE_PHYS32_ENTRY, XEN_ELFNOTE_VIRT_BASE } from '@proxeny/abi';
import { describe, expect, it } from 'vitest';
import { buildBzImage } from '../../loader/testing/bzimage-builder.js';
import { buildElf } from '../../loader/testing/elf-builder.js';
import { examineImage } from './guest-types.js';
import { code, MIB, xenKernel } from './testing/xen-kernel.js';

const phys = { [XEN_ELFNOTE_PHYS32_ENTRY]: MIB };

function typesOf(bytes: Uint8Array): readonly string[] {
  return examineImage(bytes, 'kernel').types;
}

describe('an image', () => {
  it('made for PV alone runs as nothing else', () => {
    expect(typesOf(xenKernel())).toEqual(['pv']);
    expect(examineImage(xenKernel(), 'kernel').xen?.name).toBe('kernel');
  });

  it('with an entry for PVH runs as that, on Xen and on a PC', () => {
    const notes = { ...phys, [XEN_ELFNOTE_ENTRY]: undefined, [XEN_ELFNOTE_VIRT_BASE]: undefined };
    expect(typesOf(xenKernel({ notes }))).toEqual(['pvh', 'pc']);
  });

  it('like Linux runs in every way', () => {
    const payload = new Uint8Array(gzipSync(xenKernel({ notes: phys })));
    const boot = buildBzImage({ kernel: payload, payload: [0, payload.length], xloadflags: 1 });
    expect(typesOf(boot)).toEqual(['pv', 'pvh', 'pc']);
  });

  it('runs on a PC when it has no Xen notes, or none that we can read', () => {
    const plain = buildElf({
      bits: 32,
      entry: MIB,
      segments: [{ vaddr: MIB, paddr: MIB, bytes: code }],
    });
    expect(typesOf(plain)).toEqual(['pc']);
    const bzip2 = Uint8Array.of(0x42, 0x5a, 0x68, 0x39, 0, 0, 0, 0, 0, 0, 0, 0);
    expect(typesOf(buildBzImage({ kernel: bzip2, payload: [0, bzip2.length] }))).toEqual(['pc']);
  });

  it('that is none is refused', () => {
    expect(() => typesOf(new TextEncoder().encode('#!/bin/sh'))).toThrow('it is a script');
  });
});
