import {
  cpu_user_regs,
  start_info,
  VMASST_TYPE_pae_extended_cr3,
  vcpu_guest_context,
  XEN_ELFNOTE_HYPERCALL_PAGE,
  XEN_ELFNOTE_INIT_P2M,
  XEN_ELFNOTE_MOD_START_PFN,
  XEN_ELFNOTE_PAE_MODE,
  XEN_ELFNOTE_VIRT_BASE,
} from '@proxeny/abi';
import type { Hypervisor, Vcpu } from '@proxeny/hv-core';
import { PAGE_SIZE } from '@proxeny/memory';
import { describe, expect, it } from 'vitest';
import { ImageError } from '../../loader/load-error.js';
import { type BuiltPv, buildPv, type PvRequest } from './build-pv.js';
import { code, MIB, machineFor, nobody, xenImage } from './testing/xen-kernel.js';

const mib = 16;

function build(request: Omit<PvRequest, 'memoryBytes'>): BuiltPv & { hypervisor: Hypervisor } {
  const hypervisor = machineFor(mib);
  const domain = { createCpu: () => nobody };
  return { hypervisor, ...buildPv(hypervisor, { memoryBytes: mib * MIB, domain, ...request }) };
}

function read(built: BuiltPv, address: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const vcpu = built.domain.vcpus[0] as Vcpu;
  expect(vcpu.access.copyFrom(address, bytes)).toBe(true);
  return bytes;
}

describe('a PV domain', () => {
  it('has its kernel at VIRT_BASE and the rest of what it is given behind, in order', () => {
    const built = build({ image: xenImage() });
    const { layout, image } = built;
    expect(read(built, image.virtualBase + MIB, 5)).toEqual(Uint8Array.of(...code, 0));
    const first = (MIB + 0x3000) / PAGE_SIZE;
    const p2mPages = (mib * 256 * 8) / PAGE_SIZE;
    expect(layout.p2m.pfn).toBe(first);
    expect([layout.startInfo, layout.store, layout.console]).toEqual(
      [0, 1, 2].map((i) => first + p2mPages + i),
    );
    // An L4, an L3, an L2, and two L1s for the first 4 MiB.
    expect(layout.pageTables).toEqual({ pfn: layout.console + 1, pages: 5 });
    expect(layout.stack).toBe(layout.pageTables.pfn + 5);
    expect(layout.mappedPages).toBe(1024);
  });

  it('is told by the M2P which machine frame is which of its own, in the tables of both word sizes', () => {
    const { hypervisor, mfns } = build({ image: xenImage() });
    const { m2p, memory } = hypervisor;
    const wide = m2p.extents(64)[0] * PAGE_SIZE;
    expect(mfns.length).toBe(mib * 256);
    for (const [pfn, mfn] of mfns.entries()) {
      expect(m2p.get(mfn)).toBe(pfn);
      expect(memory.view.getBigUint64(wide + mfn * 8, true)).toBe(BigInt(pfn));
    }
  });

  it('is mapped 4 MiB further when the padding would be less than 512 KiB', () => {
    const sizeOf = (memorySize: number) =>
      build({
        image: xenImage({ segments: [{ vaddr: 0, paddr: MIB, bytes: code, memorySize }] }),
      }).layout.mappedPages;
    // From 1 MiB to 4 MiB: the kernel, 8 pages of p2m, 3 of rings and start_info, 5 of tables, a stack, 128 of padding.
    const fits = 3 * MIB - (8 + 3 + 5 + 1 + 128) * PAGE_SIZE;
    expect(sizeOf(fits)).toBe(1024);
    expect(sizeOf(fits + PAGE_SIZE)).toBe(2048);
  });

  it('starts at its entry, on its stack, with start_info in RSI and the selectors of ring 3', () => {
    const built = build({ image: xenImage(), commandLine: 'quiet splash' });
    const view = new DataView(built.start.context.buffer);
    const { fields } = vcpu_guest_context.of(64);
    const registers = cpu_user_regs.of(64).fields;
    const base = fields.user_regs.offset;
    expect(registers.rip.getBig(view, base)).toBe(0xffff_ffff_8010_0000n);
    expect(registers.rsp.getBig(view, base) & 0xfffn).toBe(0n);
    expect(registers.rflags.get(view, base)).toBe(0x200);
    expect([registers.cs, registers.ss].map((f) => f.get(view, base))).toEqual([0xe033, 0xe02b]);
    expect(fields.flags.get(view)).toBe(0x24);
    expect(fields.ctrlreg.element.get(view, 3 * 8)).toBe(built.start.root * PAGE_SIZE);
    const at = Number(BigInt.asIntN(64, registers.rsi.getBig(view, base)));
    const info = start_info.of(64);
    const bytes = read(built, at, info.byteLength);
    const text = new TextDecoder().decode(bytes.subarray(info.fields.cmd_line.offset));
    expect(text).toMatch(/^quiet splash\0/);
    expect(info.fields.mod_len.get(new DataView(bytes.buffer))).toBe(0);
    // The stack is the guest's to write.
    expect(built.domain.vcpus[0]?.access.isAccessible(built.start.stackTop - 8, 8, true)).toBe(
      true,
    );
  });

  it('of 32 bits starts in ring 1 and may have its root anywhere if it said so', () => {
    const built = build({ image: xenImage({ bits: 32 }) });
    const view = new DataView(built.start.context.buffer);
    const { fields } = vcpu_guest_context.of(32);
    const registers = cpu_user_regs.of(32).fields;
    const base = fields.user_regs.offset;
    expect([registers.cs, registers.ss, registers.gs].map((f) => f.get(view, base))).toEqual([
      0xe019, 0xe021, 0xe021,
    ]);
    expect(registers.eip.get(view, base)).toBe(0xc010_0000);
    expect(fields.vm_assist.get(view)).toBe(1 << VMASST_TYPE_pae_extended_cr3);
    expect(built.domain.assists.has(VMASST_TYPE_pae_extended_cr3)).toBe(true);
  });

  it('of 32 bits below the last gigabyte gets tables up to it all the same', () => {
    const { layout } = build({
      image: xenImage({
        bits: 32,
        virtualBase: 0x4000_0000,
        notes: { [XEN_ELFNOTE_PAE_MODE]: 'bimodal' },
      }),
    });
    // The root, tables of level 2 for gigabytes 1 to 3, two of level 1.
    expect(layout.pageTables.pages).toBe(6);
  });

  it('finds hypercalls in the page it asked for, as its word size makes them', () => {
    const image = (bits: 32 | 64, base: number) =>
      xenImage({
        bits,
        virtualBase: base,
        notes: { [XEN_ELFNOTE_HYPERCALL_PAGE]: base + MIB + 0x1000 },
      });
    const wide = build({ image: image(64, -0x8000_0000) });
    const stub = read(wide, -0x8000_0000 + MIB + 0x1000 + 29 * 32, 14);
    expect([...stub]).toEqual([
      0x51, 0x41, 0x53, 0xb8, 29, 0, 0, 0, 0x0f, 5, 0x41, 0x5b, 0x59, 0xc3,
    ]);
    const narrow = build({ image: image(32, 0xc000_0000) });
    const page = read(narrow, 0xc000_0000 + MIB + 0x1000, PAGE_SIZE);
    expect([...page.subarray(0, 8)]).toEqual([0xb8, 0, 0, 0, 0, 0xcd, 0x82, 0xc3]);
    expect([...page.subarray(23 * 32, 23 * 32 + 9)]).toEqual([
      0x50, 0xb8, 23, 0, 0, 0, 0xcd, 0x82, 0xcc,
    ]);
  });

  it('gets a RAM disk behind the kernel, or, if it can take that, outside of the mapping', () => {
    const ramdisk = new Uint8Array(PAGE_SIZE + 1).fill(9);
    const near = build({ image: xenImage(), ramdisk });
    expect(near.layout.ramdisk).toEqual({ pfn: 259, pages: 2, isMapped: true });
    expect(read(near, near.image.virtualBase + 259 * PAGE_SIZE, ramdisk.length)).toEqual(ramdisk);
    const far = build({ image: xenImage({ notes: { [XEN_ELFNOTE_MOD_START_PFN]: 1 } }), ramdisk });
    expect(far.layout.ramdisk).toEqual({ pfn: 1024, pages: 2, isMapped: false });
    const { bytes } = far.hypervisor.memory;
    const mfn = far.mfns[1025] as number;
    expect([...bytes.subarray(mfn * PAGE_SIZE, mfn * PAGE_SIZE + 2)]).toEqual([9, 0]);
  });

  it('has its p2m at INIT_P2M with tables of its own behind it', () => {
    const address = 0x80_0000_0000;
    const built = build({ image: xenImage({ notes: { [XEN_ELFNOTE_INIT_P2M]: address } }) });
    const { layout, mfns } = built;
    // 8 pages, and a table each of levels 3, 2 and 1.
    expect(layout.p2m).toEqual({ pfn: 1024, pages: 11, address });
    const view = new DataView(read(built, address, mib * 256 * 8).buffer);
    expect(mfns.every((mfn, pfn) => view.getUint32(pfn * 8, true) === mfn)).toBe(true);
    expect(built.domain.vcpus[0]?.access.isAccessible(address + 8 * PAGE_SIZE, 1, false)).toBe(
      false,
    );
  });

  it('has unbound ports and grants of its rings for the domains that serve xenstore and its console', () => {
    const built = build({ image: xenImage(), storeDomain: 3, consoleDomain: 5 });
    const remotes = [built.store, built.console].map(
      ({ port }) => built.domain.events.at(port)?.remoteDomain,
    );
    expect([built.store.port, built.console.port, ...remotes]).toEqual([1, 2, 3, 5]);
    const { entries } = built.domain.grants;
    const grants = [0, 1].map((ref) => [
      entries.flags(ref),
      entries.grantee(ref),
      entries.frame(ref),
    ]);
    expect(grants).toEqual([
      [1, 5, built.console.mfn],
      [1, 3, built.store.mfn],
    ]);
  });

  it('leaves nothing behind when it is destroyed', () => {
    for (const bits of [32, 64] as const) {
      const hypervisor = machineFor(mib);
      const before = hypervisor.frames.freeCount;
      const domain = { createCpu: () => nobody };
      const built = buildPv(hypervisor, {
        image: xenImage({ bits }),
        memoryBytes: mib * MIB,
        domain,
      });
      expect(hypervisor.frames.freeCount).toBeLessThan(before - mib * 256);
      hypervisor.destroyDomain(built.domain);
      expect(hypervisor.frames.freeCount).toBe(before);
      expect(hypervisor.frames.findInconsistency()).toBeNull();
    }
  });
});

describe('building a PV domain', () => {
  const refuse = (request: Partial<PvRequest>, hypervisor = machineFor(mib)) => {
    const before = hypervisor.frames.freeCount;
    let error: unknown;
    try {
      buildPv(hypervisor, { image: xenImage(), memoryBytes: mib * MIB, ...request });
    } catch (caught) {
      error = caught;
    }
    expect(hypervisor.frames.freeCount).toBe(before);
    expect([...hypervisor.domains]).toEqual([]);
    return error as ImageError;
  };

  it('says how much memory the guest needs when it has too little', () => {
    const error = refuse({ memoryBytes: 2 * MIB });
    expect(error).toBeInstanceOf(ImageError);
    expect(error.code).toBe('memory-too-small');
    expect(error.message).toBe(
      "test-kernel: the guest's 2 MiB of memory end within the room mapped behind the kernel; give it more than 4 MiB",
    );
    expect(refuse({ memoryBytes: MIB / 2 }).message).toContain('end within the kernel');
    const ramdisk = new Uint8Array(12 * MIB);
    expect(refuse({ ramdisk, memoryBytes: 8 * MIB }).message).toContain('within the RAM disk');
  });

  it("refuses a kernel that would be mapped to Xen's addresses", () => {
    const error = refuse({ image: xenImage({ bits: 32, virtualBase: 0xf570_0000 }) });
    expect(error.code).toBe('outside-ram');
    expect(error.message).toMatch(
      /note VIRT_BASE is 0xf5700000: it would be mapped to .* where Xen is/,
    );
    const wide = xenImage({
      virtualBase: -0x8000_0000_0000,
      notes: { [XEN_ELFNOTE_VIRT_BASE]: -0x8000_0000_0000 },
    });
    expect(refuse({ image: wide }).code).toBe('outside-ram');
    const last = xenImage({
      virtualBase: -4 * MIB,
      segments: [{ vaddr: 0, paddr: MIB, bytes: code, memorySize: 3 * MIB }],
    });
    expect(refuse({ image: last }).message).toMatch(/beyond the end of addresses/);
  });

  it('refuses a command line that does not fit into start_info', () => {
    expect(refuse({ commandLine: 'x'.repeat(1024) }).code).toBe('command-line-too-long');
    expect(refuse({ commandLine: 'a\0b' }).code).toBe('malformed');
  });

  it('says so when the machine has too few frames', () => {
    expect(refuse({}, machineFor(8))).toMatchObject({
      code: 'no-memory',
      message: expect.stringMatching(/gets \d+ of 4096 frames/),
    });
  });
});
