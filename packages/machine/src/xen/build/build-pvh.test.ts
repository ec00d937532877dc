import {
  E820_NVS,
  E820_RAM,
  E820_RESERVED,
  HVM_PARAM_CONSOLE_PFN,
  HVM_PARAM_STORE_EVTCHN,
  HVM_PARAM_STORE_PFN,
  hvm_memmap_table_entry,
  hvm_modlist_entry,
  hvm_start_info,
  XEN_ELFNOTE_FEATURES,
  XEN_ELFNOTE_GUEST_OS,
  XEN_ELFNOTE_PHYS32_ENTRY,
} from '@proxeny/abi';
import { type Domain, Hypervisor, MachineMemory, ManualClock } from '@proxeny/hv-core';
import { PAGE_SIZE } from '@proxeny/memory';
import { describe, expect, it } from 'vitest';
import { ImageError, type ImageErrorCode } from '../../loader/load-error.js';
import { type BuiltPvh, buildPvh, type PvhRequest } from './build-pvh.js';
import { planPvh } from './pvh-layout.js';
import { type BuiltKernel, code, MIB, machineFor, nobody, xenImage } from './testing/xen-kernel.js';
import type { XenImage } from './xen-image.js';

const mib = 16;
const SPECIAL = 0xfeff_8000;

function pvhImage(kernel: BuiltKernel = {}): XenImage {
  const notes = { [XEN_ELFNOTE_PHYS32_ENTRY]: MIB + 2, ...kernel.notes };
  return xenImage({ bits: 32, ...kernel, notes });
}

function build(request: Partial<PvhRequest> = {}): BuiltPvh {
  const domain = { createCpu: () => nobody };
  const whole = { image: pvhImage(), memoryBytes: mib * MIB, domain, ...request };
  return buildPvh(machineFor(mib), whole);
}

function read(domain: Domain, at: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const maddr = domain.p2m?.translate(at + i, false) ?? -1;
    expect(maddr).toBeGreaterThanOrEqual(0);
    bytes[i] = domain.hypervisor.memory.bytes[maddr] as number;
  }
  return bytes;
}

function startInfo(built: BuiltPvh): Record<keyof typeof hvm_start_info.members, number> {
  const { fields, byteLength } = hvm_start_info.of(64);
  const at = built.start.registers.rbx ?? 0;
  const view = new DataView(read(built.domain, at, byteLength).buffer);
  const members = Object.entries(fields).map(([name, field]) => [name, field.get(view)]);
  return Object.fromEntries(members);
}

function text(domain: Domain, at: number): string {
  const bytes = read(domain, at, 64);
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}

function sumIsZero(bytes: Uint8Array): boolean {
  return bytes.reduce((sum, byte) => (sum + byte) & 0xff, 0) === 0;
}

describe('a PVH domain', () => {
  it('is entered in flat protected mode with hvm_start_info in EBX', () => {
    const ramdisk = new Uint8Array(5000).fill(7);
    const built = build({ ramdisk, commandLine: 'console=hvc0' });
    expect(built.start).toMatchObject({ mode: 'protected32', rip: MIB + 2 });
    expect(built.start.cs).toMatchObject({ base: 0, limit: 0xffff_ffff });
    expect([...read(built.domain, MIB, 5)]).toEqual([...code, 0]);
    const info = startInfo(built);
    expect(info).toMatchObject({ magic: 0x336e_c578, version: 1, flags: 0, nr_modules: 1 });
    expect(text(built.domain, info.cmdline_paddr)).toBe('console=hvc0');
    const module = hvm_modlist_entry.of(64);
    const entry = new DataView(read(built.domain, info.modlist_paddr, module.byteLength).buffer);
    expect(module.fields.size.get(entry)).toBe(5000);
    expect([...read(built.domain, module.fields.paddr.get(entry) + 4998, 3)]).toEqual([7, 7, 0]);
  });

  it('is told its memory map by start_info and by the hypervisor alike', () => {
    const built = build();
    const info = startInfo(built);
    const entry = hvm_memmap_table_entry.of(64);
    const count = info.memmap_entries;
    const bytes = read(built.domain, info.memmap_paddr, count * entry.byteLength);
    const view = new DataView(bytes.buffer);
    const map = Array.from({ length: count }, (_, i) =>
      [entry.fields.addr, entry.fields.size, entry.fields.type].map((field) =>
        field.get(view, i * entry.byteLength),
      ),
    );
    expect(map).toEqual([
      [0, mib * MIB, E820_RAM],
      [0xfc00_0000, PAGE_SIZE, E820_NVS],
      [SPECIAL, 8 * PAGE_SIZE, E820_RESERVED],
    ]);
    const e820 = built.domain.memoryMap as Uint8Array;
    expect(e820.length).toBe(3 * 20);
    expect(new DataView(e820.buffer).getUint32(8, true)).toBe(mib * MIB);
  });

  it('has its rings in special pages that HVM parameters name', () => {
    const { domain, store, console } = build({ storeDomain: 7 });
    expect(domain.hvmParams.low(HVM_PARAM_STORE_PFN)).toBe(0xfeffc);
    expect(domain.hvmParams.low(HVM_PARAM_CONSOLE_PFN)).toBe(0xfefff);
    expect(domain.hvmParams.low(HVM_PARAM_STORE_EVTCHN)).toBe(1);
    expect(domain.p2m?.mfnOf(0xfeffc)).toBe(store.mfn);
    expect(domain.p2m?.mfnOf(0xfefff)).toBe(console.mfn);
    const { entries } = domain.grants;
    expect([entries.flags(1), entries.grantee(1), entries.frame(1)]).toEqual([1, 7, 0xfeffc]);
  });

  it('finds ACPI tables that list its processors and nothing else', () => {
    const built = build({ domain: { vcpuCount: 3, createCpu: () => nobody } });
    const { domain } = built;
    const at = startInfo(built).rsdp_paddr;
    const rsdp = read(domain, at, 36);
    expect(new TextDecoder().decode(rsdp.subarray(0, 8))).toBe('RSD PTR ');
    expect(sumIsZero(rsdp) && sumIsZero(rsdp.subarray(0, 20))).toBe(true);
    const table = (address: number) => {
      const length = new DataView(read(domain, address + 4, 4).buffer).getUint32(0, true);
      const bytes = read(domain, address, length);
      expect(sumIsZero(bytes)).toBe(true);
      return { bytes, view: new DataView(bytes.buffer) };
    };
    const xsdt = table(new DataView(rsdp.buffer).getUint32(24, true));
    const [fadt, madt] = [36, 44].map((offset) => table(xsdt.view.getUint32(offset, true)));
    expect(fadt.view.getUint32(112, true) & 0x10_0000).not.toBe(0); // HW_REDUCED_ACPI
    expect(madt.bytes.length).toBe(44 + 3 * 8);
    expect([...madt.bytes.subarray(52, 57)]).toEqual([0, 8, 1, 1, 1]);
    const dsdt = table(fadt.view.getUint32(140, true));
    expect(new TextDecoder('latin1').decode(dsdt.bytes)).toMatch(/CP00.*CP01.*CP02/s);
  });

  it('has the RSDP below 1 MiB too if it is a Linux that looks only there', () => {
    const notes = { [XEN_ELFNOTE_GUEST_OS]: 'linux' };
    const old = build({ image: pvhImage({ notes }) });
    expect(startInfo(old).rsdp_paddr).toBe(0xfffc0);
    expect(text(old.domain, 0xfffc0)).toMatch(/^RSD PTR /);
    expect(old.layout.memoryMap[1]).toEqual({
      start: 0xff000,
      byteLength: PAGE_SIZE,
      type: E820_NVS,
    });
    const features = { ...notes, [XEN_ELFNOTE_FEATURES]: 'linux_rsdp_unrestricted' };
    expect(startInfo(build({ image: pvhImage({ notes: features }) })).rsdp_paddr).toBe(0xfc00_0000);
  });

  it("lies where Xen 4.17's own builder put Debian's cloud kernel with 256 MiB and a RAM disk", () => {
    const segments = [{ vaddr: 0, paddr: 0x100_0000, bytes: code, memorySize: 0x2e0_0000 }];
    const notes = { [XEN_ELFNOTE_PHYS32_ENTRY]: 0x100_0850 };
    const sizes = { pages: 0x1_0000, startInfoBytes: 0x900, ramdiskBytes: 0x1f_aa10, acpiBytes: 1 };
    expect(planPvh(pvhImage({ segments, notes }), sizes)).toMatchObject({
      startInfo: 0x3e0_0000,
      ramdisk: 0x3e0_1000,
      lowPages: 0x1_0000,
    });
  });

  it('leaves nothing behind when it is destroyed', () => {
    const hypervisor = new Hypervisor({
      memory: new MachineMemory((mib + 2) * MIB),
      clock: new ManualClock(),
    });
    const before = hypervisor.frames.freeCount;
    const domain = { createCpu: () => nobody };
    const built = buildPvh(hypervisor, { image: pvhImage(), memoryBytes: mib * MIB, domain });
    hypervisor.destroyDomain(built.domain);
    expect(hypervisor.frames.freeCount).toBe(before);
    expect(hypervisor.frames.findInconsistency()).toBeNull();
  });
});

describe('building a PVH domain', () => {
  const refuse = (request: Partial<PvhRequest>, machineMib = mib): ImageError => {
    const hypervisor = machineFor(machineMib);
    const before = hypervisor.frames.freeCount;
    let error: unknown;
    try {
      buildPvh(hypervisor, { image: pvhImage(), memoryBytes: mib * MIB, ...request });
    } catch (caught) {
      error = caught;
    }
    expect(hypervisor.frames.freeCount).toBe(before);
    return error as ImageError;
  };
  const refusal = (request: Partial<PvhRequest>): [ImageErrorCode, string] => {
    const error = refuse(request);
    expect(error).toBeInstanceOf(ImageError);
    return [error.code, error.message];
  };

  it('needs a kernel that says where it is entered, in a segment', () => {
    expect(refusal({ image: xenImage() })).toEqual([
      'unsupported',
      'test-kernel is no PVH kernel: it has no Xen note PHYS32_ENTRY; run it with --type pv',
    ]);
    const wild = pvhImage({ notes: { [XEN_ELFNOTE_PHYS32_ENTRY]: 0x7000 } });
    expect(refusal({ image: wild })[1]).toMatch(/note PHYS32_ENTRY is 0x7000, which lies in no/);
  });

  it('says how much memory the guest needs when it has too little', () => {
    expect(refusal({ memoryBytes: MIB })).toEqual([
      'memory-too-small',
      'test-kernel needs memory up to 0x104000, the guest has 1 MiB; give it at least 2 MiB',
    ]);
    const ramdisk = new Uint8Array(15 * MIB);
    expect(refusal({ ramdisk })[0]).toBe('initrd-does-not-fit');
    const far = { vaddr: 0, paddr: 0xfb80_0000, bytes: code, memorySize: 0x100_0000 };
    const notes = { [XEN_ELFNOTE_PHYS32_ENTRY]: 0xfb80_0000 };
    expect(refusal({ image: pvhImage({ segments: [far], notes }) })[0]).toBe('outside-ram');
  });

  it('refuses segments that overlap and a command line that is too long', () => {
    const segments = [0, 2].map((offset) => ({ vaddr: 0, paddr: MIB + offset, bytes: code }));
    expect(refusal({ image: pvhImage({ segments }) })[1]).toMatch(/overlaps the one before it/);
    expect(refusal({ commandLine: 'x'.repeat(4096) })[0]).toBe('command-line-too-long');
  });

  it('says so when the machine has too few frames', () => {
    expect(refuse({}, 8)).toMatchObject({ code: 'no-memory' });
  });
});
