// `proxeny disk resize`: a disk becomes larger, or smaller if that is allowed.
import {
  type DiskFormat,
  detectFormat,
  openBacking,
  openImageFile,
  Qcow2Image,
  resizeQcow2,
} from '@proxeny/machine/pc';
import type { Command } from 'commander';
import { CommandError, usageError } from '../../command-error.js';
import { formatOption, parseDiskSize, sizeText } from './image-format.js';

interface ResizeOptions {
  readonly format?: DiskFormat;
  readonly shrink?: true;
}

export function addResizeVerb(disk: Command): void {
  disk
    .command('resize')
    .description('change the size of a disk; the guest sees it when it starts the next time')
    .argument('<file>')
    .argument('<size>', 'such as 20G, or by how much: +5G')
    .addOption(formatOption('-f, --format <format>', 'default: as its first bytes tell'))
    .option('--shrink', 'allow a smaller size; what is cut off is lost')
    .action(async (path: string, size: string, options: ResizeOptions) => {
      await resize(path, size, options);
    });
}

async function resize(path: string, size: string, options: ResizeOptions): Promise<void> {
  const file = await openImageFile(path, { isReadOnly: false });
  try {
    const format = options.format ?? (await detectFormat(file));
    const image = format === 'qcow2' ? await Qcow2Image.open(file) : null;
    const oldBytes = image ? image.header.diskBytes : file.byteLength;
    const given = parseDiskSize(size.replace(/^\+/, ''));
    const newBytes = size.startsWith('+') ? oldBytes + given : given;
    if (newBytes % 512 !== 0) throw usageError(`size '${size}' is no multiple of 512 bytes`);
    if (newBytes < oldBytes && !options.shrink) {
      throw new CommandError(
        `${path}: has ${sizeText(oldBytes)}: to cut it off to ${sizeText(newBytes)} say --shrink`,
      );
    }
    if (image) await resizeImage(image, newBytes);
    else await file.resize(newBytes);
    await file.flush();
  } finally {
    await file.close();
  }
}

async function resizeImage(image: Qcow2Image, diskBytes: number): Promise<void> {
  const backing = await openBacking(image);
  try {
    await resizeQcow2(image, backing, diskBytes);
  } finally {
    await backing?.close();
  }
}
