// `proxeny disk create`: a new image, empty or over another.
import {
  backingPath,
  createDiskImage,
  type DiskFormat,
  detectFormat,
  openDiskImage,
  openImageFile,
  SECTOR_BYTES,
} from '@proxeny/machine/pc';
import { type Command, Option } from 'commander';
import { usageError } from '../../command-error.js';
import { parseSize } from '../../quantity.js';
import { formatOfName, formatOption, parseDiskSize } from './image-format.js';

interface CreateOptions {
  readonly format?: DiskFormat;
  readonly backing?: string;
  readonly backingFormat?: DiskFormat;
  readonly clusterSize?: string;
  readonly qcow2Version?: '2' | '3';
}

export function addCreateVerb(disk: Command): void {
  disk
    .command('create')
    .description('make an image, which takes room only for what is written')
    .argument('<file>', 'must not exist')
    .argument('[size]', 'such as 10G; with --backing that of the image beneath it if left out')
    .addOption(formatOption('-f, --format <format>', 'default: qcow2 for *.qcow2, else raw'))
    .option(
      '-b, --backing <file>',
      'what the disk shows where it was not written; relative to <file>',
    )
    .addOption(formatOption('--backing-format <format>', 'default: as its first bytes tell'))
    .option('--cluster-size <size>', 'of qcow2, from 512 bytes (0.5K) to 2M', '64K')
    .addOption(new Option('--qcow2-version <version>').choices(['2', '3']).default('3'))
    .action(async (path: string, size: string | undefined, options: CreateOptions) => {
      await create(path, size, options);
    });
}

async function create(
  path: string,
  size: string | undefined,
  options: CreateOptions,
): Promise<void> {
  const format = options.format ?? (options.backing === undefined ? formatOfName(path) : 'qcow2');
  if (format === 'raw' && options.backing !== undefined)
    throw usageError('--backing is for qcow2 images; a raw one has nothing beneath it');
  const backing =
    options.backing === undefined
      ? null
      : await lookBeneath(path, options.backing, options.backingFormat);
  if (size === undefined && !backing)
    throw usageError('give a size such as 10G, or an image beneath it (--backing)');
  await createDiskImage(path, {
    format,
    diskBytes: size === undefined ? (backing?.diskBytes ?? 0) : parseDiskSize(size),
    clusterBytes: parseSize(options.clusterSize ?? '64K', '--cluster-size'),
    version: options.qcow2Version === '2' ? 2 : 3,
    ...(backing ? { backing: { path: backing.path, format: backing.format } } : {}),
  });
}

/** The image beneath a new one must be there and be readable. */
async function lookBeneath(
  path: string,
  backing: string,
  given: DiskFormat | undefined,
): Promise<{ path: string; format: DiskFormat; diskBytes: number }> {
  const name = backingPath(path, backing);
  const file = await openImageFile(name, { isReadOnly: true });
  let format = given;
  try {
    format ??= await detectFormat(file);
  } finally {
    await file.close();
  }
  const beneath = await openDiskImage(name, { isReadOnly: true, format });
  const diskBytes = beneath.sectorCount * SECTOR_BYTES;
  await beneath.close();
  return { path: backing, format, diskBytes };
}
