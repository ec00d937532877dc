// The records of FUSE that stand for stat, statfs, changes of attributes, and entries of directories.

import type { FileAttributes, FileChanges, FileVolume } from '../files/file-system.js';
import { nanosecondsOf, secondsOf } from '../files/file-time.js';
import type { ListedEntry } from '../files/listings.js';
import type { MessageReader, MessageWriter } from '../files/message.js';
import * as F from '../spec/fuse.js';
import type { KnownNode } from './node-table.js';

/** How long a client may go by what it was told, in seconds: what the host changes shows after that. */
const VALID_SECONDS = 1n;
const MAX_NAME_BYTES = 255;
/** Of an entry in a directory: inode, offset, length of the name, kind; in all a multiple of 8. */
const DIRENT_BYTES = 24;
/** struct fuse_entry_out. */
const ENTRY_BYTES = 128;

/** struct fuse_attr. */
function writeAttributes(attributes: FileAttributes, writer: MessageWriter): void {
  const { inode, size, blocks, mode, uid, gid, links, rdev, blockBytes } = attributes;
  const times = [attributes.atimeNs, attributes.mtimeNs, attributes.ctimeNs];
  for (const value of [inode, size, blocks, ...times.map(secondsOf)]) writer.u64(value);
  for (const value of [...times.map(nanosecondsOf), mode, links, uid, gid, rdev, blockBytes])
    writer.u32(Number(value));
  writer.u32(0);
}

/** struct fuse_attr_out. */
export function answerAttributes(attributes: FileAttributes, writer: MessageWriter): void {
  writer.u64(VALID_SECONDS);
  writer.u64(0n);
  writeAttributes(attributes, writer);
}

/** struct fuse_entry_out. */
export function answerEntry(
  { id, generation }: KnownNode,
  attributes: FileAttributes,
  writer: MessageWriter,
): void {
  for (const value of [BigInt(id), BigInt(generation), VALID_SECONDS, VALID_SECONDS, 0n])
    writer.u64(value);
  writeAttributes(attributes, writer);
}

/** struct fuse_open_out. */
export function answerOpen(handle: number, writer: MessageWriter): void {
  writer.u64(BigInt(handle));
  writer.u64(0n);
}

/** struct fuse_statfs_out. */
export function answerVolume(volume: FileVolume, writer: MessageWriter): void {
  const { blocks, freeBlocks, availableBlocks, files, freeFiles, blockBytes } = volume;
  for (const count of [blocks, freeBlocks, availableBlocks, files, freeFiles]) writer.u64(count);
  for (const value of [blockBytes, MAX_NAME_BYTES, blockBytes]) writer.u32(value);
  for (let i = 0; i < 7; i++) writer.u32(0);
}

/** Bytes of a directory's entry, with what READDIRPLUS tells of it. */
export function direntBytes({ name }: ListedEntry, hasAttributes: boolean): number {
  return ((DIRENT_BYTES + name.length + 7) & ~7) + (hasAttributes ? ENTRY_BYTES : 0);
}

/** struct fuse_dirent. @param next where the entry after it is */
export function writeDirent(entry: ListedEntry, next: number, writer: MessageWriter): void {
  const { name, type, inode } = entry;
  writer.u64(inode);
  writer.u64(BigInt(next));
  writer.u32(name.length);
  writer.u32(type);
  writer.bytes(name);
  for (let end = DIRENT_BYTES + name.length; end % 8 !== 0; end++) writer.u8(0);
}

/** The struct fuse_entry_out of what a client learns nothing about. */
export function writeNoEntry(writer: MessageWriter): void {
  writer.reserve(ENTRY_BYTES).fill(0);
}

/** struct fuse_setattr_in. */
export function changesOf(reader: MessageReader): FileChanges {
  const valid = reader.u32();
  const has = (bit: number): boolean => (valid & bit) !== 0;
  reader.skip(4 + 8); // the open file
  const size = reader.u64();
  reader.skip(8); // the owner of locks
  const seconds = [reader.s64(), reader.s64(), reader.s64()];
  const [atime, mtime] = seconds.map((whole) => whole + reader.u32() / 1e9);
  const mode = reader.u32();
  reader.skip(4);
  const [uid, gid] = [reader.u32(), reader.u32()];
  return {
    ...(has(F.FATTR_MODE) ? { mode } : {}),
    ...(has(F.FATTR_UID) ? { uid } : {}),
    ...(has(F.FATTR_GID) ? { gid } : {}),
    ...(has(F.FATTR_SIZE) ? { size } : {}),
    ...(has(F.FATTR_ATIME) ? { atime: has(F.FATTR_ATIME_NOW) ? 'now' : atime } : {}),
    ...(has(F.FATTR_MTIME) ? { mtime: has(F.FATTR_MTIME_NOW) ? 'now' : mtime } : {}),
  };
}
