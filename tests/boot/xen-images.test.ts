// The domain builder on kernels out of Debian packages: what they say about themselves, and the domains made of them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  cpu_user_regs,
  SIF_MOD_START_PFN,
  SIF_VIRT_P2M_4TOOLS,
  start_info,
  vcpu_guest_context,
} from '@proxeny/abi';
import { Hypervisor, MachineMemory, ManualClock } from '@proxeny/hv-core';
import { buildPvh, openXenImage, type XenImage } from '@proxeny/machine';
import { PAGE_SIZE } from '@proxeny/memory';
import { describe, expect, it } from 'vitest';
import { debianKernel, debianPackage } from './debian-packages.js';
import { BuiltDomain } from './pv-address-space.js';

const MIB = 0x100000;

function open(...path: string[]): XenImage {
  const file = join(...path);
  return openXenImage(new Uint8Array(readFileSync(file)), file.replace(/.*\//, ''));
}

function grub(name: string): XenImage {
  return open(debianPackage('grub-xen-host', 'amd64'), 'usr/lib/grub-xen', name);
}

function mach(architecture: 'amd64' | 'i386'): XenImage {
  return open(
    debianPackage('gnumach-image-1.8-xen-486', architecture),
    'boot/gnumach-1.8-xen-486.gz',
  );
}

describe("GRUB's images", () => {
  it('are PV for 64 bits and for PAE, and PVH', () => {
    expect(grub('grub-x86_64-xen.bin').types).toEqual(['pv']);
    expect(grub('grub-i386-xen.bin').types).toEqual(['pv']);
    expect(grub('grub-i386-xen_pvh.bin').types).toEqual(['pvh']);
  });

  it("say that they take any PAE root though the i386 image's note is cut short", () => {
    expect(grub('grub-i386-xen.bin').notes).toMatchObject({
      paeMode: 'extended',
      guestOs: 'GRUB',
      loader: 'generic',
      xenVersion: 'xen-3.0',
      entry: 0,
      virtualBase: 0,
    });
  });
});

/** The members of a domain's start_info page. */
function startInfo(domain: BuiltDomain): Record<string, number | string> {
  const { word } = domain.built.image;
  const { fields, byteLength } = start_info.of(word);
  const bytes = domain.read(domain.built.start.startInfo, byteLength);
  const view = new DataView(bytes.buffer);
  const text = (offset: number, length: number) =>
    new TextDecoder().decode(bytes.subarray(offset, offset + length)).replace(/\0.*/s, '');
  const { domU } = fields.console.fields;
  // 64-bit linear addresses are compared as the guest sees them: modulo 2^64.
  const number = (field: { getBig(view: DataView): bigint }) =>
    Number(BigInt.asIntN(word === 64 ? 64 : 33, field.getBig(view)));
  return {
    magic: text(fields.magic.offset, fields.magic.byteLength),
    nrPages: number(fields.nr_pages),
    sharedInfo: number(fields.shared_info),
    flags: number(fields.flags),
    storeMfn: number(fields.store_mfn),
    storePort: number(fields.store_evtchn),
    consoleMfn: number(domU.fields.mfn),
    consolePort: number(domU.fields.evtchn),
    ptBase: number(fields.pt_base),
    nrPtFrames: number(fields.nr_pt_frames),
    mfnList: number(fields.mfn_list),
    modStart: number(fields.mod_start),
    modLength: number(fields.mod_len),
    commandLine: text(fields.cmd_line.offset, fields.cmd_line.byteLength),
    firstP2mPfn: number(fields.first_p2m_pfn),
    nrP2mFrames: number(fields.nr_p2m_frames),
  };
}

describe.each([
  {
    name: "GRUB's x86_64-xen",
    image: () => grub('grub-x86_64-xen.bin'),
    memory: 64,
    tables: { near: 7, far: 0 },
  },
  {
    name: "GRUB's i386-xen",
    image: () => grub('grub-i386-xen.bin'),
    memory: 64,
    tables: { near: 9, far: 0 },
  },
  {
    name: 'GNU Mach for amd64',
    image: () => mach('amd64'),
    memory: 64,
    tables: { near: 5, far: 0 },
  },
  { name: 'GNU Mach for i386', image: () => mach('i386'), memory: 64, tables: { near: 4, far: 0 } },
  {
    name: 'the cloud kernel',
    image: () => open(debianKernel('linux-image-cloud-amd64', 'amd64')),
    memory: 256,
    tables: { near: 35, far: 3 },
  },
  {
    name: 'the amd64 kernel',
    image: () => open(debianKernel('linux-image-amd64', 'amd64')),
    memory: 256,
    tables: { near: 41, far: 3 },
  },
])('a PV domain of $name', ({ image, memory, tables }) => {
  it('is mapped as Xen would map it, with page tables it cannot write, and goes away without a trace', () => {
    const ramdisk = new Uint8Array(3 * PAGE_SIZE + 1).fill(0x5a);
    const domain = new BuiltDomain({
      image: image(),
      memoryBytes: memory * MIB,
      ramdisk,
      commandLine: 'a b',
    });
    expect(domain.wrongAddresses()).toEqual([]);
    expect(domain.wrongTables()).toEqual([]);
    expect(domain.wrongP2m()).toEqual([]);
    expect(domain.wrongM2pWindow()).toEqual([]);
    const { layout, mfns, start, image: built } = domain.built;
    expect(startInfo(domain)).toEqual({
      magic: built.word === 64 ? 'xen-3.0-x86_64' : 'xen-3.0-x86_32p',
      nrPages: (memory * MIB) / PAGE_SIZE,
      sharedInfo: domain.built.domain.sharedInfo,
      flags: SIF_VIRT_P2M_4TOOLS | (tables.far ? SIF_MOD_START_PFN : 0),
      storeMfn: mfns[layout.store],
      storePort: 1,
      consoleMfn: mfns[layout.console],
      consolePort: 2,
      ptBase: built.virtualBase + layout.pageTables.pfn * PAGE_SIZE,
      nrPtFrames: tables.near,
      mfnList: layout.p2m.address,
      modStart: tables.far
        ? layout.ramdisk?.pfn
        : built.virtualBase + (layout.ramdisk?.pfn ?? 0) * PAGE_SIZE,
      modLength: tables.far ? 4 * PAGE_SIZE : ramdisk.length,
      commandLine: 'a b',
      firstP2mPfn: tables.far ? layout.p2m.pfn : 0,
      nrP2mFrames: tables.far ? layout.p2m.pages : 0,
    });
    expect(layout.mappedPages * PAGE_SIZE - (layout.stack + 1) * PAGE_SIZE).toBeGreaterThanOrEqual(
      512 << 10,
    );
    const context = new DataView(start.context.buffer);
    const { user_regs } = vcpu_guest_context.of(built.word).fields;
    const selectors = cpu_user_regs.of(built.word).fields;
    const wanted = built.word === 64 ? [0xe033, 0xe02b, 0] : [0xe019, 0xe021, 0xe021];
    expect(
      [selectors.cs, selectors.ss, selectors.ds].map((f) => f.get(context, user_regs.offset)),
    ).toEqual(wanted);
    expect(domain.destroy()).toBeNull();
  });
});

describe.each([
  {
    name: "GRUB's i386-xen_pvh",
    image: () => grub('grub-i386-xen_pvh.bin'),
    memory: 64,
    word: 32,
    entry: 0x10_0000,
  },
  {
    name: 'the cloud kernel',
    image: () => open(debianKernel('linux-image-cloud-amd64', 'amd64')),
    memory: 256,
    word: 64,
    entry: 0x100_0850,
  },
  {
    name: 'the 686-pae kernel',
    image: () => open(debianKernel('linux-image-686-pae', 'i386')),
    memory: 256,
    word: 32,
    entry: 0x100_02e0,
  },
])('a PVH domain of $name', ({ image, memory, word, entry }) => {
  it('is loaded by physical address, and goes away without a trace', () => {
    const kernel = image();
    const hypervisor = new Hypervisor({
      memory: new MachineMemory((memory + 4) * MIB),
      clock: new ManualClock(),
    });
    const before = hypervisor.frames.freeCount;
    const built = buildPvh(hypervisor, { image: kernel, memoryBytes: memory * MIB });
    expect(built.domain.word).toBe(word);
    expect(built.start).toMatchObject({ mode: 'protected32', rip: entry });
    const { bytes } = hypervisor.memory;
    for (const segment of built.layout.segments) {
      for (let done = 0; done < segment.bytes.length; done += PAGE_SIZE) {
        const from = built.domain.p2m?.translate(segment.offset + done, false) ?? -1;
        const length = Math.min(PAGE_SIZE - (from % PAGE_SIZE), segment.bytes.length - done);
        const isEqual = segment.bytes
          .subarray(done, done + length)
          .every((byte, i) => bytes[from + i] === byte);
        expect(isEqual).toBe(true);
      }
    }
    hypervisor.destroyDomain(built.domain);
    expect(hypervisor.frames.freeCount).toBe(before);
  });
});
