// Internal snapshots: a disk's contents kept in its image, sharing clusters with the disk until that changes them. Nothing else may use the
// image meanwhile.
import { BlockError } from '../block-backend.js';
import type { Qcow2Image } from './image.js';
import { MAX_SNAPSHOTS } from './layout.js';
import { readL1 } from './reference-counts.js';
import { copyOf, currentTrees, l1EntriesFor, rewrite } from './rewrite.js';
import type { Qcow2Snapshot } from './snapshot-table.js';

const MAX_NAME_BYTES = 255;

export interface SnapshotWish {
  readonly name: string;
  /** Since 1970, in milliseconds. */
  readonly nowMs: number;
}

function snapshotError(image: Qcow2Image, what: string): BlockError {
  return new BlockError('bad-image', `${image.file.name}: ${what}`);
}

/** Keeps what the disk holds now. @throws BlockError for a name that is taken or too long; then the image is as it was */
export async function createSnapshot(
  image: Qcow2Image,
  wish: SnapshotWish,
): Promise<Qcow2Snapshot> {
  const { name } = wish;
  const nameBytes = new TextEncoder().encode(name).byteLength;
  if (nameBytes === 0 || nameBytes > MAX_NAME_BYTES)
    throw snapshotError(image, `a snapshot's name has 1 to ${MAX_NAME_BYTES} bytes`);
  if (image.snapshots.some((each) => each.name === name))
    throw snapshotError(
      image,
      `there is a snapshot '${name}' already: delete it or use another name`,
    );
  if (image.snapshots.length >= MAX_SNAPSHOTS)
    throw snapshotError(image, `${MAX_SNAPSHOTS} snapshots are all there can be`);
  const ids = image.snapshots.map(({ id }) => (/^\d{1,9}$/.test(id) ? Number(id) : 0));
  const seconds = Math.floor(wish.nowMs / 1000);
  const record: Qcow2Snapshot = {
    id: String(Math.max(0, ...ids) + 1),
    name,
    date: { seconds, ns: (wish.nowMs - seconds * 1000) * 1_000_000 },
    guestNs: 0n,
    machineStateBytes: 0,
    diskBytes: image.header.diskBytes,
    l1Offset: 0,
    l1Entries: image.l1.entryCount,
    extra: new Uint8Array(0),
  };
  const trees = currentTrees(image);
  const added = { record, l1: copyOf(trees.l1) };
  await rewrite(image, { ...trees, snapshots: [...trees.snapshots, added] });
  return record;
}

/** A snapshot by its name, else by its id. @throws BlockError `not-found` */
export function findSnapshot(image: Qcow2Image, nameOrId: string): Qcow2Snapshot {
  const { snapshots } = image;
  const found =
    snapshots.find(({ name }) => name === nameOrId) ?? snapshots.find(({ id }) => id === nameOrId);
  if (found) return found;
  const names = snapshots.map(({ name }) => name).join(', ');
  throw new BlockError(
    'not-found',
    `${image.file.name}: there is no snapshot '${nameOrId}'; there ${names ? `are ${names}` : 'is none'}`,
  );
}

/** The disk holds what it held when the snapshot was taken, and is as large as then. What it holds now is lost. */
export async function applySnapshot(image: Qcow2Image, nameOrId: string): Promise<void> {
  const snapshot = findSnapshot(image, nameOrId);
  const { diskBytes } = snapshot;
  const trees = currentTrees(image);
  // A machine's state, which other programs keep behind the disk, stays with the snapshot.
  const stored = await readL1(image.file, snapshot);
  const l1 = copyOf(stored, l1EntriesFor(diskBytes, image.clusterBytes));
  await rewrite(image, { ...trees, l1, diskBytes });
}

/** Forgets a snapshot; clusters that only it used become free. */
export async function deleteSnapshot(image: Qcow2Image, nameOrId: string): Promise<void> {
  const { id } = findSnapshot(image, nameOrId);
  const trees = currentTrees(image);
  const snapshots = trees.snapshots.filter(({ record }) => record.id !== id);
  await rewrite(image, { ...trees, snapshots });
}

/** A read-only image shows what a snapshot holds instead of the disk, until it is closed. Before a disk is opened in it. */
export async function showSnapshot(image: Qcow2Image, nameOrId: string): Promise<void> {
  const snapshot = findSnapshot(image, nameOrId);
  if (!image.file.isReadOnly)
    throw snapshotError(image, 'shows a snapshot only while it is read-only');
  const { diskBytes } = snapshot;
  const l1 = await readL1(image.file, snapshot);
  image.l1 = copyOf(l1, l1EntriesFor(diskBytes, image.clusterBytes));
  image.header = { ...image.header, diskBytes };
}
