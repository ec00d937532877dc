// What a PC may be built with: the limits, and the one check that a configuration passes before anything is built from it.
// The error of a host user's wrong wish is a ConfigError; what is wrong with an image is the loaders' ImageError.

const MIB = 1024 * 1024;

/** The smallest RAM of a PC, in bytes. */
export const MEMORY_MIN_BYTES: number = 4 * MIB;
/** The largest RAM, in bytes: one WebAssembly memory holds 4 GiB, 64 MiB of them for translated code, ROM and CPU state. */
export const MEMORY_MAX_BYTES: number = 4032 * MIB;
/** RAM comes in pieces of this many bytes. */
export const MEMORY_STEP_BYTES: number = MIB;

/** The one error for a configuration that cannot be built. The message says what is wrong and what to do. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  /** The property of the configuration that is wrong: `memoryBytes`. */
  readonly property: string;

  constructor(property: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.property = property;
  }
}

/**
 * Checks the size of a PC's RAM.
 * @throws ConfigError when it is no whole number of MiB or outside of the limits
 */
export function checkMemoryBytes(memoryBytes: number): void {
  const fail = (message: string): never => {
    throw new ConfigError('memoryBytes', message);
  };
  const limits = `a PC takes ${MEMORY_MIN_BYTES / MIB}M to ${MEMORY_MAX_BYTES / MIB}M`;
  if (!Number.isSafeInteger(memoryBytes)) fail(`${memoryBytes} bytes is no memory size; ${limits}`);
  if (memoryBytes < MEMORY_MIN_BYTES)
    fail(`memory of ${sizeText(memoryBytes)} is too small; ${limits}`);
  if (memoryBytes > MEMORY_MAX_BYTES)
    fail(`memory of ${sizeText(memoryBytes)} is too large; ${limits}`);
  if (memoryBytes % MEMORY_STEP_BYTES !== 0)
    fail(`memory of ${sizeText(memoryBytes)} is no whole number of MiB; ${limits} in steps of 1M`);
}

/** Slots of the PC's bus that the board itself leaves free. */
const MAX_PCI_CARDS = 30;

/**
 * Checks how many devices are to be plugged into a PC.
 * @throws ConfigError when they need more slots than there are
 */
export function checkCardCount(count: number): void {
  if (count <= MAX_PCI_CARDS) return;
  throw new ConfigError(
    'disks',
    `${count} virtio devices (disks, network cards, shares, console, entropy, sockets, balloon, display and keyboard) need as many PCI slots; a PC has ${MAX_PCI_CARDS}`,
  );
}

/** Pins of the I/O APIC that are left for devices in memory. */
const MAX_MMIO_CARDS = 8;

/**
 * Checks whether a PC can have so many virtio devices in memory.
 * @param hasApic of the CPU model
 * @throws ConfigError
 */
export function checkMmioCards(count: number, hasApic: boolean): void {
  const fail = (message: string): never => {
    throw new ConfigError('virtioTransport', message);
  };
  if (count > MAX_MMIO_CARDS)
    fail(`a PC takes ${MAX_MMIO_CARDS} virtio devices in memory, not ${count}; use the PCI bus`);
  if (count > 0 && !hasApic)
    fail('virtio devices in memory need an APIC, which the CPU model does not have');
}

/** A size in the largest unit that divides it: `256M`, `4000K`, `1023 bytes`. */
function sizeText(byteLength: number): string {
  if (byteLength % MIB === 0) return `${byteLength / MIB}M`;
  if (byteLength % 1024 === 0) return `${byteLength / 1024}K`;
  return `${byteLength} bytes`;
}
