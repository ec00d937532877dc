// Resource descriptors for _CRS (ACPI 6.4 §6.4): which ports, addresses and interrupts a device uses or a bridge passes on.
import { type Aml, buffer, littleEndian } from './aml.js';

/** A `ResourceTemplate`: descriptors and the end tag (checksum 0 means "not checked"). */
export function resources(...descriptors: readonly Aml[]): Aml {
  return buffer([...descriptors.flat(), 0x79, 0x00]);
}

/** Fixed 16-bit-decoded I/O ports. */
export function io(first: number, count: number): Aml {
  return [0x47, 0x01, ...littleEndian(first, 2), ...littleEndian(first, 2), 0x01, count];
}

/** One edge-triggered, active-high ISA interrupt. */
export function irq(number: number): Aml {
  return [0x22, ...littleEndian(1 << number, 2)];
}

/** One level-triggered, active-high interrupt, shared with nobody, by its global number (§6.4.3.6). */
export function interrupt(number: number): Aml {
  return [0x89, ...littleEndian(6, 2), 0x01, 1, ...littleEndian(number, 4)];
}

/** Addresses below 4 GiB that a device has, read-write (§6.4.3.4). */
export function memory(first: number, byteLength: number): Aml {
  return [
    0x86,
    ...littleEndian(9, 2),
    0x01,
    ...littleEndian(first, 4),
    ...littleEndian(byteLength, 4),
  ];
}

/** Bus numbers `first..last` behind a bridge. */
export function busRange(first: number, last: number): Aml {
  return addressSpace(0x88, 2, 2, 0x00, first, last);
}

/** I/O ports `first..last` a bridge passes on. */
export function ioWindow(first: number, last: number): Aml {
  return addressSpace(0x88, 2, 1, 0x03, first, last);
}

/** Addresses `first..last`, below 4 GiB, a bridge passes on, read-write. */
export function memoryWindow(first: number, last: number, cacheable = false): Aml {
  return addressSpace(0x87, 4, 0, cacheable ? 0x03 : 0x01, first, last);
}

/** Addresses `first..last`, anywhere, a bridge passes on, read-write. */
export function memoryWindow64(first: number, last: number): Aml {
  return addressSpace(0x8a, 8, 0, 0x03, first, last);
}

/** An address space descriptor (§6.4.3.5) of a producer, minimum and maximum fixed, positively decoded. */
function addressSpace(
  tag: number,
  width: number,
  type: number,
  typeFlags: number,
  first: number,
  last: number,
): Aml {
  const granularity = littleEndian(0, width);
  const translation = littleEndian(0, width);
  return [
    tag,
    ...littleEndian(3 + 5 * width, 2),
    type,
    0x0c,
    typeFlags,
    ...granularity,
    ...littleEndian(first, width),
    ...littleEndian(last, width),
    ...translation,
    ...littleEndian(last - first + 1, width),
  ];
}
