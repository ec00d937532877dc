// Formats and sizes as the verbs of `disk` take them.
import { type DiskFormat, diskFormats } from '@proxeny/machine/pc';
import { Option } from 'commander';
import { usageError } from '../../command-error.js';
import { parseSize } from '../../quantity.js';

export function formatOption(flags: string, description: string): Option {
  return new Option(flags, description).choices(diskFormats);
}

/** The format of a new image whose format is not given: qcow2 if its name ends so. */
export function formatOfName(path: string): DiskFormat {
  return /\.qcow2?$/i.test(path) ? 'qcow2' : 'raw';
}

/** A disk's size in bytes. @throws CommandError */
export function parseDiskSize(text: string): number {
  const byteLength = parseSize(text, 'size');
  if (byteLength < 0) throw usageError(`size '${text}' is less than nothing`);
  return byteLength;
}

/** `12.5 MiB`. */
export function sizeText(byteLength: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = byteLength;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${Number(value.toFixed(2))} ${units[unit]}`;
}
