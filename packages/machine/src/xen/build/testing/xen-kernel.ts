// Small Xen kernels for the tests of the domain builder: ELF images with notes, and a machine to build domains in.
import {
  XEN_ELFNOTE_ENTRY,
  XEN_ELFNOTE_LOADER,
  XEN_ELFNOTE_PAE_MODE,
  XEN_ELFNOTE_VIRT_BASE,
  XEN_ELFNOTE_XEN_VERSION,
} from '@proxeny/abi';
import { type GuestCpu, GuestExit, Hypervisor, MachineMemory, ManualClock } from '@proxeny/hv-core';
import { PT_NOTE } from '../../../loader/elf.js';
import { type BuiltSegment, buildElf, buildNotes } from '../../../loader/testing/elf-builder.js';
import { openXenImage, type XenImage } from '../xen-image.js';

export const MIB = 0x100000;

/** A note's value: text gets its NUL, a number the size of a word. */
export type NoteValue = string | number | bigint | Uint8Array;

export interface BuiltKernel {
  readonly bits?: 32 | 64;
  /** Linear addresses; by default 64-bit: as Linux, 32-bit: 0xC0000000. */
  readonly virtualBase?: number;
  /** By type; undefined takes a default note away. */
  readonly notes?: Readonly<Record<number, NoteValue | undefined>>;
  /** Default: one page of code at physical 1 MiB, 3 pages in memory. */
  readonly segments?: readonly BuiltSegment[];
}

export const code: Uint8Array = Uint8Array.of(0xfa, 0xf4, 0xeb, 0xfd);

/** The bytes of an image with the notes that a PV kernel must have. */
export function xenKernel(kernel: BuiltKernel = {}): Uint8Array {
  const bits = kernel.bits ?? 64;
  const virtualBase = kernel.virtualBase ?? (bits === 64 ? -0x8000_0000 : 0xc000_0000);
  const notes: Record<number, NoteValue | undefined> = {
    [XEN_ELFNOTE_ENTRY]: virtualBase + MIB,
    [XEN_ELFNOTE_VIRT_BASE]: virtualBase,
    [XEN_ELFNOTE_LOADER]: 'generic',
    [XEN_ELFNOTE_XEN_VERSION]: 'xen-3.0',
    ...(bits === 32 ? { [XEN_ELFNOTE_PAE_MODE]: 'yes' } : {}),
    ...kernel.notes,
  };
  const built = Object.entries(notes).flatMap(([type, value]) =>
    value === undefined
      ? []
      : [{ owner: 'Xen', type: Number(type), description: description(value, bits) }],
  );
  const segments = kernel.segments ?? [
    { vaddr: virtualBase + MIB, paddr: MIB, bytes: code, memorySize: 0x3000 },
  ];
  const note = { vaddr: 0, paddr: 0, bytes: buildNotes(built), type: PT_NOTE };
  return buildElf({ bits, entry: virtualBase + MIB, segments: [...segments, note] });
}

export function xenImage(kernel: BuiltKernel = {}): XenImage {
  return openXenImage(xenKernel(kernel), 'test-kernel');
}

function description(value: NoteValue, bits: 32 | 64): Uint8Array {
  if (typeof value === 'string') return new TextEncoder().encode(`${value}\0`);
  if (value instanceof Uint8Array) return value;
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, BigInt.asIntN(64, BigInt(value)), true);
  return bytes.subarray(0, bits / 8);
}

/** A machine for one domain of `mebibytes`, and a few frames more. */
export function machineFor(mebibytes: number): Hypervisor {
  const memory = new MachineMemory((mebibytes + 2) * MIB);
  return new Hypervisor({ memory, clock: new ManualClock() });
}

/** An engine that computes nothing. */
export const nobody: GuestCpu = {
  run: () => GuestExit.dead,
  executed: 0,
  hypercallNumber: () => 0,
  hypercallArguments: () => {},
  setHypercallArg: () => {},
  finishHypercall: () => {},
  restartHypercall: () => {},
  upcall: () => {},
};
