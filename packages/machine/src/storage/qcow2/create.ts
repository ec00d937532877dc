// A new qcow2 image: header, L1 table, counts.
import { BlockError, SECTOR_BYTES } from '../block-backend.js';
import type { ByteFile } from '../byte-file.js';
import { type Extension, encodeExtensions, featureNameTable } from './extension.js';
import type { BackingName } from './header.js';
import {
  COMPATIBLE_LAZY_REFCOUNTS,
  DEFAULT_CLUSTER_BYTES,
  ENTRY_BYTES,
  extensionType,
  field,
  HEADER_BYTES_COMPRESSION,
  HEADER_BYTES_V2,
  MAGIC,
  MAX_BACKING_NAME_BYTES,
  MAX_CLUSTER_BITS,
  MIN_CLUSTER_BITS,
} from './layout.js';
import { storeRefcounts } from './refcount-layout.js';
import { ReferenceCounts } from './reference-counts.js';
import { l1EntriesFor } from './rewrite.js';

export interface Qcow2CreateOptions {
  /** A multiple of 512. */
  readonly diskBytes: number;
  /** A power of two from 512 bytes to 2 MiB; default: 64 KiB. */
  readonly clusterBytes?: number;
  readonly version?: 2 | 3;
  /** A power of two up to 64; default: 16. Version 2 has no other. */
  readonly refcountBits?: number;
  /** Whether programs may leave counts behind to be made right later. We do not. */
  readonly hasLazyRefcounts?: boolean;
  readonly backing?: BackingName;
}

/**
 * Writes an empty image to an empty file.
 * @throws BlockError `bad-image` for options that cannot be
 */
export async function createQcow2(file: ByteFile, options: Qcow2CreateOptions): Promise<void> {
  const { diskBytes, version = 3, backing } = options;
  const clusterBytes = options.clusterBytes ?? DEFAULT_CLUSTER_BYTES;
  const clusterBits = Math.log2(clusterBytes);
  const refcountOrder = Math.log2(options.refcountBits ?? 16);
  if (
    !Number.isInteger(clusterBits) ||
    clusterBits < MIN_CLUSTER_BITS ||
    clusterBits > MAX_CLUSTER_BITS
  )
    throw wrong(file, `clusters of ${clusterBytes} bytes: give a power of two from 512 to 2097152`);
  if (!Number.isInteger(refcountOrder) || refcountOrder < 0 || refcountOrder > 6)
    throw wrong(file, `refcounts of ${options.refcountBits} bits: give a power of two up to 64`);
  if (version === 2 && (refcountOrder !== 4 || options.hasLazyRefcounts))
    throw wrong(file, 'version 2 has refcounts of 16 bits only, and no lazy ones: use version 3');
  if (!Number.isSafeInteger(diskBytes) || diskBytes < 0 || diskBytes % SECTOR_BYTES !== 0)
    throw wrong(file, `a disk of ${diskBytes} bytes: give a multiple of ${SECTOR_BYTES}`);
  const l1Entries = l1EntriesFor(diskBytes, clusterBytes);
  const counted = { clusterBytes, fileBytes: 0, fileName: file.name };
  const counts = new ReferenceCounts(counted);
  const nothing = new ReferenceCounts(counted);
  counts.change(0, 1);
  const l1Clusters = Math.max(1, Math.ceil((l1Entries * ENTRY_BYTES) / clusterBytes));
  const l1Offset = counts.take(l1Clusters, nothing) * clusterBytes;
  const target = { file, header: { clusterBits, refcountOrder } };
  const refcounts = await storeRefcounts(target, counts, nothing);

  const head = new Uint8Array(clusterBytes);
  const view = new DataView(head.buffer);
  view.setUint32(field.magic, MAGIC);
  view.setUint32(field.version, version);
  view.setUint32(field.clusterBits, clusterBits);
  view.setBigUint64(field.diskBytes, BigInt(diskBytes));
  view.setUint32(field.l1Entries, l1Entries);
  view.setBigUint64(field.l1Offset, BigInt(l1Offset));
  view.setBigUint64(field.refcountTableOffset, BigInt(refcounts.refcountTableOffset ?? 0));
  view.setUint32(field.refcountTableClusters, refcounts.refcountTableClusters ?? 0);
  if (version === 3) {
    const lazy = options.hasLazyRefcounts ? COMPATIBLE_LAZY_REFCOUNTS : 0;
    view.setUint32(field.compatible + 4, lazy);
    view.setUint32(field.refcountOrder, refcountOrder);
    view.setUint32(field.headerLength, HEADER_BYTES_COMPRESSION);
  }
  writeNames(head, version === 2 ? HEADER_BYTES_V2 : HEADER_BYTES_COMPRESSION, backing, file);
  await file.write(l1Offset, new Uint8Array(l1Clusters * clusterBytes));
  await file.flush();
  await file.write(0, head);
  await file.flush();
}

function wrong(file: ByteFile, what: string): BlockError {
  return new BlockError('bad-image', `${file.name}: ${what}`);
}

/** Extensions, and the name of the backing image behind them. */
function writeNames(
  head: Uint8Array,
  start: number,
  backing: BackingName | undefined,
  file: ByteFile,
): void {
  const extensions: Extension[] = [];
  const encoder = new TextEncoder();
  const { format = null, path = '' } = backing ?? {};
  if (format !== null)
    extensions.push({ type: extensionType.backingFormat, data: encoder.encode(format) });
  // A cluster of 512 bytes has no room for it beside a long name.
  if (head.byteLength > 1024) extensions.push(featureNameTable());
  const encoded = encodeExtensions(extensions);
  const name = encoder.encode(path);
  const at = start + encoded.byteLength;
  if (name.byteLength > MAX_BACKING_NAME_BYTES || at + name.byteLength > head.byteLength)
    throw wrong(file, 'the name of the backing image is too long for the header');
  head.set(encoded, start);
  if (!backing) return;
  head.set(name, at);
  const view = new DataView(head.buffer);
  view.setBigUint64(field.backingOffset, BigInt(at));
  view.setUint32(field.backingLength, name.byteLength);
}
