// Loading a Multiboot 1 image with its modules: ELF or by the header's own addresses. Multiboot Specification 0.6.96
// §3.2 (machine state) and §3.3 (boot information).
import type { Gpa } from '@proxeny/memory';
import { BootArea } from './boot-area.js';
import { EBDA_START, HIGH_RAM_START, isRam, PCI_HOLE_START, topOfLowRam } from './e820.js';
import { isElf, parseElf } from './elf.js';
import { fillZero, loadElfSegments, physicalEntry } from './elf-segments.js';
import { hex, ImageError, mebibytes } from './load-error.js';
import {
  FLAT_CODE,
  FLAT_DATA,
  type LoadContext,
  type LoadedImage,
  type PlacedRange,
} from './load-request.js';
import { placeHigh } from './modules.js';
import { type MultibootAddresses, parseMultibootHeader } from './multiboot-header.js';

const BOOTLOADER_MAGIC = 0x2badb002;
const LOADER_NAME = 'Proxeny';
// Which parts of the information structure are valid.
const INFO_MEMORY = 0x1;
const INFO_COMMAND_LINE = 0x4;
const INFO_MODULES = 0x8;
const INFO_MEMORY_MAP = 0x40;
const INFO_LOADER_NAME = 0x200;

/** @throws ImageError */
export function loadMultiboot(context: LoadContext): LoadedImage {
  const { image, imageName, memoryMap } = context;
  const header = parseMultibootHeader(image, imageName);
  let rip: number;
  let placed: PlacedRange[];
  if (header.addresses !== undefined) {
    placed = [loadByAddresses(context, header.addresses)];
    rip = header.addresses.entry;
  } else if (isElf(image)) {
    const elf = parseElf(image, imageName);
    placed = loadElfSegments(elf, context);
    rip = physicalEntry(elf, context);
  } else {
    throw new ImageError(
      'malformed',
      `${imageName} has a Multiboot header without load addresses, but is not an ELF file`,
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
  const info = area.allocate(116, 16, 'the boot information');
  const u32 = (at: number, value: number): void => area.memory.writeU32(at as Gpa, value);
  u32(info, INFO_MEMORY | INFO_COMMAND_LINE | INFO_MODULES | INFO_MEMORY_MAP | INFO_LOADER_NAME);
  u32(info + 4, EBDA_START / 1024); // mem_lower, in KiB
  u32(info + 8, (topOfLowRam(memoryMap) - HIGH_RAM_START) / 1024); // mem_upper, in KiB
  // Kernels look for their options behind the first word, the image's name.
  u32(info + 16, area.writeText(`${imageName} ${context.commandLine}`, 'the command line'));
  const list = area.allocate(modules.length * 16, 16, 'the module list');
  u32(info + 20, modules.length);
  u32(info + 24, list);
  for (const [i, range] of placedModules.entries()) {
    u32(list + i * 16, range.start);
    u32(list + i * 16 + 4, range.end);
    u32(list + i * 16 + 8, area.writeText(modules[i].commandLine ?? '', 'the command line'));
  }
  const map = area.allocate(memoryMap.length * 24, 16, 'the memory map');
  u32(info + 44, memoryMap.length * 24);
  u32(info + 48, map);
  for (const [i, region] of memoryMap.entries()) {
    const at = map + i * 24;
    u32(at, 20); // size of the entry without this field
    area.writeU64(at + 4, region.start);
    area.writeU64(at + 12, region.byteLength);
    u32(at + 20, region.type);
  }
  u32(info + 64, area.writeText(LOADER_NAME, 'the loader name'));
  return {
    protocol: 'multiboot',
    entry: {
      mode: 'protected32',
      rip,
      registers: { rax: BOOTLOADER_MAGIC, rbx: info },
      cs: FLAT_CODE,
      data: FLAT_DATA,
      gdt: area.writeGdt(false),
    },
    placed,
    roms: [],
  };
}

function loadByAddresses(context: LoadContext, to: MultibootAddresses): PlacedRange {
  const { image, imageName, memory, memoryMap } = context;
  if (!isRam(memoryMap, to.load, to.bssEnd)) {
    const top = topOfLowRam(memoryMap);
    const small = to.load >= HIGH_RAM_START && to.bssEnd <= PCI_HOLE_START;
    throw new ImageError(
      small ? 'memory-too-small' : 'outside-ram',
      `${imageName} wants to be loaded at ${hex(to.load)}–${hex(to.bssEnd)}, ` +
        (small
          ? `the machine has ${mebibytes(top)}; give it at least ${mebibytes(to.bssEnd)}`
          : 'where a PC has no RAM; it must be linked from 1 MiB up'),
    );
  }
  const { fileOffset, load, loadEnd, bssEnd } = to;
  memory.copyTo(load as Gpa, image.subarray(fileOffset, fileOffset + loadEnd - load));
  fillZero(context, loadEnd, bssEnd);
  return { what: 'image', start: load, end: bssEnd };
}
