// The header of a qcow2 image: what it says, and changing single fields of it. Everything that an image says of itself is checked here
// before it is used, so that no image can make us allocate more than the format's bounds.
import { BlockError } from '../block-backend.js';
import type { ByteFile } from '../byte-file.js';
import { readPadded } from '../byte-file.js';
import { type Extension, featureNames, readExtensions } from './extension.js';
import {
  COMPATIBLE_LAZY_REFCOUNTS,
  ENTRY_BYTES,
  extensionType,
  field,
  HEADER_BYTES_COMPRESSION,
  HEADER_BYTES_V2,
  HEADER_BYTES_V3,
  INCOMPATIBLE_COMPRESSION,
  INCOMPATIBLE_CORRUPT,
  INCOMPATIBLE_DIRTY,
  MAGIC,
  MAX_BACKING_NAME_BYTES,
  MAX_CLUSTER_BITS,
  MAX_L1_BYTES,
  MAX_REFCOUNT_ORDER,
  MAX_REFCOUNT_TABLE_BYTES,
  MAX_SNAPSHOTS,
  MIN_CLUSTER_BITS,
} from './layout.js';

export type CompressionType = 'zlib' | 'zstd';

/** The image whose contents are seen where this one has none. */
export interface BackingName {
  /** As the image says it: relative to its own folder, unless absolute. */
  readonly path: string;
  /** Null: the image does not say. */
  readonly format: string | null;
}

export interface Qcow2Header {
  readonly version: 2 | 3;
  readonly clusterBits: number;
  readonly diskBytes: number;
  readonly l1Entries: number;
  readonly l1Offset: number;
  readonly refcountTableOffset: number;
  readonly refcountTableClusters: number;
  /** Refcounts are 2 to the power of this wide, in bits. */
  readonly refcountOrder: number;
  readonly snapshotCount: number;
  readonly snapshotsOffset: number;
  readonly isDirty: boolean;
  readonly isCorrupt: boolean;
  readonly hasLazyRefcounts: boolean;
  readonly hasAutoclear: boolean;
  readonly compression: CompressionType;
  readonly backing: BackingName | null;
}

/** Whether bytes start as a qcow2 image does. */
export function isQcow2(bytes: Uint8Array): boolean {
  if (bytes.byteLength < 4) return false;
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) === MAGIC;
}

export const cutShort = 'the qcow2 image is cut short: copy it again';

export function badImage(file: ByteFile, what: string): BlockError {
  return new BlockError('bad-image', `${file.name}: ${what}`);
}

/** @throws BlockError `bad-image` that says what is wrong or not supported */
export async function readHeader(file: ByteFile): Promise<Qcow2Header> {
  const fixed = new Uint8Array(HEADER_BYTES_COMPRESSION);
  await readPadded(file, 0, fixed);
  if (!isQcow2(fixed)) throw badImage(file, 'is no qcow2 image');
  const view = new DataView(fixed.buffer);
  const version = view.getUint32(field.version);
  if (version !== 2 && version !== 3)
    throw badImage(file, `qcow2 version ${version} is not supported, only 2 and 3 are`);
  const clusterBits = view.getUint32(field.clusterBits);
  if (clusterBits < MIN_CLUSTER_BITS || clusterBits > MAX_CLUSTER_BITS)
    throw damaged(file, `clusters of 2^${clusterBits} bytes`);
  const headerBytes = version === 2 ? HEADER_BYTES_V2 : view.getUint32(field.headerLength);
  if (version === 3 && (headerBytes < HEADER_BYTES_V3 || headerBytes > 2 ** clusterBits))
    throw damaged(file, `a header of ${headerBytes} bytes`);
  const cluster = new Uint8Array(2 ** clusterBits);
  await readPadded(file, 0, cluster);
  const extensions = readExtensions(cluster, headerBytes, file);
  const features = version === 3 ? readFeatures(view, headerBytes, extensions, file) : noFeatures;
  if (view.getUint32(field.encryption) !== 0)
    throw badImage(file, 'encrypted images are not supported: decrypt it with qemu-img convert');
  const header: Qcow2Header = {
    version,
    clusterBits,
    diskBytes: offsetAt(view, field.diskBytes, 1, file),
    l1Entries: view.getUint32(field.l1Entries),
    l1Offset: offsetAt(view, field.l1Offset, 2 ** clusterBits, file),
    refcountTableOffset: offsetAt(view, field.refcountTableOffset, 2 ** clusterBits, file),
    refcountTableClusters: view.getUint32(field.refcountTableClusters),
    snapshotCount: view.getUint32(field.snapshotCount),
    snapshotsOffset: offsetAt(view, field.snapshotsOffset, 2 ** clusterBits, file),
    backing: readBacking(view, cluster, extensions, file),
    ...features,
  };
  checkBounds(header, file);
  return header;
}

function damaged(file: ByteFile, what: string): BlockError {
  return badImage(file, `the qcow2 header is damaged: ${what}`);
}

/** A field of 64 bits. @throws BlockError unless it is a multiple of `alignment` that numbers hold exactly. */
function offsetAt(view: DataView, at: number, alignment: number, file: ByteFile): number {
  const value = Number(view.getBigUint64(at));
  if (Number.isSafeInteger(value) && value % alignment === 0) return value;
  throw damaged(file, `the field at byte ${at} is 0x${view.getBigUint64(at).toString(16)}`);
}

function checkBounds(header: Qcow2Header, file: ByteFile): void {
  const clusterBytes = 2 ** header.clusterBits;
  const l1Covers = header.l1Entries * clusterBytes * (clusterBytes / ENTRY_BYTES);
  atMost(file, 'l1_size', header.l1Entries, MAX_L1_BYTES / ENTRY_BYTES);
  if (l1Covers < header.diskBytes)
    throw damaged(file, `l1_size is ${header.l1Entries}, too little for the disk`);
  const maxTableClusters = MAX_REFCOUNT_TABLE_BYTES / clusterBytes;
  atMost(file, 'refcount_table_clusters', header.refcountTableClusters, maxTableClusters);
  if (header.refcountTableClusters === 0 || header.refcountTableOffset === 0)
    throw damaged(file, 'it has no refcount table');
  atMost(file, 'nb_snapshots', header.snapshotCount, MAX_SNAPSHOTS);
  atMost(file, 'refcount_order', header.refcountOrder, MAX_REFCOUNT_ORDER);
  const tables = [
    [header.l1Offset, header.l1Entries * ENTRY_BYTES],
    [header.refcountTableOffset, header.refcountTableClusters * clusterBytes],
    [header.snapshotsOffset, header.snapshotCount],
  ] as const;
  if (tables.some(([at, byteLength]) => byteLength > 0 && at + byteLength > file.byteLength))
    throw badImage(file, cutShort);
}

/** @throws BlockError that names a field by its name in the specification */
function atMost(file: ByteFile, name: string, value: number, limit: number): void {
  if (value > limit) throw damaged(file, `${name} is ${value}, and ${limit} is the most`);
}

type Features = Pick<
  Qcow2Header,
  'isDirty' | 'isCorrupt' | 'hasLazyRefcounts' | 'hasAutoclear' | 'compression' | 'refcountOrder'
>;

const noFeatures: Features = {
  isDirty: false,
  isCorrupt: false,
  hasLazyRefcounts: false,
  hasAutoclear: false,
  compression: 'zlib',
  refcountOrder: 4,
};

function readFeatures(
  view: DataView,
  headerBytes: number,
  extensions: readonly Extension[],
  file: ByteFile,
): Features {
  const incompatible = view.getBigUint64(field.incompatible);
  const known = INCOMPATIBLE_DIRTY | INCOMPATIBLE_CORRUPT | INCOMPATIBLE_COMPRESSION;
  const unknown = incompatible & ~BigInt(known);
  if (unknown !== 0n) {
    const names = featureNames(extensions, unknown);
    throw badImage(file, `needs features that are not supported: ${names.join(', ')}`);
  }
  const type = headerBytes > field.compression ? view.getUint8(field.compression) : 0;
  if (type > 1) throw badImage(file, `compression type ${type} is not supported`);
  const bits = Number(incompatible);
  if ((type !== 0) !== ((bits & INCOMPATIBLE_COMPRESSION) !== 0))
    throw damaged(file, 'the compression type contradicts its feature bit');
  const compatible = view.getBigUint64(field.compatible);
  return {
    isDirty: (bits & INCOMPATIBLE_DIRTY) !== 0,
    isCorrupt: (bits & INCOMPATIBLE_CORRUPT) !== 0,
    hasLazyRefcounts: (compatible & BigInt(COMPATIBLE_LAZY_REFCOUNTS)) !== 0n,
    hasAutoclear: view.getBigUint64(field.autoclear) !== 0n,
    compression: type === 1 ? 'zstd' : 'zlib',
    refcountOrder: view.getUint32(field.refcountOrder),
  };
}

function readBacking(
  view: DataView,
  cluster: Uint8Array,
  extensions: readonly Extension[],
  file: ByteFile,
): BackingName | null {
  const offset = offsetAt(view, field.backingOffset, 1, file);
  const byteLength = view.getUint32(field.backingLength);
  if (offset === 0 || byteLength === 0) return null;
  if (byteLength > MAX_BACKING_NAME_BYTES || offset + byteLength > cluster.byteLength)
    throw damaged(file, 'the name of its backing file lies outside of it');
  const format = extensions.find(({ type }) => type === extensionType.backingFormat);
  const text = new TextDecoder();
  return {
    path: text.decode(cluster.subarray(offset, offset + byteLength)),
    format: format ? text.decode(format.data) : null,
  };
}

/** New values of some of the header's fields. */
export type HeaderChange = Partial<
  Pick<
    Qcow2Header,
    | 'diskBytes'
    | 'l1Entries'
    | 'l1Offset'
    | 'refcountTableOffset'
    | 'refcountTableClusters'
    | 'snapshotCount'
    | 'snapshotsOffset'
    | 'isDirty'
    | 'isCorrupt'
    | 'hasAutoclear'
  >
>;

const wideFields = [
  'diskBytes',
  'l1Offset',
  'refcountTableOffset',
  'snapshotsOffset',
] as const satisfies readonly (keyof HeaderChange)[];
const narrowFields = [
  'l1Entries',
  'refcountTableClusters',
  'snapshotCount',
] as const satisfies readonly (keyof HeaderChange)[];

/**
 * Writes changed fields, all at once: the fields lie within one sector, so an image never has some of them.
 * @returns the header as it is then
 */
export async function changeHeader(
  file: ByteFile,
  header: Qcow2Header,
  change: HeaderChange,
): Promise<Qcow2Header> {
  const bytes = new Uint8Array(header.version === 2 ? HEADER_BYTES_V2 : HEADER_BYTES_V3);
  await readPadded(file, 0, bytes);
  const view = new DataView(bytes.buffer);
  for (const name of wideFields) {
    const value = change[name];
    if (value !== undefined) view.setBigUint64(field[name], BigInt(value));
  }
  for (const name of narrowFields) {
    const value = change[name];
    if (value !== undefined) view.setUint32(field[name], value);
  }
  if (header.version === 3) {
    const flags = [
      [change.isDirty, INCOMPATIBLE_DIRTY],
      [change.isCorrupt, INCOMPATIBLE_CORRUPT],
    ] as const;
    for (const [value, bit] of flags) {
      const low = view.getUint32(field.incompatible + 4);
      if (value !== undefined)
        view.setUint32(field.incompatible + 4, (value ? low | bit : low & ~bit) >>> 0);
    }
    if (change.hasAutoclear === false) view.setBigUint64(field.autoclear, 0n);
  }
  await file.write(0, bytes);
  return { ...header, ...change };
}
