// Loading a Linux bzImage (or zImage) by the 32-bit or 64-bit boot protocol. Linux Documentation/arch/x86/boot.rst.
import type { Gpa } from '@proxeny/memory';
import { BOOT_AREA_END, BOOT_CS, BOOT_DS, BootArea } from './boot-area.js';
import { writeBootParams } from './boot-params.js';
import { isRam, topOfLowRam } from './e820.js';
import { fillZero } from './elf-segments.js';
import { hex, ImageError, mebibytes } from './load-error.js';
import {
  FLAT_CODE,
  FLAT_DATA,
  type LoadContext,
  type LoadedImage,
  type PlacedRange,
} from './load-request.js';
import { placeHigh } from './modules.js';
import { LOADED_HIGH, type SetupHeader, XLF_KERNEL_64 } from './setup-header.js';

/** Offset of the 64-bit entry point from the load address. */
const ENTRY_64 = 0x200;
/** A zImage's code is moved here by the setup code we skip. */
const ZIMAGE_START = 0x1000;
const ZIMAGE_END = 0x80000;

/** Whether the kernel is 64-bit and has the 64-bit entry point. */
export function hasEntry64(header: SetupHeader): boolean {
  return (header.xloadflags & XLF_KERNEL_64) !== 0;
}

/**
 * Loads kernel, initrd, command line and zero page.
 * @param protocol `linux64` needs {@link hasEntry64}; 64-bit kernels have the 32-bit entry point as well.
 * @throws ImageError
 */
export function loadBzImage(
  header: SetupHeader,
  context: LoadContext,
  protocol: 'linux32' | 'linux64',
): LoadedImage {
  const name = context.imageName;
  const long = protocol === 'linux64';
  if (long && !hasEntry64(header)) {
    throw new ImageError(
      'unsupported',
      `${name} has no 64-bit entry point; enter it by the protocol linux32`,
    );
  }
  checkCommandLine(header, context);
  const high = (header.loadflags & LOADED_HIGH) !== 0;
  const kernel = high ? placeKernel(header, context) : placeZImage(header, context);
  const placed: PlacedRange[] = [kernel.range];
  let initrd: PlacedRange | undefined;
  if (context.initrd !== undefined && context.initrd.length > 0) {
    const below = header.initrdAddrMax + 1;
    initrd = placeHigh(context, 'initrd', context.initrd, below, placed);
    placed.push(initrd);
  }
  context.memory.copyTo(kernel.loadAddress as Gpa, header.kernel);

  // A zImage lies at the bottom of low memory, where boot data is otherwise put.
  const area = high
    ? new BootArea(context.memory)
    : new BootArea(context.memory, ZIMAGE_END, BOOT_AREA_END);
  const zeroPage = writeBootParams(area, context, {
    header,
    loadAddress: kernel.loadAddress,
    ...(initrd === undefined ? {} : { initrd }),
  });
  const gdt = area.writeGdt(long);
  return {
    protocol,
    entry: {
      mode: long ? 'long64' : 'protected32',
      rip: kernel.loadAddress + (long ? ENTRY_64 : 0),
      registers: { rsi: zeroPage },
      cs: { ...FLAT_CODE, selector: BOOT_CS },
      data: { ...FLAT_DATA, selector: BOOT_DS },
      gdt,
      ...(long ? { cr3: area.writeIdentityMap() } : {}),
    },
    placed,
    roms: [],
  };
}

function checkCommandLine(header: SetupHeader, context: LoadContext): void {
  const length = new TextEncoder().encode(context.commandLine).length;
  if (length <= header.cmdlineSize) return;
  throw new ImageError(
    'command-line-too-long',
    `the command line has ${length} bytes, ${context.imageName} takes at most ${header.cmdlineSize}; shorten it`,
  );
}

interface PlacedKernel {
  readonly loadAddress: number;
  /** All the memory the kernel uses before it reads the memory map. */
  readonly range: PlacedRange;
}

/** "Details of the kernel's runtime start" in boot.rst, field init_size. */
function placeKernel(header: SetupHeader, context: LoadContext): PlacedKernel {
  const loadAddress =
    header.relocatable && header.prefAddress >= 0x100000 ? header.prefAddress : header.code32Start;
  let runtimeStart = loadAddress;
  if (header.relocatable) {
    const alignment = header.kernelAlignment;
    runtimeStart = Math.ceil(loadAddress / alignment) * alignment;
  } else if (header.prefAddress !== 0) {
    runtimeStart = header.prefAddress;
  }
  const end = Math.max(loadAddress + header.kernel.length, runtimeStart + header.initSize);
  const start = Math.min(loadAddress, runtimeStart);
  if (!isRam(context.memoryMap, start, end)) {
    const top = topOfLowRam(context.memoryMap);
    if (start < 0x100000 || end > 0xc0000000) {
      throw new ImageError(
        'outside-ram',
        `${context.imageName} wants to be loaded at ${hex(start)}–${hex(end)}, where a PC has no RAM; the file is damaged`,
      );
    }
    throw new ImageError(
      'memory-too-small',
      `${context.imageName} needs memory up to ${hex(end)} just to start, the machine has ${mebibytes(top)}; ` +
        `give it at least ${mebibytes(end)}`,
    );
  }
  return { loadAddress, range: { what: 'kernel', start, end } };
}

function placeZImage(header: SetupHeader, context: LoadContext): PlacedKernel {
  const end = ZIMAGE_START + header.kernel.length;
  if (end > ZIMAGE_END) {
    throw new ImageError('malformed', `${context.imageName} is too large for a zImage`);
  }
  fillZero(context, end, ZIMAGE_END);
  return { loadAddress: ZIMAGE_START, range: { what: 'kernel', start: ZIMAGE_START, end } };
}
