// Putting an ELF image's loadable segments into guest RAM at their physical addresses, everything checked first.
import type { Gpa } from '@proxeny/memory';
import { isRam, topOfLowRam } from './e820.js';
import { type ElfImage, type ElfSegment, PT_LOAD } from './elf.js';
import { hex, ImageError, mebibytes } from './load-error.js';
import type { LoadContext, PlacedRange } from './load-request.js';

const ZEROS: Uint8Array = new Uint8Array(0x10000);

function loadable(elf: ElfImage): ElfSegment[] {
  return elf.segments.filter((s) => s.type === PT_LOAD && s.memorySize > 0);
}

/**
 * Writes every PT_LOAD segment and zeroes its rest.
 * @throws ImageError `malformed` (nothing to load), `memory-too-small`, `outside-ram`; nothing is written then.
 */
export function loadElfSegments(elf: ElfImage, context: LoadContext): PlacedRange[] {
  const segments = loadable(elf);
  const { memory, memoryMap, imageName } = context;
  if (segments.length === 0) {
    throw new ImageError('malformed', `${imageName} is an ELF file with nothing to load`);
  }
  let total = 0;
  for (const [i, s] of segments.entries()) {
    const end = s.paddr + s.memorySize;
    if (isRam(memoryMap, s.paddr, end)) {
      total += s.memorySize;
      continue;
    }
    const top = topOfLowRam(memoryMap);
    if (s.paddr >= 0x100000 && end > top && end <= 0xc0000000) {
      throw new ImageError(
        'memory-too-small',
        `${imageName}: segment ${i} needs memory up to ${hex(end)}, the machine has ${mebibytes(top)}; ` +
          `give it at least ${mebibytes(end)}`,
      );
    }
    throw new ImageError(
      'outside-ram',
      `${imageName}: segment ${i} (${hex(s.paddr)}–${hex(end)}) lies where a PC has no RAM; ` +
        'the image must be linked to physical addresses from 1 MiB up',
    );
  }
  // Overlapping segments without end would make a small file cost much time.
  if (total > 4 * memory.byteLength) {
    throw new ImageError('malformed', `${imageName}: segments overlap; the file is damaged`);
  }
  for (const s of segments) {
    memory.copyTo(s.paddr as Gpa, elf.view.bytes.subarray(s.offset, s.offset + s.fileSize));
    fillZero(context, s.paddr + s.fileSize, s.paddr + s.memorySize);
  }
  return segments.map((s, i) => ({
    what: `segment ${i}`,
    start: s.paddr,
    end: s.paddr + s.memorySize,
  }));
}

/**
 * The physical address of the entry point: images linked high give a linear address, which is translated by the
 * segment that holds it.
 * @throws ImageError `outside-ram`
 */
export function physicalEntry(elf: ElfImage, context: LoadContext): number {
  for (const s of loadable(elf)) {
    if (elf.entry >= s.vaddr && elf.entry < s.vaddr + s.memorySize) {
      return elf.entry - s.vaddr + s.paddr;
    }
  }
  // Linked high, but with a physical entry point, as Linux does it.
  for (const s of loadable(elf)) {
    if (elf.entry >= s.paddr && elf.entry < s.paddr + s.memorySize) return elf.entry;
  }
  throw new ImageError(
    'outside-ram',
    `${context.imageName}: the entry point ${hex(elf.entry)} lies in no segment; the file is damaged`,
  );
}

export function fillZero(context: LoadContext, start: number, end: number): void {
  for (let at = start; at < end; at += ZEROS.length) {
    context.memory.copyTo(at as Gpa, ZEROS.subarray(0, Math.min(ZEROS.length, end - at)));
  }
}
