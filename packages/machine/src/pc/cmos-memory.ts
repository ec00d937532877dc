// Memory sizes in CMOS RAM, where PC firmware and old kernels look for them.

const MIB = 1024 * 1024;

/** RAM of a PC, in bytes. */
export interface CmosMemory {
  /** RAM from address 0 to the hole below 4 GiB. */
  readonly below4GiB: number;
  /** RAM from 4 GiB on. */
  readonly above4GiB: number;
}

/** The CMOS bytes that tell the size of memory, as [index, value] pairs. */
export function cmosMemoryBytes(memory: CmosMemory): [index: number, value: number][] {
  const baseKiB = Math.min(640, Math.floor(memory.below4GiB / 1024));
  const extendedKiB = clamp16((memory.below4GiB - MIB) / 1024);
  const above16MiB = clamp16((memory.below4GiB - 16 * MIB) / 65536);
  const above4GiB = Math.min(0xffffff, Math.floor(memory.above4GiB / 65536));
  return [
    [0x15, baseKiB & 0xff],
    [0x16, baseKiB >> 8],
    [0x17, extendedKiB & 0xff],
    [0x18, extendedKiB >> 8],
    [0x30, extendedKiB & 0xff],
    [0x31, extendedKiB >> 8],
    [0x34, above16MiB & 0xff],
    [0x35, above16MiB >> 8],
    [0x5b, above4GiB & 0xff],
    [0x5c, (above4GiB >> 8) & 0xff],
    [0x5d, above4GiB >> 16],
  ];
}

function clamp16(value: number): number {
  return Math.max(0, Math.min(0xffff, Math.floor(value)));
}
