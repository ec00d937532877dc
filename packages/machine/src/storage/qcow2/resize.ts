// A new size for the disk in an image. Nothing else may use the image meanwhile.
import { type BlockBackend, BlockError, SECTOR_BYTES } from '../block-backend.js';
import { changeHeader } from './header.js';
import type { Qcow2Image } from './image.js';
import { Qcow2Disk } from './qcow2-disk.js';
import { copyOf, currentTrees, l1EntriesFor, rewrite } from './rewrite.js';

/**
 * Cuts the disk off, or adds zeroes: what is cut off is not seen again after the disk has grown once more, nor is what the backing image
 * has there.
 * @param backing what the image says is beneath it, opened
 * @param diskBytes a multiple of 512
 * @throws BlockError; for a size that cannot be the image is as it was
 */
export async function resizeQcow2(
  image: Qcow2Image,
  backing: BlockBackend | null,
  diskBytes: number,
): Promise<void> {
  const { file } = image;
  if (!Number.isSafeInteger(diskBytes) || diskBytes < 0 || diskBytes % SECTOR_BYTES !== 0)
    throw new BlockError(
      'bad-image',
      `${file.name}: a size is a multiple of ${SECTOR_BYTES} bytes`,
    );
  if (image.header.version === 2 && image.snapshots.length > 0) {
    throw new BlockError(
      'bad-image',
      `${file.name}: qcow2 version 2 cannot say how large snapshots are: delete them first`,
    );
  }
  const l1Entries = l1EntriesFor(diskBytes, image.clusterBytes);
  const disk = await Qcow2Disk.open(image, { backing });
  const oldSectors = disk.sectorCount;
  const newSectors = diskBytes / SECTOR_BYTES;
  if (newSectors < oldSectors) {
    await disk.writeZeroes(newSectors, oldSectors - newSectors);
    await disk.flush();
    const trees = currentTrees(image);
    await rewrite(image, { ...trees, l1: copyOf(trees.l1, l1Entries), diskBytes });
    return;
  }
  const trees = currentTrees(image);
  const longer = Math.max(l1Entries, trees.l1.entryCount);
  await rewrite(image, { ...trees, l1: copyOf(trees.l1, longer) });
  // The new part is emptied while the image still says the old size.
  image.header = { ...image.header, diskBytes };
  const clusterSectors = image.clusterBytes / SECTOR_BYTES;
  const endOfCluster = Math.ceil(oldSectors / clusterSectors) * clusterSectors;
  const end = Math.min(newSectors, Math.max(endOfCluster, backing?.sectorCount ?? 0));
  const grown = await Qcow2Disk.open(image, { backing });
  await grown.writeZeroes(oldSectors, end - oldSectors);
  await grown.flush();
  image.header = await changeHeader(file, image.header, { diskBytes });
  await file.flush();
}
