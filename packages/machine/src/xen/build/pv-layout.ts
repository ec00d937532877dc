// PvLayout: what lies in which pseudo-physical frame of a new PV guest, and what of it is mapped. xen.h, "Start-of-day memory layout".
// In order: kernel, RAM disk, p2m, start_info, xenstore ring, console ring, page tables, stack, room up to a multiple of 4 MiB, at least
// 512 KiB of it; all that is mapped from VIRT_BASE on. Behind it what need not be mapped there: a RAM disk the kernel finds by its frame,
// and a p2m that has a place of its own, with its page tables.
import { HYPERVISOR_VIRT_END, HYPERVISOR_VIRT_START } from '@proxeny/abi';
import { PAGE_SIZE } from '@proxeny/memory';
import { hex, ImageError, mebibytes } from '../../loader/load-error.js';
import { PageTablePlan } from './page-table-plan.js';
import type { PvImage } from './pv-image.js';

const MAPPING_ALIGNMENT = 4 << 20;
const PADDING_PAGES = (512 << 10) / PAGE_SIZE;

/** A run of pseudo-physical frames. */
export interface FrameRun {
  readonly pfn: number;
  readonly pages: number;
}

export interface PvLayout {
  /** Frames the guest has. */
  readonly pages: number;
  readonly ramdisk?: FrameRun & { readonly isMapped: boolean };
  /** With its page tables, if it has a place of its own. */
  readonly p2m: FrameRun & { readonly address: number };
  readonly startInfo: number;
  readonly store: number;
  readonly console: number;
  /** Those of the mapping from VIRT_BASE on; the root first. */
  readonly pageTables: FrameRun;
  readonly stack: number;
  /** Frames 0 to this are mapped from VIRT_BASE on. */
  readonly mappedPages: number;
  readonly tables: PageTablePlan;
}

/**
 * Plans a guest of `pages` frames.
 * @param ramdiskBytes 0: none
 * @throws ImageError `memory-too-small`, or `outside-ram` where the kernel's addresses are Xen's
 */
export function planPv(image: PvImage, pages: number, ramdiskBytes: number): PvLayout {
  const planner = new Planner(image, pages);
  const ramdiskPages = Math.ceil(ramdiskBytes / PAGE_SIZE);
  planner.take('the kernel', Math.ceil(image.end / PAGE_SIZE));
  const hasRamdisk = ramdiskPages > 0;
  const early = hasRamdisk && !image.unmappedRamdisk;
  const mappedRamdisk = early ? planner.take('the RAM disk', ramdiskPages) : undefined;
  const p2mPages = Math.ceil((pages * (image.word / 8)) / PAGE_SIZE);
  const early2m = image.initP2m === undefined ? planner.take('the p2m', p2mPages) : undefined;
  const [startInfo, store, console] = ['start_info', 'the xenstore ring', 'the console ring'].map(
    (what) => planner.take(what, 1).pfn,
  );
  const mappedPages = planner.findMappingEnd();
  const tables = planner.plan;
  const mapping = { address: PageTablePlan.plain(image.virtualBase), pages: mappedPages, pfn: 0 };
  const pageTables = planner.take('page tables', tables.countFor(mapping.address, mappedPages));
  tables.add(mapping, pageTables.pfn);
  const stack = planner.take('the stack', 1).pfn;
  planner.padTo(mappedPages);
  const lateRamdisk = hasRamdisk && !early ? planner.take('the RAM disk', ramdiskPages) : undefined;
  const ramdisk = mappedRamdisk ?? lateRamdisk;
  const p2m = early2m ?? planner.takeFarP2m(image.initP2m as number, p2mPages);
  return {
    pages,
    ...(ramdisk === undefined ? {} : { ramdisk: { ...ramdisk, isMapped: early } }),
    p2m: { ...p2m, address: image.initP2m ?? image.virtualBase + p2m.pfn * PAGE_SIZE },
    startInfo,
    store,
    console,
    pageTables,
    stack,
    mappedPages,
    tables,
  };
}

class Planner {
  readonly plan: PageTablePlan;
  readonly #image: PvImage;
  readonly #pages: number;
  #next = 0;

  constructor(image: PvImage, pages: number) {
    this.#image = image;
    this.#pages = pages;
    this.plan = new PageTablePlan(image.word);
  }

  take(what: string, pages: number): FrameRun {
    const run = { pfn: this.#next, pages };
    this.#need(this.#next + pages, what);
    this.#next += pages;
    return run;
  }

  padTo(pages: number): void {
    this.#next = pages;
  }

  #need(pages: number, what: string): void {
    if (pages <= this.#pages) return;
    throw new ImageError(
      'memory-too-small',
      `${this.#image.name}: the guest's ${mebibytes(this.#pages * PAGE_SIZE)} of memory end within ${what}; ` +
        `give it more than ${mebibytes(pages * PAGE_SIZE)}`,
    );
  }

  /** Pages mapped from VIRT_BASE on: with room for the tables that this very mapping needs. */
  findMappingEnd(): number {
    const { virtualBase } = this.#image;
    const allocatedEnd = virtualBase + this.#next * PAGE_SIZE;
    const otherPages = PADDING_PAGES + 1; // the stack
    let extra = otherPages;
    for (;;) {
      const wanted = allocatedEnd + extra * PAGE_SIZE;
      const end = (Math.floor(wanted / MAPPING_ALIGNMENT) + 1) * MAPPING_ALIGNMENT;
      const pages = (end - virtualBase) / PAGE_SIZE;
      this.#need(pages, 'the room mapped behind the kernel');
      this.#checkAddresses('VIRT_BASE', virtualBase, pages);
      extra = this.plan.countFor(PageTablePlan.plain(virtualBase), pages) + otherPages;
      if (allocatedEnd + extra * PAGE_SIZE <= end) return pages;
    }
  }

  /** A p2m at `address`, its page tables behind it. */
  takeFarP2m(address: number, pages: number): FrameRun {
    this.#checkAddresses('INIT_P2M', address, pages);
    const plain = PageTablePlan.plain(address);
    const kernel = PageTablePlan.plain(this.#image.virtualBase);
    if (plain + pages * PAGE_SIZE > kernel) {
      this.#refuse('INIT_P2M', address, 'the p2m would reach into the kernel');
    }
    const tables = this.plan.countFor(plain, pages);
    const run = this.take('the p2m', pages + tables);
    this.plan.add({ address: plain, pages, pfn: run.pfn }, run.pfn + pages);
    return run;
  }

  /** The guest's own part of the address space is what Xen leaves. */
  #checkAddresses(note: string, address: number, pages: number): void {
    const { word } = this.#image;
    const end = address + pages * PAGE_SIZE;
    const holeStart = HYPERVISOR_VIRT_START[word];
    const holeEnd = HYPERVISOR_VIRT_END[word];
    if (address < holeEnd && end > holeStart) {
      this.#refuse(note, address, `it would be mapped to ${hex(end)}, where Xen is`);
    }
    const isWrapped = word === 64 && (address < 0 ? end > 0 : end > 2 ** 47);
    if (isWrapped) this.#refuse(note, address, 'it would be mapped beyond the end of addresses');
  }

  #refuse(note: string, address: number, why: string): never {
    throw new ImageError(
      'outside-ram',
      `${this.#image.name}: the Xen note ${note} is ${hex(address)}: ${why}; ` +
        'the guest has too much memory for this kernel, or the image was linked wrongly',
    );
  }
}
