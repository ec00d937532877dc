// PvhLayout: what lies where in the guest-physical memory of a new PVH guest, and its memory map. The places are those of Xen's toolstack:
// RAM from 0, in two parts where it reaches the ACPI tables; behind the kernel the start information and the RAM disk; special pages for
// xenstore and console below 0xFF000000.
import {
  E820_NVS,
  E820_RAM,
  E820_RESERVED,
  feature_names,
  XENFEAT_linux_rsdp_unrestricted,
} from '@proxeny/abi';
import { PAGE_SIZE } from '@proxeny/memory';
import type { MemoryRegion } from '../../loader/e820.js';
import { hex, ImageError, mebibytes } from '../../loader/load-error.js';
import { extent, type KernelSegment, kernelSegments } from './kernel-segments.js';
import type { XenImage } from './xen-image.js';

/** ACPI tables and, up to 4 GiB, what belongs to no RAM. */
export const ACPI_START = 0xfc00_0000;
const FOUR_GIB = 0x1_0000_0000;
/** 8 pages; of these two are used. */
const SPECIAL_PFN = 0xfeff8;
const SPECIAL_PAGES = 8;
export const STORE_PFN: number = SPECIAL_PFN + 4;
export const CONSOLE_PFN: number = SPECIAL_PFN + 7;
/** Where older Linux looks for the RSDP. */
const LOW_RSDP = 0xfffc0;
const LOW_RSDP_PAGE = 0xff000;

export interface PvhLayout {
  /** Physical address the first vCPU starts at. */
  readonly entry: number;
  readonly segments: readonly KernelSegment[];
  /** Physical addresses, page-aligned. */
  readonly startInfo: number;
  readonly ramdisk?: number;
  /** Frames of RAM from 0 on, and from 4 GiB on. */
  readonly lowPages: number;
  readonly highPages: number;
  /** Where the RSDP is to be: in the tables, or below 1 MiB. */
  readonly rsdp: number;
  readonly memoryMap: readonly MemoryRegion[];
}

export interface PvhSizes {
  readonly pages: number;
  readonly startInfoBytes: number;
  /** 0: none. */
  readonly ramdiskBytes: number;
  readonly acpiBytes: number;
}

/** @throws ImageError naming the note or segment that is wrong, `memory-too-small`, `initrd-does-not-fit` */
export function planPvh(image: XenImage, sizes: PvhSizes): PvhLayout {
  const entry = image.notes.phys32Entry;
  if (entry === undefined) {
    throw new ImageError(
      'unsupported',
      `${image.name} is no PVH kernel: it has no Xen note PHYS32_ENTRY${
        image.types.includes('pv') ? '; run it with --type pv' : ''
      }`,
    );
  }
  const segments = kernelSegments(image, 0);
  const { start, end } = extent(segments);
  if (!segments.some(({ offset, memorySize }) => entry >= offset && entry < offset + memorySize)) {
    throw new ImageError(
      'malformed',
      `${image.name}: the Xen note PHYS32_ENTRY is ${hex(entry)}, which lies in no segment; the file is damaged`,
    );
  }
  const lowPages = Math.min(sizes.pages, ACPI_START / PAGE_SIZE);
  const lowEnd = lowPages * PAGE_SIZE;
  const startInfo = roundUp(end);
  const infoEnd = startInfo + roundUp(sizes.startInfoBytes);
  if (infoEnd > lowEnd) tooSmall(image, lowEnd, infoEnd, end > ACPI_START);
  const ramdiskEnd = infoEnd + roundUp(sizes.ramdiskBytes);
  if (ramdiskEnd > lowEnd) {
    throw new ImageError(
      'initrd-does-not-fit',
      `the RAM disk (${mebibytes(sizes.ramdiskBytes)}) does not fit behind ${image.name} into ${mebibytes(lowEnd)} ` +
        `of memory; give the guest at least ${mebibytes(ramdiskEnd)}`,
    );
  }
  const isRsdpLow = wantsLowRsdp(image) && start >= LOW_RSDP_PAGE + PAGE_SIZE;
  return {
    entry,
    segments,
    startInfo,
    ...(sizes.ramdiskBytes > 0 ? { ramdisk: infoEnd } : {}),
    lowPages,
    highPages: sizes.pages - lowPages,
    rsdp: isRsdpLow ? LOW_RSDP : ACPI_START,
    memoryMap: memoryMap(lowEnd, sizes, isRsdpLow),
  };
}

function tooSmall(image: XenImage, have: number, need: number, isNowhere: boolean): never {
  if (isNowhere) {
    throw new ImageError(
      'outside-ram',
      `${image.name}: a segment ends at ${hex(need)}, where no guest has RAM; the image was linked wrongly`,
    );
  }
  throw new ImageError(
    'memory-too-small',
    `${image.name} needs memory up to ${hex(need)}, the guest has ${mebibytes(have)}; ` +
      `give it at least ${mebibytes(need)}`,
  );
}

/** Linux kernels of old ignore the address in hvm_start_info. */
function wantsLowRsdp({ notes }: XenImage): boolean {
  const name = feature_names[XENFEAT_linux_rsdp_unrestricted] as string;
  const isFree =
    notes.supportedFeatures.includes(name) ||
    ((notes.featureBits >>> XENFEAT_linux_rsdp_unrestricted) & 1) !== 0;
  return notes.guestOs === 'linux' && !isFree;
}

function memoryMap(lowEnd: number, sizes: PvhSizes, isRsdpLow: boolean): MemoryRegion[] {
  const region = (start: number, end: number, type: number): MemoryRegion => ({
    start,
    byteLength: end - start,
    type,
  });
  const highBytes = sizes.pages * PAGE_SIZE - lowEnd;
  const special = SPECIAL_PFN * PAGE_SIZE;
  const low = isRsdpLow
    ? [
        region(0, LOW_RSDP_PAGE, E820_RAM),
        region(LOW_RSDP_PAGE, LOW_RSDP_PAGE + PAGE_SIZE, E820_NVS),
        region(LOW_RSDP_PAGE + PAGE_SIZE, lowEnd, E820_RAM),
      ]
    : [region(0, lowEnd, E820_RAM)];
  return [
    ...low,
    region(ACPI_START, ACPI_START + roundUp(sizes.acpiBytes), E820_NVS),
    region(special, special + SPECIAL_PAGES * PAGE_SIZE, E820_RESERVED),
    ...(highBytes > 0 ? [region(FOUR_GIB, FOUR_GIB + highBytes, E820_RAM)] : []),
  ];
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / PAGE_SIZE) * PAGE_SIZE;
}
