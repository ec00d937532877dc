// Plain ELF images without a boot protocol: entered flat in 32-bit protected mode, or in long mode on an identity map.
// (R)SI points to a Linux zero page, so that a bare vmlinux starts too, and (R)SP to the end of a 16 KiB stack.
import { BootArea } from './boot-area.js';
import { writeBootParams } from './boot-params.js';
import { PCI_HOLE_START } from './e820.js';
import { type ElfImage, EM_X86_64 } from './elf.js';
import { loadElfSegments, physicalEntry } from './elf-segments.js';
import { FLAT_CODE, FLAT_DATA, type LoadContext, type LoadedImage } from './load-request.js';
import { placeHigh } from './modules.js';

const STACK_SIZE = 0x4000;

/** @throws ImageError */
export function loadPlainElf(elf: ElfImage, context: LoadContext): LoadedImage {
  const long = elf.machine === EM_X86_64;
  const placed = loadElfSegments(elf, context);
  const rip = physicalEntry(elf, context);
  const initrd =
    context.initrd !== undefined && context.initrd.length > 0
      ? placeHigh(context, 'initrd', context.initrd, PCI_HOLE_START, placed)
      : undefined;
  if (initrd !== undefined) placed.push(initrd);
  const area = BootArea.beside(context.memory, placed);
  const stack = area.allocate(STACK_SIZE, 16, 'a stack');
  const zeroPage = writeBootParams(area, context, {
    loadAddress: 0,
    ...(initrd === undefined ? {} : { initrd }),
  });
  return {
    protocol: 'elf',
    entry: {
      mode: long ? 'long64' : 'protected32',
      rip,
      registers: { rsi: zeroPage, rsp: stack + STACK_SIZE },
      cs: FLAT_CODE,
      data: FLAT_DATA,
      gdt: area.writeGdt(long),
      ...(long ? { cr3: area.writeIdentityMap() } : {}),
    },
    placed,
    roms: [],
  };
}
