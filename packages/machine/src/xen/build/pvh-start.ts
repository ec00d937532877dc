// hvm_start_info and its lists, as bytes for one place in the guest's memory. arch-x86/hvm/start_info.h, version 1.
import {
  hvm_memmap_table_entry,
  hvm_modlist_entry,
  hvm_start_info,
  XEN_HVM_START_MAGIC_VALUE,
} from '@proxeny/abi';
import type { MemoryRegion } from '../../loader/e820.js';

export interface PvhStartContents {
  readonly commandLine: Uint8Array;
  readonly ramdisk?: { readonly start: number; readonly byteLength: number };
  readonly rsdp: number;
  readonly memoryMap: readonly MemoryRegion[];
}

/** More regions than a guest has. */
const MAX_REGIONS = 8;

const info = hvm_start_info.of(64);
const module = hvm_modlist_entry.of(64);
const mapEntry = hvm_memmap_table_entry.of(64);

/** Where the parts are, from the start of hvm_start_info. */
const MODULES = info.byteLength;
const MEMORY_MAP = MODULES + module.byteLength;
const COMMAND_LINE = MEMORY_MAP + MAX_REGIONS * mapEntry.byteLength;

/** Bytes that {@link pvhStartInfo} takes at most. */
export function pvhStartInfoBytes(commandLine: Uint8Array): number {
  return COMMAND_LINE + commandLine.length + 1;
}

/** The bytes for physical address `at`. */
export function pvhStartInfo(at: number, contents: PvhStartContents): Uint8Array {
  const bytes = new Uint8Array(pvhStartInfoBytes(contents.commandLine));
  const view = new DataView(bytes.buffer);
  const { fields } = info;
  fields.magic.set(view, 0, XEN_HVM_START_MAGIC_VALUE);
  fields.version.set(view, 0, 1);
  fields.cmdline_paddr.set(view, 0, at + COMMAND_LINE);
  bytes.set(contents.commandLine, COMMAND_LINE);
  fields.rsdp_paddr.set(view, 0, contents.rsdp);
  fields.memmap_paddr.set(view, 0, at + MEMORY_MAP);
  fields.memmap_entries.set(view, 0, contents.memoryMap.length);
  for (const [i, region] of contents.memoryMap.entries()) {
    const base = MEMORY_MAP + i * mapEntry.byteLength;
    mapEntry.fields.addr.set(view, base, region.start);
    mapEntry.fields.size.set(view, base, region.byteLength);
    mapEntry.fields.type.set(view, base, region.type);
  }
  if (contents.ramdisk !== undefined) {
    fields.nr_modules.set(view, 0, 1);
    fields.modlist_paddr.set(view, 0, at + MODULES);
    module.fields.paddr.set(view, MODULES, contents.ramdisk.start);
    module.fields.size.set(view, MODULES, contents.ramdisk.byteLength);
  }
  return bytes;
}
