// Builds a PVH domain from a kernel image, as Xen's toolstack does: translated memory, segments by physical address, hvm_start_info, ACPI
// tables, rings in special pages, the memory map, and the state its first vCPU starts with. The domain stays paused.
import {
  e820entry,
  HVM_PARAM_CONSOLE_EVTCHN,
  HVM_PARAM_CONSOLE_PFN,
  HVM_PARAM_STORE_EVTCHN,
  HVM_PARAM_STORE_PFN,
} from '@proxeny/abi';
import { type Domain, type DomainConfig, defaultLimits, type Hypervisor } from '@proxeny/hv-core';
import { type Mfn, PAGE_SIZE } from '@proxeny/memory';
import type { MemoryRegion } from '../../loader/e820.js';
import { EM_X86_64 } from '../../loader/elf.js';
import type { BootEntry } from '../../loader/entry.js';
import { FLAT_CODE, FLAT_DATA } from '../../loader/load-request.js';
import { commandLineBytes } from './command-line.js';
import { DomainMemory } from './domain-memory.js';
import { pvhAcpi } from './pvh-acpi.js';
import { ACPI_START, CONSOLE_PFN, type PvhLayout, planPvh, STORE_PFN } from './pvh-layout.js';
import { pvhStartInfo, pvhStartInfoBytes } from './pvh-start.js';
import { type ServiceRing, serviceRing } from './service-ring.js';
import type { XenImage } from './xen-image.js';

export interface PvhRequest {
  readonly image: XenImage;
  readonly ramdisk?: Uint8Array;
  readonly commandLine?: string;
  /** Whole pages of it are used. */
  readonly memoryBytes: number;
  /** What the guest may grow to; default `memoryBytes`. */
  readonly maxMemoryBytes?: number;
  /** Everything about the domain but what follows from the image. */
  readonly domain?: Omit<DomainConfig, 'kind' | 'word' | 'gfnLimit'>;
  /** The domains that may bind to the guest's xenstore and console ports; default 0. */
  readonly storeDomain?: number;
  readonly consoleDomain?: number;
}

export interface BuiltPvh {
  readonly domain: Domain;
  readonly layout: PvhLayout;
  /** CR0 has PE, everything else of control registers is 0; TR is an active 32-bit TSS at 0, limit 0x67. */
  readonly start: BootEntry;
  /** Unbound ports, for whoever serves xenstore and the console. */
  readonly store: ServiceRing;
  readonly console: ServiceRing;
}

/** Longer than any kernel's. */
const MAX_COMMAND_LINE = 4096;
/** What Xen's tools let a domain have beyond its memory. */
const EXTRA_FRAMES = 256;
/** Guest frames above the memory and above 4 GiB, for what the guest maps. */
const EXTRA_GFNS = 0x1_0000;
const FOUR_GIB_PFN = 0x10_0000;

/**
 * @throws ImageError about image, RAM disk or command line; HvError `no-memory` if the machine has too few frames.
 * Whatever it throws, no domain is left.
 */
export function buildPvh(hypervisor: Hypervisor, request: PvhRequest): BuiltPvh {
  const { image, ramdisk } = request;
  const commandLine = commandLineBytes(request.commandLine ?? '', image.name, MAX_COMMAND_LINE);
  const acpi = pvhAcpi(ACPI_START, request.domain?.vcpuCount ?? 1);
  const pages = Math.floor(request.memoryBytes / PAGE_SIZE);
  const layout = planPvh(image, {
    pages,
    startInfoBytes: pvhStartInfoBytes(commandLine),
    ramdiskBytes: ramdisk?.length ?? 0,
    acpiBytes: acpi.bytes.length,
  });
  const maxPages = Math.max(pages, Math.floor((request.maxMemoryBytes ?? 0) / PAGE_SIZE));
  const domain = hypervisor.createDomain({
    ...request.domain,
    kind: 'translated',
    word: image.elf.machine === EM_X86_64 ? 64 : 32,
    gfnLimit: FOUR_GIB_PFN + layout.highPages + EXTRA_GFNS,
    limits: { ...defaultLimits, maxFrames: maxPages + EXTRA_FRAMES, ...request.domain?.limits },
  });
  try {
    populate(domain, layout, acpi.bytes.length);
    const memory = new DomainMemory(domain, (pfn) => domain.p2m?.mfnOf(pfn) as Mfn);
    for (const segment of layout.segments) memory.write(segment.offset, segment.bytes);
    memory.write(ACPI_START, acpi.bytes);
    if (layout.rsdp !== ACPI_START) memory.write(layout.rsdp, acpi.rsdp);
    if (ramdisk && layout.ramdisk !== undefined) memory.write(layout.ramdisk, ramdisk);
    memory.write(
      layout.startInfo,
      pvhStartInfo(layout.startInfo, {
        commandLine,
        rsdp: layout.rsdp,
        memoryMap: layout.memoryMap,
        ...(ramdisk && layout.ramdisk !== undefined
          ? { ramdisk: { start: layout.ramdisk, byteLength: ramdisk.length } }
          : {}),
      }),
    );
    domain.memoryMap = e820Bytes(layout.memoryMap);
    const ring = (which: 'store' | 'console', pfn: number, remote = 0) =>
      serviceRing(domain, which, { pfn, mfn: memory.mfnOf(pfn) }, remote);
    const store = ring('store', STORE_PFN, request.storeDomain);
    const console = ring('console', CONSOLE_PFN, request.consoleDomain);
    setParameters(domain, store, console);
    return { domain, layout, start: startOf(layout), store, console };
  } catch (error) {
    hypervisor.destroyDomain(domain);
    throw error;
  }
}

function populate(domain: Domain, layout: PvhLayout, acpiBytes: number): void {
  domain.populate(0, layout.lowPages);
  if (layout.highPages > 0) domain.populate(FOUR_GIB_PFN, layout.highPages);
  domain.populate(ACPI_START / PAGE_SIZE, Math.ceil(acpiBytes / PAGE_SIZE));
  domain.populate(STORE_PFN, 1);
  domain.populate(CONSOLE_PFN, 1);
}

function e820Bytes(map: readonly MemoryRegion[]): Uint8Array {
  const { fields, byteLength } = e820entry.of(64);
  const bytes = new Uint8Array(map.length * byteLength);
  const view = new DataView(bytes.buffer);
  for (const [i, region] of map.entries()) {
    fields.addr.set(view, i * byteLength, region.start);
    fields.size.set(view, i * byteLength, region.byteLength);
    fields.type.set(view, i * byteLength, region.type);
  }
  return bytes;
}

function startOf(layout: PvhLayout): BootEntry {
  return {
    mode: 'protected32',
    rip: layout.entry,
    registers: { rbx: layout.startInfo },
    cs: FLAT_CODE,
    data: FLAT_DATA,
  };
}

function setParameters({ hvmParams }: Domain, store: ServiceRing, console: ServiceRing): void {
  hvmParams.set(HVM_PARAM_STORE_PFN, store.pfn);
  hvmParams.set(HVM_PARAM_STORE_EVTCHN, store.port);
  hvmParams.set(HVM_PARAM_CONSOLE_PFN, console.pfn);
  hvmParams.set(HVM_PARAM_CONSOLE_EVTCHN, console.port);
}
