// New disk images in files of the host.
import { rm } from 'node:fs/promises';
import { type BlockBackend, BlockError, SECTOR_BYTES } from '../storage/block-backend.js';
import { createQcow2, type Qcow2CreateOptions } from '../storage/qcow2/create.js';
import type { DiskFormat } from './disk-image.js';
import { openDiskImage } from './disk-image.js';
import { HostFile } from './host-file.js';

export interface NewImageOptions extends Qcow2CreateOptions {
  /** A raw image takes the disk's size only. */
  readonly format: DiskFormat;
}

/**
 * Makes an image that reads as zeroes, or as what is beneath it.
 * @throws BlockError `exists`, or what is wrong with the options; then there is no new file
 */
export async function createDiskImage(path: string, options: NewImageOptions): Promise<void> {
  const { format, diskBytes } = options;
  if (!Number.isSafeInteger(diskBytes) || diskBytes < 0 || diskBytes % SECTOR_BYTES !== 0) {
    throw new BlockError(
      'bad-image',
      `${path}: a disk of ${diskBytes} bytes: give a multiple of ${SECTOR_BYTES}`,
    );
  }
  const file = await HostFile.open(path, { isNew: true });
  try {
    if (format === 'raw') await file.resize(diskBytes);
    else await createQcow2(file, options);
    await file.flush();
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

/**
 * Makes an image and has it filled.
 * @param fill gets the new disk, which reads as zeroes
 * @throws BlockError, or what `fill` throws; then there is no new file
 */
export async function fillNewImage(
  path: string,
  options: NewImageOptions,
  fill: (disk: BlockBackend) => Promise<void>,
): Promise<void> {
  await createDiskImage(path, options);
  try {
    const disk = await openDiskImage(path, { format: options.format });
    try {
      await fill(disk);
    } finally {
      await disk.close();
    }
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}
