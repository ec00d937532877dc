// The snapshot table: one record for each internal snapshot, of variable length, padded to 8 bytes.
import type { ByteFile } from '../byte-file.js';
import { readPadded } from '../byte-file.js';
import { badImage, cutShort, type Qcow2Header } from './header.js';
import {
  ENTRY_BYTES,
  MAX_L1_BYTES,
  MAX_SNAPSHOT_EXTRA_BYTES,
  MAX_SNAPSHOT_TABLE_BYTES,
} from './layout.js';

export interface Qcow2Snapshot {
  /** Unique in the image, mostly digits. */
  readonly id: string;
  readonly name: string;
  /** When it was taken, since 1970. */
  readonly date: { readonly seconds: number; readonly ns: number };
  /** How long the guest had run. */
  readonly guestNs: bigint;
  /** The saved state of a whole machine that other programs may have put beside the disk. */
  readonly machineStateBytes: number;
  readonly diskBytes: number;
  readonly l1Offset: number;
  readonly l1Entries: number;
  /** What the record has beyond that, as it is stored. */
  readonly extra: Uint8Array;
}

const RECORD_BYTES = 40;
const EXTRA_BYTES = 16;

/** @throws BlockError `bad-image` */
export async function readSnapshots(file: ByteFile, header: Qcow2Header): Promise<Qcow2Snapshot[]> {
  const snapshots: Qcow2Snapshot[] = [];
  let at = header.snapshotsOffset;
  const limit = at + MAX_SNAPSHOT_TABLE_BYTES;
  let l1Bytes = 0;
  for (let i = 0; i < header.snapshotCount; i++) {
    const fixed = new Uint8Array(RECORD_BYTES);
    await readPadded(file, at, fixed);
    const view = new DataView(fixed.buffer);
    const extraBytes = view.getUint32(36);
    const idBytes = view.getUint16(12);
    const nameBytes = view.getUint16(14);
    const byteLength = extraBytes + idBytes + nameBytes;
    const end = at + RECORD_BYTES + byteLength;
    if (extraBytes > MAX_SNAPSHOT_EXTRA_BYTES || end > limit)
      throw badImage(file, 'the qcow2 snapshot table is damaged: it is too long');
    if (end > file.byteLength) throw badImage(file, cutShort);
    const rest = new Uint8Array(byteLength);
    await readPadded(file, at + RECORD_BYTES, rest);
    const snapshot = decode(view, rest.subarray(0, extraBytes), rest.subarray(extraBytes), header);
    checkPlace(snapshot, file, 2 ** header.clusterBits);
    snapshots.push(snapshot);
    at += Math.ceil((RECORD_BYTES + byteLength) / 8) * 8;
    l1Bytes += snapshot.l1Entries * ENTRY_BYTES;
  }
  if (l1Bytes > file.byteLength)
    throw badImage(file, 'the qcow2 snapshot table is damaged: its l1_size are more than the file');
  return snapshots;
}

function decode(
  view: DataView,
  extra: Uint8Array,
  names: Uint8Array,
  header: Qcow2Header,
): Qcow2Snapshot {
  const idBytes = view.getUint16(12);
  const text = new TextDecoder();
  const more = new DataView(extra.buffer, extra.byteOffset, extra.byteLength);
  return {
    id: text.decode(names.subarray(0, idBytes)),
    name: text.decode(names.subarray(idBytes)),
    date: { seconds: view.getUint32(16), ns: view.getUint32(20) },
    guestNs: view.getBigUint64(24),
    machineStateBytes: extra.byteLength >= 8 ? Number(more.getBigUint64(0)) : view.getUint32(32),
    diskBytes: extra.byteLength >= 16 ? Number(more.getBigUint64(8)) : header.diskBytes,
    l1Offset: Number(view.getBigUint64(0)),
    l1Entries: view.getUint32(8),
    extra,
  };
}

function checkPlace(snapshot: Qcow2Snapshot, file: ByteFile, clusterBytes: number): void {
  const { l1Offset, l1Entries, diskBytes } = snapshot;
  const isGood =
    Number.isSafeInteger(l1Offset) &&
    l1Offset % clusterBytes === 0 &&
    l1Entries * ENTRY_BYTES <= MAX_L1_BYTES &&
    Number.isSafeInteger(diskBytes);
  if (!isGood) throw badImage(file, `the record of snapshot ${snapshot.id} is damaged`);
  if (l1Offset + l1Entries * ENTRY_BYTES > file.byteLength) throw badImage(file, cutShort);
}

/** The table as it is stored; `snapshots` at their L1 tables' final places. */
export function encodeSnapshots(snapshots: readonly Qcow2Snapshot[]): Uint8Array {
  const records = snapshots.map(encode);
  const bytes = new Uint8Array(records.reduce((sum, record) => sum + record.byteLength, 0));
  let at = 0;
  for (const record of records) {
    bytes.set(record, at);
    at += record.byteLength;
  }
  return bytes;
}

function encode(snapshot: Qcow2Snapshot): Uint8Array {
  const id = new TextEncoder().encode(snapshot.id);
  const name = new TextEncoder().encode(snapshot.name);
  const extraBytes = Math.max(snapshot.extra.byteLength, EXTRA_BYTES);
  const byteLength = RECORD_BYTES + extraBytes + id.byteLength + name.byteLength;
  const bytes = new Uint8Array(Math.ceil(byteLength / 8) * 8);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(snapshot.l1Offset));
  view.setUint32(8, snapshot.l1Entries);
  view.setUint16(12, id.byteLength);
  view.setUint16(14, name.byteLength);
  view.setUint32(16, snapshot.date.seconds);
  view.setUint32(20, snapshot.date.ns);
  view.setBigUint64(24, snapshot.guestNs);
  // A size of 32 bits is written for old readers; the extra data has all of it.
  view.setUint32(32, Math.min(snapshot.machineStateBytes, 2 ** 32 - 1));
  view.setUint32(36, extraBytes);
  bytes.set(snapshot.extra, RECORD_BYTES);
  view.setBigUint64(RECORD_BYTES, BigInt(snapshot.machineStateBytes));
  view.setBigUint64(RECORD_BYTES + 8, BigInt(snapshot.diskBytes));
  bytes.set(id, RECORD_BYTES + extraBytes);
  bytes.set(name, RECORD_BYTES + extraBytes + id.byteLength);
  return bytes;
}
