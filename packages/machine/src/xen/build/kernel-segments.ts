// The loadable segments of a Xen image, by their place in the guest's memory.
import { PT_LOAD } from '../../loader/elf.js';
import { hex, ImageError } from '../../loader/load-error.js';
import type { XenImage } from './xen-image.js';

export interface KernelSegment {
  /** First byte, counted from the guest's first byte of memory. */
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** What `bytes` does not cover is zero. */
  readonly memorySize: number;
}

/**
 * Segments at their physical addresses less `paddrOffset`, sorted.
 * @throws ImageError `malformed` (none, or two that overlap), `outside-ram` (below `paddrOffset`)
 */
export function kernelSegments(image: XenImage, paddrOffset: number): KernelSegment[] {
  const { name, elf } = image;
  const placed = elf.segments
    .filter((segment) => segment.type === PT_LOAD && segment.memorySize > 0)
    .map((segment) => ({
      offset: segment.paddr - paddrOffset,
      bytes: elf.view.bytes.subarray(segment.offset, segment.offset + segment.fileSize),
      memorySize: segment.memorySize,
    }))
    .sort((a, b) => a.offset - b.offset);
  if (placed.length === 0) {
    throw new ImageError('malformed', `${name} is an ELF file with nothing to load`);
  }
  let end = 0;
  for (const { offset, memorySize } of placed) {
    const which = `the segment at ${hex(offset + paddrOffset)}`;
    if (offset < 0) {
      throw new ImageError(
        'outside-ram',
        `${name}: ${which} lies below PADDR_OFFSET ${hex(paddrOffset)}; the image was linked wrongly`,
      );
    }
    if (offset < end) {
      throw new ImageError(
        'malformed',
        `${name}: ${which} overlaps the one before it; the file is damaged`,
      );
    }
    end = offset + memorySize;
  }
  return placed;
}

/** Where the first of sorted segments starts and the last one ends. */
export function extent(segments: readonly KernelSegment[]): { start: number; end: number } {
  const first = segments[0];
  const last = segments[segments.length - 1];
  return { start: first.offset, end: last.offset + last.memorySize };
}
