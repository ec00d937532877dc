// What a loader is given and what it gives back; the same for every image format.
import type { MemoryRegion } from './e820.js';
import type { BootEntry, BootSegment, LoadTarget } from './entry.js';

/** A multiboot or PVH module. */
export interface BootModule {
  readonly bytes: Uint8Array;
  readonly commandLine?: string;
}

/**
 * How an image is entered. One image may offer several: Debian's amd64 kernels are entered by `linux64`, `linux32` or,
 * with their payload unpacked, `pvh`.
 */
export type BootProtocol = 'linux32' | 'linux64' | 'pvh' | 'multiboot' | 'elf' | 'firmware';

export interface LoadRequest {
  readonly image: Uint8Array;
  /** The image's name for messages and, with multiboot, the first word of the command line; default `kernel`. */
  readonly imageName?: string;
  readonly commandLine?: string;
  /** Initial RAM disk; with multiboot and PVH it is the first module. */
  readonly initrd?: Uint8Array;
  readonly modules?: readonly BootModule[];
  /** Default: a PC's map for `memory.byteLength` bytes of RAM. */
  readonly memoryMap?: readonly MemoryRegion[];
  /** Guest-physical address of the ACPI RSDP, if the board has ACPI. */
  readonly acpiRsdp?: number;
  /** Default: what suits the image best. */
  readonly protocol?: BootProtocol;
  /** Whether the CPU model has a feature, by its /proc/cpuinfo name; absent: not checked. */
  readonly hasCpuFeature?: (name: string) => boolean;
}

/** The same with every default filled in, as the loaders of the formats take it. */
export interface LoadContext extends LoadRequest {
  readonly memory: LoadTarget;
  readonly imageName: string;
  readonly commandLine: string;
  readonly modules: readonly BootModule[];
  readonly memoryMap: readonly MemoryRegion[];
}

/** Something a loader placed, for messages and debuggers. */
export interface PlacedRange {
  readonly what: string;
  readonly start: number;
  readonly end: number;
}

/** Read-only memory outside of RAM that the board has to map. */
export interface RomImage {
  readonly start: number;
  readonly bytes: Uint8Array;
}

export interface LoadedImage {
  readonly protocol: BootProtocol;
  readonly entry: BootEntry;
  readonly placed: readonly PlacedRange[];
  readonly roms: readonly RomImage[];
}

/** Flat 32-bit segments, as every protected-mode protocol wants them. */
export const FLAT_CODE: BootSegment = { selector: 0x10, base: 0, limit: 0xffff_ffff };
export const FLAT_DATA: BootSegment = { selector: 0x18, base: 0, limit: 0xffff_ffff };
