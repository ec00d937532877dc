// What a board device shows to the machine: registers behind ports or guest-physical memory, one interrupt line, its state.
// Invariants: a device knows no CPU and no machine, offsets are relative to its claim on the bus, values are unsigned, and no
// access by a guest ever throws.

/** Width of one access, in bytes. Eight-byte accesses are split by the CPU platform. */
export type AccessSize = 1 | 2 | 4;

/** Registers in I/O port space. */
export interface PortDevice {
  /** Reads `size` bytes at `offset` from the claim's first port; the result is unsigned. */
  readPort(offset: number, size: 1 | 2 | 4): number;
  /** Writes `size` bytes at `offset` from the claim's first port; `value` is unsigned. */
  writePort(offset: number, size: 1 | 2 | 4, value: number): void;
}

/** Registers in guest-physical memory. */
export interface MmioDevice {
  /** Reads `size` bytes at `offset` from the claim's base; the result is unsigned. */
  readMmio(offset: number, size: 1 | 2 | 4): number;
  /** Writes `size` bytes at `offset` from the claim's base; `value` is unsigned. */
  writeMmio(offset: number, size: 1 | 2 | 4, value: number): void;
}

/** An interrupt line, by level: `true` asserts it. An edge is `true` followed by `false`. Repeating a level has no effect. */
export type IrqLine = (level: boolean) => void;

/** Something a snapshot can hold. */
export interface Stateful<S> {
  /** The whole state as plain, versioned, structured-cloneable data. */
  save(): S;
  /**
   * Replaces the state. `state` is untrusted: on anything that `save` could not have returned it throws an error which names
   * the field, and changes nothing. A device whose interrupt line may be shared drives it again; restore the interrupt
   * controllers after the devices.
   */
  restore(state: unknown): void;
}
