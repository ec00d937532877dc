// Raw firmware (SeaBIOS and the like): mapped to end at 4 GiB, its last 128 KiB also copied below 1 MiB as shadow RAM,
// entered in real mode at the reset vector. SDM 3A §10.1.4.
import type { Gpa } from '@proxeny/memory';
import { FOUR_GIB, HIGH_RAM_START } from './e820.js';
import { ImageError, mebibytes } from './load-error.js';
import type { LoadContext, LoadedImage } from './load-request.js';

const SHADOW_SIZE = 0x20000;
const SMALLEST = 0x10000;
const LARGEST = 0x1000000;

/**
 * Whether `bytes` looks like firmware: a size ROMs have, and code at the reset vector (a jump, perhaps behind WBINVD,
 * CLI or NOP).
 */
export function isFirmware(bytes: Uint8Array): boolean {
  if (bytes.length < SMALLEST || bytes.length > LARGEST || bytes.length % 0x1000 !== 0)
    return false;
  const vector = bytes.subarray(bytes.length - 16);
  let at = 0;
  for (;;) {
    if (vector[at] === 0x0f && vector[at + 1] === 0x09) at += 2;
    else if (vector[at] === 0xfa || vector[at] === 0x90) at += 1;
    else break;
  }
  // Not a far jump to 0:0 and the like: an E9, EB or EA alone is too common in data.
  if (vector[at] === 0xea) return vector[at + 4] >= 0xe0;
  return (vector[at] === 0xe9 && vector[at + 2] >= 0x80) || (vector[at] === 0xeb && at + 2 < 16);
}

/** @throws ImageError `malformed` (size) */
export function loadFirmware(context: LoadContext): LoadedImage {
  const bytes = context.image;
  if (bytes.length < 16 || bytes.length > LARGEST || bytes.length % 16 !== 0) {
    throw new ImageError(
      'malformed',
      `${context.imageName} has ${bytes.length} bytes; firmware has up to ${mebibytes(LARGEST)}, a multiple of 16`,
    );
  }
  const shadow = bytes.subarray(Math.max(0, bytes.length - SHADOW_SIZE));
  const shadowStart = HIGH_RAM_START - shadow.length;
  context.memory.copyTo(shadowStart as Gpa, shadow);
  const data = { selector: 0, base: 0, limit: 0xffff };
  return {
    protocol: 'firmware',
    entry: {
      mode: 'real',
      rip: 0xfff0,
      // At reset EDX holds the processor's signature; the board fills in what its CPU model says.
      registers: {},
      cs: { selector: 0xf000, base: 0xffff_0000, limit: 0xffff },
      data,
      gdt: { base: 0, limit: 0xffff },
      idt: { base: 0, limit: 0xffff },
    },
    placed: [{ what: 'firmware shadow', start: shadowStart, end: HIGH_RAM_START }],
    roms: [{ start: FOUR_GIB - bytes.length, bytes }],
  };
}
