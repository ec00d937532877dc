// Builds a PV domain from a kernel image, as Xen's toolstack does: memory, image, p2m, rings, page tables, start_info, and the state its
// first vCPU starts with. The domain stays paused; nothing of it runs here.
import { MAX_GUEST_CMDLINE, VMASST_TYPE_pae_extended_cr3 } from '@proxeny/abi';
import {
  type Domain,
  type DomainConfig,
  defaultLimits,
  HvError,
  type Hypervisor,
  hypercallPage,
  PageType,
  pinTable,
} from '@proxeny/hv-core';
import { type Mfn, PAGE_SIZE } from '@proxeny/memory';
import { commandLineBytes } from './command-line.js';
import { DomainMemory } from './domain-memory.js';
import type { PlannedTable } from './page-table-plan.js';
import { checkPvImage, type PvImage } from './pv-image.js';
import { type PvLayout, planPv } from './pv-layout.js';
import { type PvStart, startOf, writeStartInfo } from './pv-start.js';
import { type ServiceRing, serviceRing } from './service-ring.js';
import type { XenImage } from './xen-image.js';

export interface PvRequest {
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

export interface BuiltPv {
  readonly domain: Domain;
  readonly image: PvImage;
  readonly layout: PvLayout;
  /** The machine frame behind each pseudo-physical one, at start. */
  readonly mfns: readonly Mfn[];
  readonly start: PvStart;
  /** Unbound ports, for whoever serves xenstore and the console. */
  readonly store: ServiceRing;
  readonly console: ServiceRing;
}

/** What Xen's tools let a domain have beyond its memory. */
const EXTRA_FRAMES = 256;

const PRESENT_ACCESSED = 0x021;
const WRITABLE = 0x002;
/** Present, writable, user, accessed, dirty. */
const TABLE_FLAGS = 0x067;

/**
 * @throws ImageError about image, RAM disk or command line; HvError `no-memory` if the machine has too few frames.
 * Whatever it throws, no domain is left.
 */
export function buildPv(hypervisor: Hypervisor, request: PvRequest): BuiltPv {
  const image = checkPvImage(request.image);
  const commandLine = commandLineBytes(request.commandLine ?? '', image.name, MAX_GUEST_CMDLINE);
  const pages = Math.floor(request.memoryBytes / PAGE_SIZE);
  const ramdiskBytes = request.ramdisk?.length ?? 0;
  const layout = planPv(image, pages, ramdiskBytes);
  const maxPages = Math.max(pages, Math.floor((request.maxMemoryBytes ?? 0) / PAGE_SIZE));
  const domain = hypervisor.createDomain({
    ...request.domain,
    kind: 'pv',
    word: image.word,
    limits: { ...defaultLimits, maxFrames: maxPages + EXTRA_FRAMES, ...request.domain?.limits },
  });
  try {
    const mfns = allocate(domain, pages);
    const memory = new DomainMemory(domain, (pfn) => mfns[pfn]);
    loadImage(memory, image, layout, request.ramdisk);
    writeP2m(memory, image, layout, mfns);
    const ring = (which: 'store' | 'console', remote = 0) =>
      serviceRing(domain, which, { pfn: layout[which], mfn: mfns[layout[which]] }, remote);
    const store = ring('store', request.storeDomain);
    const console = ring('console', request.consoleDomain);
    const contents = { store, console, commandLine, ramdiskBytes };
    writeStartInfo(memory, domain, image, layout, contents);
    writePageTables(memory, layout);
    const root = mfns[layout.pageTables.pfn];
    useRoot(domain, root);
    if (image.word === 32 && image.isCr3Extended) {
      domain.assists.add(VMASST_TYPE_pae_extended_cr3);
    }
    return { domain, image, layout, mfns, start: startOf(image, layout, root), store, console };
  } catch (error) {
    hypervisor.destroyDomain(domain);
    throw error;
  }
}

function allocate(domain: Domain, pages: number): Mfn[] {
  const mfns = domain.allocateFrames(pages);
  if (mfns.length < pages) {
    throw new HvError(
      'no-memory',
      `domain ${domain.name} gets ${mfns.length} of ${pages} frames: give the machine more memory, or the domain less`,
    );
  }
  domain.hypervisor.m2p.setAll(mfns);
  return mfns;
}

function loadImage(
  memory: DomainMemory,
  image: PvImage,
  layout: PvLayout,
  ramdisk: Uint8Array | undefined,
): void {
  // New frames are zeroed, so what segments leave out is as well.
  for (const segment of image.segments) memory.write(segment.offset, segment.bytes);
  if (image.hypercallPage !== undefined) {
    memory.write(image.hypercallPage, hypercallPage(image.word === 64 ? 'syscall' : 'int82'));
  }
  if (layout.ramdisk !== undefined && ramdisk !== undefined) {
    memory.write(layout.ramdisk.pfn * PAGE_SIZE, ramdisk);
  }
}

function writeP2m(
  memory: DomainMemory,
  image: PvImage,
  layout: PvLayout,
  mfns: readonly Mfn[],
): void {
  const words = image.word / 32;
  const list = new Uint32Array(mfns.length * words);
  for (let pfn = 0; pfn < mfns.length; pfn++) list[pfn * words] = mfns[pfn];
  memory.write(layout.p2m.pfn * PAGE_SIZE, new Uint8Array(list.buffer));
}

function writePageTables(memory: DomainMemory, layout: PvLayout): void {
  const { tables } = layout;
  const tableFrames = new Set<number>();
  for (const { level, index, pfn } of tables.tables) {
    tableFrames.add(pfn);
    if (level === tables.levels) continue;
    const parent = tables.tableAt(level + 1, index * PAGE_SIZE * 512 ** level);
    if (parent) memory.writeEntry(parent.pfn, index % 512, pfn, TABLE_FLAGS);
  }
  for (const { address, pages, pfn } of tables.mappings) {
    let table: PlannedTable | undefined;
    for (let page = 0; page < pages; page++) {
      const at = address + page * PAGE_SIZE;
      const slot = (at / PAGE_SIZE) % 512;
      if (page === 0 || slot === 0) table = tables.tableAt(1, at);
      const flags = PRESENT_ACCESSED | (tableFrames.has(pfn + page) ? 0 : WRITABLE);
      if (table) memory.writeEntry(table.pfn, slot, pfn + page, flags);
    }
  }
}

/** Has the hypervisor check the tables, pins them, and makes them the first vCPU's. */
function useRoot(domain: Domain, root: Mfn): void {
  const { types } = domain.hypervisor;
  types.workLeft = Number.POSITIVE_INFINITY;
  const type = domain.word === 64 ? PageType.l4 : PageType.l3;
  const status = pinTable(types, root, domain.id, type) || (domain.vcpus[0]?.setRoot(root) ?? 0);
  if (status !== 0) {
    throw new HvError(
      'bad-argument',
      `the page tables built for domain ${domain.name} were refused (${status}): a mistake of the builder`,
    );
  }
}
