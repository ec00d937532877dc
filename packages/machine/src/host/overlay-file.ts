// An overlay that is kept: a qcow2 image over a base that is never changed, made when it is first used.
import { access, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type BlockBackend, BlockError, SECTOR_BYTES } from '../storage/block-backend.js';
import { Qcow2Image } from '../storage/qcow2/image.js';
import {
  backingPath,
  type DiskFormat,
  detectFormat,
  isAddress,
  openDiskImage,
  openImageFile,
} from './disk-image.js';
import { createDiskImage } from './make-image.js';

/**
 * Opens the overlay in the file `path`; makes it if there is no such file.
 * @param base an image, relative to the current folder
 * @param baseFormat told by the base's first bytes if left out
 * @throws BlockError; `bad-image` if there is a file that is no overlay of this base
 */
export async function openOverlayFile(
  path: string,
  base: string,
  baseFormat?: DiskFormat,
): Promise<BlockBackend> {
  const name = isAddress(base) ? base : resolve(base);
  if (await exists(path)) await checkOverlay(path, name);
  else await makeOverlay(path, name, baseFormat);
  return openDiskImage(path, { format: 'qcow2' });
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function makeOverlay(
  path: string,
  base: string,
  baseFormat: DiskFormat | undefined,
): Promise<void> {
  const file = await openImageFile(base, { isReadOnly: true });
  let format = baseFormat;
  try {
    format ??= await detectFormat(file);
  } finally {
    await file.close();
  }
  const beneath = await openDiskImage(base, { isReadOnly: true, format });
  const diskBytes = beneath.sectorCount * SECTOR_BYTES;
  await beneath.close();
  await createDiskImage(path, { format: 'qcow2', diskBytes, backing: { path: base, format } });
}

async function checkOverlay(path: string, base: string): Promise<void> {
  const file = await openImageFile(path, { isReadOnly: true });
  try {
    const { backing } = (await Qcow2Image.open(file)).header;
    const named = backing ? backingPath(path, backing.path) : null;
    if (named === base || (named && (await isSameFile(named, base)))) return;
    throw new BlockError(
      'bad-image',
      `${path}: is an overlay of ${named ?? 'nothing'}, not of ${base}: use another name`,
    );
  } finally {
    await file.close();
  }
}

async function isSameFile(one: string, other: string): Promise<boolean> {
  try {
    const [a, b] = await Promise.all([stat(one), stat(other)]);
    return a.dev === b.dev && a.ino === b.ino;
  } catch {
    return false;
  }
}
