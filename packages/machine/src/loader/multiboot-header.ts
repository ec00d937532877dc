// The Multiboot 1 header an image carries in its first 8 KiB. Multiboot Specification 0.6.96 §3.1.
import { ImageView } from './image-view.js';
import { ImageError } from './load-error.js';

const MULTIBOOT_MAGIC = 0x1badb002;
const SEARCH_LENGTH = 8192;
/** Flag: modules on page boundaries (always so here). */
const PAGE_ALIGN = 0x1;
/** Flag: mem_lower, mem_upper and, if possible, the memory map (always given). */
const MEMORY_INFO = 0x2;
const VIDEO_MODE = 0x4;
/** Flag: the header says where to load the image, instead of ELF headers ("a.out kludge"). */
const ADDRESSES_VALID = 0x10000;

/** The image's own idea of where it goes; physical addresses. */
export interface MultibootAddresses {
  /** Offset in the file of the byte that goes to `load`. */
  readonly fileOffset: number;
  readonly load: number;
  readonly loadEnd: number;
  readonly bssEnd: number;
  readonly entry: number;
}

export interface MultibootHeader {
  readonly offset: number;
  readonly flags: number;
  /** Absent: the image must be ELF. */
  readonly addresses?: MultibootAddresses;
}

/** Offset of the header: magic, flags and a checksum that makes their sum 0; −1 without one. */
export function findMultibootHeader(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = Math.min(bytes.length, SEARCH_LENGTH) - 12;
  for (let at = 0; at <= end; at += 4) {
    if (view.getUint32(at, true) !== MULTIBOOT_MAGIC) continue;
    const sum = MULTIBOOT_MAGIC + view.getUint32(at + 4, true) + view.getUint32(at + 8, true);
    if (sum >>> 0 === 0) return at;
  }
  return -1;
}

/** @throws ImageError `not-an-image`, `unsupported` (a requirement we cannot meet), `malformed`, `truncated` */
export function parseMultibootHeader(bytes: Uint8Array, name: string): MultibootHeader {
  const offset = findMultibootHeader(bytes);
  if (offset < 0) throw new ImageError('not-an-image', `${name} has no Multiboot header`);
  const view = new ImageView(bytes, name);
  const flags = view.u32(offset + 4);
  const textMode = (flags & VIDEO_MODE) !== 0 && view.u32(offset + 32) === 1;
  // Bits 0–15 are requirements: what a loader does not know it must refuse.
  const unknown = flags & 0xffff & ~(PAGE_ALIGN | MEMORY_INFO | (textMode ? VIDEO_MODE : 0));
  if (unknown !== 0) {
    throw new ImageError(
      'unsupported',
      unknown & VIDEO_MODE
        ? `${name}: its Multiboot header requires a graphics mode; only text consoles are available`
        : `${name}: its Multiboot header requires features 0x${unknown.toString(16)}, which Multiboot 1 does not define`,
    );
  }
  if ((flags & ADDRESSES_VALID) === 0) return { offset, flags };

  const header = view.u32(offset + 12);
  const load = view.u32(offset + 16);
  const fileOffset = offset - (header - load);
  if (load > header || fileOffset < 0) {
    throw new ImageError('malformed', `${name}: impossible addresses in the Multiboot header`);
  }
  const loadEnd = view.u32(offset + 20) || load + bytes.length - fileOffset;
  const bssEnd = view.u32(offset + 24) || loadEnd;
  const entry = view.u32(offset + 28);
  if (loadEnd < load || bssEnd < loadEnd || entry < load || entry >= bssEnd) {
    throw new ImageError('malformed', `${name}: impossible addresses in the Multiboot header`);
  }
  view.need(fileOffset, loadEnd - load, 'the image');
  return { offset, flags, addresses: { fileOffset, load, loadEnd, bssEnd, entry } };
}
