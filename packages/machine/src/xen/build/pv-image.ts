// PvImage: a Xen image checked for running as a PV guest, its addresses resolved. `offset`s count bytes from VIRT_BASE, which is also the
// guest's first pseudo-physical byte: virtual = physical − PADDR_OFFSET + VIRT_BASE. elfnote.h.
import {
  feature_names,
  XENFEAT_auto_translated_physmap,
  XENFEAT_dom0,
  XENFEAT_supervisor_mode_kernel,
} from '@proxeny/abi';
import { PAGE_SIZE } from '@proxeny/memory';
import { EM_386 } from '../../loader/elf.js';
import { hex, ImageError } from '../../loader/load-error.js';
import { extent, type KernelSegment, kernelSegments } from './kernel-segments.js';
import type { XenImage } from './xen-image.js';

export interface PvImage {
  readonly name: string;
  readonly word: 32 | 64;
  /** Linear address, signed canonical. */
  readonly entry: number;
  /** Linear address of offset 0. */
  readonly virtualBase: number;
  /** Sorted and disjoint. */
  readonly segments: readonly KernelSegment[];
  /** Where the first segment starts and the last one ends. */
  readonly start: number;
  readonly end: number;
  /** Offset of the page to fill with stubs. */
  readonly hypercallPage?: number;
  /** Linear address of the p2m, if it is not to follow the kernel. */
  readonly initP2m?: number;
  readonly unmappedRamdisk: boolean;
  /** A 32-bit kernel that takes a page-table root above 4 GiB. */
  readonly isCr3Extended: boolean;
}

/** Features no guest of ours can count on, with why. The others are the guest's own business, as in Xen. */
const withheldFeatures: ReadonlyMap<string | undefined, string> = new Map([
  [feature_names[XENFEAT_dom0], 'it is only for the privileged first domain'],
  [feature_names[XENFEAT_auto_translated_physmap], 'PV guests have untranslated memory'],
  [feature_names[XENFEAT_supervisor_mode_kernel], 'no guest runs in ring 0'],
]);

/** @throws ImageError naming the note or segment that is wrong */
export function checkPvImage(image: XenImage): PvImage {
  const { name, elf, notes } = image;
  checkPersonality(image);
  checkFeatures(image);
  const word = elf.machine === EM_386 ? 32 : 64;
  if (word === 32 && notes.paeMode === 'no') {
    throw new ImageError(
      'unsupported',
      `${name}: PAE_MODE says that this 32-bit kernel runs without PAE, which Xen gave up; use one built with PAE, or a 64-bit one`,
    );
  }
  const virtualBase = notes.virtualBase ?? 0;
  if (virtualBase % PAGE_SIZE !== 0) wrong(image, 'VIRT_BASE', virtualBase, 'not page-aligned');
  if (notes.virtualBase === undefined && notes.paddrOffset !== undefined) {
    throw new ImageError('malformed', `${name}: the Xen note PADDR_OFFSET needs VIRT_BASE as well`);
  }
  const segments = kernelSegments(image, notes.paddrOffset ?? 0);
  const { start, end } = extent(segments);
  const entry = notes.entry ?? elf.entry;
  if (entry < virtualBase + start || entry > virtualBase + end) {
    wrong(image, 'ENTRY', entry, `outside of the kernel, ${range(virtualBase, start, end)}`);
  }
  const page = notes.hypercallPage;
  if (page !== undefined && !isPageInside(page - virtualBase, start, end)) {
    wrong(
      image,
      'HYPERCALL_PAGE',
      page,
      `no page of the kernel, ${range(virtualBase, start, end)}`,
    );
  }
  return {
    name,
    word,
    entry,
    virtualBase,
    segments,
    start,
    end,
    unmappedRamdisk: notes.unmappedRamdisk,
    isCr3Extended: notes.paeMode === 'extended' || notes.paeMode === 'bimodal',
    ...(page === undefined ? {} : { hypercallPage: page - virtualBase }),
    ...initP2m(image, word, virtualBase),
  };
}

function wrong(image: XenImage, note: string, value: number, why: string): never {
  throw new ImageError(
    'malformed',
    `${image.name}: the Xen note ${note} is ${hex(value)}, ${why}; the image was linked wrongly`,
  );
}

function range(virtualBase: number, start: number, end: number): string {
  return `${hex(virtualBase + start)}–${hex(virtualBase + end)}`;
}

function isPageInside(offset: number, start: number, end: number): boolean {
  return offset % PAGE_SIZE === 0 && offset >= start && offset + PAGE_SIZE <= roundUp(end);
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / PAGE_SIZE) * PAGE_SIZE;
}

/** The image must be made for PV guests of Xen 3.0 and later. */
function checkPersonality({ name, notes, types }: XenImage): void {
  if (!types.includes('pv')) {
    throw new ImageError(
      'unsupported',
      `${name} is not a PV kernel: it has neither ENTRY nor VIRT_BASE among its Xen notes${
        types.includes('pvh') ? '; run it with --type pvh' : ''
      }`,
    );
  }
  if (!notes.loader.startsWith('generic') && !notes.guestOs.startsWith('linux')) {
    throw new ImageError(
      'unsupported',
      `${name}: the Xen note LOADER is "${notes.loader}"; only images for the generic loader are known`,
    );
  }
  if (!notes.xenVersion.startsWith('xen-3.0')) {
    throw new ImageError(
      'unsupported',
      `${name}: the Xen note XEN_VERSION is "${notes.xenVersion}"; only the interface xen-3.0 is known`,
    );
  }
}

function checkFeatures({ name, notes }: XenImage): void {
  for (const feature of notes.requiredFeatures) {
    const why = feature_names.includes(feature)
      ? withheldFeatures.get(feature)
      : 'no Xen has a feature of this name';
    if (why === undefined) continue;
    throw new ImageError(
      'unsupported',
      `${name}: the Xen note FEATURES requires "${feature}", which guests do not get here: ${why}`,
    );
  }
}

/** As Xen does, a place that cannot be is ignored: the p2m then follows the kernel, and the guest finds it by start_info. */
function initP2m({ notes }: XenImage, word: 32 | 64, virtualBase: number): { initP2m?: number } {
  const address = notes.initP2m;
  if (address === undefined || word === 32 || address % PAGE_SIZE !== 0) return {};
  const unsigned = (linear: number): number => (linear < 0 ? linear + 2 ** 48 : linear);
  return unsigned(address) < unsigned(virtualBase) ? { initP2m: address } : {};
}
