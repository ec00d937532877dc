// struct boot_params, the "zero page" a Linux kernel finds in (R)SI. Linux Documentation/arch/x86/zero-page.rst.
import type { Gpa } from '@proxeny/memory';
import type { BootArea } from './boot-area.js';
import { topOfLowRam } from './e820.js';
import type { LoadContext, PlacedRange } from './load-request.js';
import { CAN_USE_HEAP, KEEP_SEGMENTS, type SetupHeader } from './setup-header.js';

/** More regions than this do not fit into the zero page. */
const E820_MAX_ENTRIES = 128;
const HEADER_START = 0x1f1;

export interface BootParams {
  /** Without one (a bare vmlinux) a minimal header of protocol 2.12 is made. */
  readonly header?: SetupHeader;
  /** Where the protected-mode code lies; 0 without a header. */
  readonly loadAddress: number;
  readonly initrd?: PlacedRange;
}

/** Writes zero page and command line into the boot area; returns the zero page's address. */
export function writeBootParams(area: BootArea, context: LoadContext, params: BootParams): number {
  const memory = area.memory;
  const at = area.allocate(4096, 4096, 'the zero page');
  const u8 = (offset: number, value: number): void => memory.writeU8((at + offset) as Gpa, value);
  const u16 = (offset: number, value: number): void => memory.writeU16((at + offset) as Gpa, value);
  const u32 = (offset: number, value: number): void => memory.writeU32((at + offset) as Gpa, value);

  const header = params.header;
  let loadflags = 0;
  if (header !== undefined) {
    memory.copyTo(
      (at + HEADER_START) as Gpa,
      header.view.bytes.subarray(HEADER_START, header.headerEnd),
    );
    loadflags = header.loadflags & ~(KEEP_SEGMENTS | CAN_USE_HEAP);
  } else {
    u16(0x1fe, 0xaa55);
    u32(0x202, 0x53726448);
    u16(0x206, 0x020c);
    loadflags = 1;
  }
  u16(0x1fa, 0xffff); // vid_mode: normal
  u8(0x210, 0xff); // type_of_loader: none assigned
  u8(0x211, loadflags);
  if (params.loadAddress !== 0) u32(0x214, params.loadAddress);

  const commandLine = area.writeText(context.commandLine, 'the command line');
  if (header !== undefined && header.version < 0x202) {
    // The old protocol: a magic number and an offset from the zero page.
    u16(0x20, 0xa33f);
    u16(0x22, commandLine - at);
  } else {
    u32(0x228, commandLine);
  }
  if (params.initrd !== undefined) {
    u32(0x218, params.initrd.start);
    u32(0x21c, params.initrd.end - params.initrd.start);
  }
  if (context.acpiRsdp !== undefined) area.writeU64(at + 0x70, context.acpiRsdp);

  // Memory above 1 MiB in KiB, for kernels that do not read the E820 table.
  const extendedKib = (topOfLowRam(context.memoryMap) - 0x100000) / 1024;
  u16(0x02, Math.min(extendedKib, 0xfc00));
  u32(0x1e0, extendedKib);
  const map = context.memoryMap.slice(0, E820_MAX_ENTRIES);
  u8(0x1e8, map.length);
  for (const [i, region] of map.entries()) {
    const entry = 0x2d0 + i * 20;
    area.writeU64(at + entry, region.start);
    area.writeU64(at + entry + 8, region.byteLength);
    u32(entry + 16, region.type);
  }
  return at;
}
