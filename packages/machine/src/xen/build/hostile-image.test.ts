import {
  XEN_ELFNOTE_FEATURES,
  XEN_ELFNOTE_HYPERCALL_PAGE,
  XEN_ELFNOTE_INIT_P2M,
  XEN_ELFNOTE_PHYS32_ENTRY,
} from '@proxeny/abi';
import { HvError } from '@proxeny/hv-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ImageError } from '../../loader/load-error.js';
import { buildPv } from './build-pv.js';
import { buildPvh } from './build-pvh.js';
import { examineImage } from './guest-types.js';
import { MIB, machineFor, nobody, xenKernel } from './testing/xen-kernel.js';
import { openXenImage } from './xen-image.js';

const base = -0x8000_0000;
const images = [
  xenKernel({
    notes: {
      [XEN_ELFNOTE_HYPERCALL_PAGE]: base + MIB + 0x1000,
      [XEN_ELFNOTE_INIT_P2M]: 0x80_0000_0000,
      [XEN_ELFNOTE_PHYS32_ENTRY]: MIB,
      [XEN_ELFNOTE_FEATURES]: '!writable_page_tables',
    },
  }),
  xenKernel({ bits: 32 }),
];

/** Words that damage well: bounds, signs, sizes of pages. */
const words = fc.oneof(
  fc.constantFrom(0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0xffff_8000, 0x1000, 0xfff),
  fc.nat({ max: 0xffff_ffff }),
);

const changes = fc.array(fc.record({ at: fc.nat({ max: 600 }), word: words }), {
  minLength: 1,
  maxLength: 4,
});

describe('a damaged image', () => {
  it('is built or refused with an ImageError, and leaves no frame behind', () => {
    const hypervisor = machineFor(16);
    const before = hypervisor.frames.freeCount;
    const request = { memoryBytes: 16 * MIB, domain: { createCpu: () => nobody } };
    const attempt = (action: () => unknown): void => {
      try {
        action();
      } catch (error) {
        if (!(error instanceof ImageError || error instanceof HvError)) throw error;
      }
      for (const domain of [...hypervisor.domains]) hypervisor.destroyDomain(domain);
      expect(hypervisor.frames.freeCount).toBe(before);
    };
    const property = fc.property(fc.constantFrom(...images), changes, (image, damage) => {
      const bytes = image.slice();
      const view = new DataView(bytes.buffer);
      for (const { at, word } of damage) view.setUint32(at % (bytes.length - 4), word, true);
      attempt(() => examineImage(bytes, 'damaged'));
      attempt(() => buildPv(hypervisor, { ...request, image: openXenImage(bytes, 'damaged') }));
      attempt(() => buildPvh(hypervisor, { ...request, image: openXenImage(bytes, 'damaged') }));
    });
    fc.assert(property, { numRuns: 150 });
  }, 60_000);
});
