// Layouts that Xen 4.17's own builder reported (`xl -vvv create`) for Debian 12's images, frame by frame.
import { describe, expect, it } from 'vitest';
import type { PvImage } from './pv-image.js';
import { planPv } from './pv-layout.js';

const common = { name: 'kernel', segments: [], start: 0, isCr3Extended: false };

describe('a PV guest is laid out as by Xen 4.17:', () => {
  it('GRUB x86_64-xen with 64 MiB', () => {
    const grub: PvImage = {
      ...common,
      word: 64,
      entry: 0,
      virtualBase: 0,
      end: 0x61_3dc8,
      unmappedRamdisk: false,
    };
    const layout = planPv(grub, 0x4000, 0);
    expect(layout).toMatchObject({
      p2m: { pfn: 0x614, pages: 0x20, address: 0x61_4000 },
      startInfo: 0x634,
      store: 0x635,
      console: 0x636,
      pageTables: { pfn: 0x637, pages: 7 },
      stack: 0x63e,
      mappedPages: 0x800,
    });
  });

  it('Linux 6.1 (cloud-amd64) with 256 MiB and a RAM disk', () => {
    const linux: PvImage = {
      ...common,
      word: 64,
      entry: -0x7cfb_3e40,
      virtualBase: -0x8000_0000,
      start: 0x100_0000,
      end: 0x3e0_0000,
      initP2m: 0x80_0000_0000,
      unmappedRamdisk: true,
    };
    const layout = planPv(linux, 0x1_0000, 0x1f_aa10);
    expect(layout).toMatchObject({
      startInfo: 0x3e00,
      store: 0x3e01,
      console: 0x3e02,
      pageTables: { pfn: 0x3e03, pages: 0x23 },
      stack: 0x3e26,
      mappedPages: 0x4000,
      ramdisk: { pfn: 0x4000, pages: 0x1fb, isMapped: false },
      p2m: { pfn: 0x41fb, pages: 0x83, address: 0x80_0000_0000 },
    });
    const levels = [...layout.tables.tables].map(({ level, index, pfn }) => [level, index, pfn]);
    expect(levels.slice(0, 4)).toEqual([
      [4, 0, 0x3e03],
      [3, 0x1ff, 0x3e04],
      [2, 0x3_fffe, 0x3e05],
      [1, 0x7ff_fc00, 0x3e06],
    ]);
    expect(levels.slice(-3)).toEqual([
      [3, 1, 0x427b],
      [2, 0x200, 0x427c],
      [1, 0x4_0000, 0x427d],
    ]);
  });
});
