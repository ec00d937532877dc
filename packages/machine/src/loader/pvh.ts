// PVH: an ELF kernel entered in 32-bit protected mode with a struct hvm_start_info. Xen docs/misc/pvh.pandoc and the
// public header arch-x86/hvm/start_info.h (version 1).
import type { Gpa } from '@proxeny/memory';
import { BootArea } from './boot-area.js';
import { PCI_HOLE_START } from './e820.js';
import type { ElfImage } from './elf.js';
import { findNote } from './elf-note.js';
import { loadElfSegments } from './elf-segments.js';
import { hex, ImageError } from './load-error.js';
import {
  FLAT_CODE,
  FLAT_DATA,
  type LoadContext,
  type LoadedImage,
  type PlacedRange,
} from './load-request.js';
import { placeHigh } from './modules.js';

const XEN_ELFNOTE_PHYS32_ENTRY = 18;
const XEN_HVM_START_MAGIC_VALUE = 0x336ec578;

/** The physical entry point the image's XEN_ELFNOTE_PHYS32_ENTRY note gives, or undefined without one. */
export function pvhEntry(elf: ElfImage): number | undefined {
  const description = findNote(elf, 'Xen', XEN_ELFNOTE_PHYS32_ENTRY)?.description;
  if (description === undefined || description.length < 4) return undefined;
  // 4 bytes, or 8 as Linux' 64-bit kernels write it; the entry point is below 4 GiB.
  return new DataView(description.buffer, description.byteOffset, 4).getUint32(0, true);
}

/** @throws ImageError */
export function loadPvh(elf: ElfImage, context: LoadContext): LoadedImage {
  const entry = pvhEntry(elf);
  if (entry === undefined) {
    throw new ImageError(
      'unsupported',
      `${context.imageName} has no PVH entry point (no XEN_ELFNOTE_PHYS32_ENTRY note)`,
    );
  }
  const placed: PlacedRange[] = loadElfSegments(elf, context);
  if (!placed.some((segment) => entry >= segment.start && entry < segment.end)) {
    throw new ImageError(
      'outside-ram',
      `${context.imageName}: the PVH entry point ${hex(entry)} lies in no segment; the file is damaged`,
    );
  }
  const modules = [...context.modules];
  if (context.initrd !== undefined && context.initrd.length > 0) {
    modules.unshift({ bytes: context.initrd });
  }
  const placedModules = modules.map((module, i) => {
    const range = placeHigh(context, `module ${i}`, module.bytes, PCI_HOLE_START, placed);
    placed.push(range);
    return range;
  });

  const area = BootArea.beside(context.memory, placed);
  const memory = area.memory;
  const info = area.allocate(56, 8, 'hvm_start_info');
  const moduleList = area.allocate(modules.length * 32, 8, 'the module list');
  for (const [i, range] of placedModules.entries()) {
    const at = moduleList + i * 32;
    area.writeU64(at, range.start);
    area.writeU64(at + 8, range.end - range.start);
    const text = modules[i].commandLine;
    if (text !== undefined) area.writeU64(at + 16, area.writeText(text, 'the command line'));
  }
  const map = context.memoryMap;
  const memoryMap = area.allocate(map.length * 24, 8, 'the memory map');
  for (const [i, region] of map.entries()) {
    const at = memoryMap + i * 24;
    area.writeU64(at, region.start);
    area.writeU64(at + 8, region.byteLength);
    memory.writeU32((at + 16) as Gpa, region.type);
  }
  memory.writeU32(info as Gpa, XEN_HVM_START_MAGIC_VALUE);
  memory.writeU32((info + 4) as Gpa, 1); // version
  memory.writeU32((info + 12) as Gpa, modules.length);
  area.writeU64(info + 16, modules.length > 0 ? moduleList : 0);
  area.writeU64(info + 24, area.writeText(context.commandLine, 'the command line'));
  area.writeU64(info + 32, context.acpiRsdp ?? 0);
  area.writeU64(info + 40, memoryMap);
  memory.writeU32((info + 48) as Gpa, map.length);
  return {
    protocol: 'pvh',
    entry: {
      mode: 'protected32',
      rip: entry,
      registers: { rbx: info },
      cs: FLAT_CODE,
      data: FLAT_DATA,
      gdt: area.writeGdt(false),
    },
    placed,
    roms: [],
  };
}
