// `proxeny disk convert`: a copy of a disk in another format, of its own.
import {
  type BlockBackend,
  copyDisk,
  type DiskFormat,
  detectFormat,
  fillNewImage,
  openBacking,
  openDiskImage,
  openImageFile,
  Qcow2Disk,
  Qcow2Image,
  SECTOR_BYTES,
  showSnapshot,
} from '@proxeny/machine/pc';
import type { Command } from 'commander';
import { usageError } from '../../command-error.js';
import { ProgressBar } from '../../progress-bar.js';
import { parseSize } from '../../quantity.js';
import { formatOfName, formatOption } from './image-format.js';

interface ConvertOptions {
  readonly format?: DiskFormat;
  readonly to?: DiskFormat;
  readonly snapshot?: string;
  readonly clusterSize?: string;
}

export function addConvertVerb(disk: Command): void {
  disk
    .command('convert')
    .description('copy a disk into a new image, with what is beneath it and without zeroes')
    .argument('<from>')
    .argument('<file>', 'must not exist')
    .addOption(formatOption('-f, --format <format>', 'of <from>; default: as its first bytes tell'))
    .addOption(formatOption('-t, --to <format>', 'default: qcow2 for *.qcow2, else raw'))
    .option('--snapshot <name>', 'what this snapshot of <from> holds')
    .option('--cluster-size <size>', 'of a qcow2 image, from 512 bytes (0.5K) to 2M', '64K')
    .action(async (from: string, path: string, options: ConvertOptions) => {
      await convert(from, path, options);
    });
}

async function convert(from: string, path: string, options: ConvertOptions): Promise<void> {
  const source = await openSource(from, options);
  try {
    const image = {
      format: options.to ?? formatOfName(path),
      diskBytes: source.sectorCount * SECTOR_BYTES,
      clusterBytes: parseSize(options.clusterSize ?? '64K', '--cluster-size'),
    };
    const progress = new ProgressBar(process.stderr, source.sectorCount);
    try {
      await fillNewImage(path, image, (target) =>
        copyDisk(source, target, (sectors) => progress.show(sectors)),
      );
    } finally {
      progress.end();
    }
  } finally {
    await source.close();
  }
}

async function openSource(name: string, options: ConvertOptions): Promise<BlockBackend> {
  const { snapshot, format } = options;
  if (snapshot === undefined)
    return openDiskImage(name, { isReadOnly: true, ...(format ? { format } : {}) });
  const file = await openImageFile(name, { isReadOnly: true });
  try {
    if ((format ?? (await detectFormat(file))) !== 'qcow2')
      throw usageError(`--snapshot: '${name}' is a raw image, which has none`);
    const image = await Qcow2Image.open(file);
    await showSnapshot(image, snapshot);
    const backing = await openBacking(image);
    try {
      return await Qcow2Disk.open(image, { backing });
    } catch (error) {
      await backing?.close();
      throw error;
    }
  } catch (error) {
    await file.close();
    throw error;
  }
}
