// The PC's physical memory map as firmware reports it (INT 15h E820; ACPI 6.5 §15), and searching it for room.
// Invariant: regions are page-aligned but for the EBDA, sorted and disjoint; what no region covers is a hole (MMIO).
import type { Gpa, GuestMemory } from '@proxeny/memory';

export const E820_RAM = 1;
export const E820_RESERVED = 2;

export interface MemoryRegion {
  /** First byte, guest-physical. */
  readonly start: number;
  readonly byteLength: number;
  /** {@link E820_RAM}, {@link E820_RESERVED}, 3 (ACPI tables) or 4 (ACPI NVS). */
  readonly type: number;
}

/** A range of guest-physical addresses, `start` included, `end` not. */
export interface AddressRange {
  readonly start: number;
  readonly end: number;
}

/** Extended BIOS data area: the last KiB below 640 KiB; 0x40E in the BIOS data area points to it. */
export const EBDA_START = 0x9fc00;
export const LOW_RAM_END = 0xa0000;
/** Firmware shadow and ACPI tables: where guests scan for the RSDP. */
export const ROM_START = 0xe0000;
export const HIGH_RAM_START = 0x100000;
/** RAM ends here at the latest and continues at 4 GiB: devices, APICs and firmware lie between. */
export const PCI_HOLE_START = 0xc000_0000;
export const FOUR_GIB = 0x1_0000_0000;

/** The map of a PC with `ramByteLength` bytes of RAM (at least 1 MiB; rounded down to a page). */
export function pcMemoryMap(ramByteLength: number): MemoryRegion[] {
  const ram = Math.floor(ramByteLength / 4096) * 4096;
  const lowEnd = Math.min(ram, PCI_HOLE_START);
  const map = [
    region(0, EBDA_START, E820_RAM),
    region(EBDA_START, LOW_RAM_END, E820_RESERVED),
    region(ROM_START, HIGH_RAM_START, E820_RESERVED),
    region(HIGH_RAM_START, lowEnd, E820_RAM),
    region(0xfec0_0000, 0xfec0_1000, E820_RESERVED), // I/O APIC
    region(0xfee0_0000, 0xfee0_1000, E820_RESERVED), // local APIC
    region(0xfffc_0000, FOUR_GIB, E820_RESERVED), // firmware ROM
    region(FOUR_GIB, FOUR_GIB + ram - lowEnd, E820_RAM),
  ];
  return map.filter(({ byteLength }) => byteLength > 0);
}

/** The RAM of {@link pcMemoryMap} as firmware wants to hear of it: whole from 0, since firmware decides what it reserves. */
export function firmwareRam(
  ramByteLength: number,
): { address: number; byteLength: number; kind: number }[] {
  const low = Math.min(ramByteLength, PCI_HOLE_START);
  const ranges = [
    { address: 0, byteLength: low, kind: E820_RAM },
    { address: FOUR_GIB, byteLength: ramByteLength - low, kind: E820_RAM },
  ];
  return ranges.filter(({ byteLength }) => byteLength > 0);
}

function region(start: number, end: number, type: number): MemoryRegion {
  return { start, byteLength: end - start, type };
}

/** Whether `start … end` lies in one RAM region. */
export function isRam(map: readonly MemoryRegion[], start: number, end: number): boolean {
  return map.some(
    (r) => r.type === E820_RAM && start >= r.start && end >= start && end <= r.start + r.byteLength,
  );
}

/** End of the RAM that starts at 1 MiB; 1 MiB if there is none. */
export function topOfLowRam(map: readonly MemoryRegion[]): number {
  const low = map.find((r) => r.type === E820_RAM && r.start === HIGH_RAM_START);
  return low === undefined ? HIGH_RAM_START : low.start + low.byteLength;
}

/**
 * The highest page-aligned address from 1 MiB up where `byteLength` bytes fit in RAM below `below` (exclusive) without
 * touching `taken`; −1 if there is none.
 */
export function highestFit(
  map: readonly MemoryRegion[],
  byteLength: number,
  below: number,
  taken: readonly AddressRange[],
): number {
  let best = -1;
  for (const ram of map) {
    if (ram.type !== E820_RAM || ram.start < HIGH_RAM_START) continue;
    let end = Math.min(ram.start + ram.byteLength, below);
    for (;;) {
      const start = Math.floor((end - byteLength) / 4096) * 4096;
      if (start < ram.start) break;
      const clash = taken.find((t) => start < t.end && start + byteLength > t.start);
      if (clash === undefined) {
        best = Math.max(best, start);
        break;
      }
      end = clash.start;
    }
  }
  return best;
}

/** Leaves what a guest without firmware looks up in the BIOS data area: where the EBDA is and how much low RAM there is. */
export function writeBiosDataArea(memory: GuestMemory): void {
  memory.writeU16(0x40e as Gpa, EBDA_START >> 4);
  memory.writeU16(0x413 as Gpa, EBDA_START >> 10);
  memory.writeU8(EBDA_START as Gpa, 1); // the EBDA's own size in KiB
}
