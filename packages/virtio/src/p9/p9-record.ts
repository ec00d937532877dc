// The records of 9P2000.L that stand for stat, statfs and changes of attributes.

import type { FileAttributes, FileChanges, FileVolume } from '../files/file-system.js';
import { nanosecondsOf, secondsOf } from '../files/file-time.js';
import type { MessageReader, MessageWriter } from '../files/message.js';
import { fileKindOf, S_IFDIR, S_IFLNK } from '../spec/file-mode.js';
import * as P from '../spec/p9.js';

/** What Linux calls the file system's kind: V9FS_MAGIC. */
const V9FS_MAGIC = 0x01021997;
const MAX_NAME_BYTES = 255;

/** The kind of a file, of its mode. */
export function qidType(mode: bigint): number {
  const kind = fileKindOf(mode);
  return kind === S_IFDIR ? P.P9_QTDIR : kind === S_IFLNK ? P.P9_QTSYMLINK : P.P9_QTFILE;
}

/** Rgetattr. */
export function answerAttributes(attributes: FileAttributes, writer: MessageWriter): void {
  const { mode, inode, uid, gid, links, rdev, size, blockBytes, blocks } = attributes;
  writer.u64(BigInt(P.P9_GETATTR_BASIC));
  writer.u8(qidType(mode));
  writer.u32(0);
  writer.u64(inode);
  for (const value of [mode, uid, gid]) writer.u32(Number(value));
  for (const value of [links, rdev, size, blockBytes, blocks]) writer.u64(value);
  for (const time of [attributes.atimeNs, attributes.mtimeNs, attributes.ctimeNs, 0n]) {
    writer.u64(secondsOf(time));
    writer.u64(nanosecondsOf(time));
  }
  writer.u64(0n); // generation
  writer.u64(0n); // version
}

/** Rstatfs. */
export function answerVolume(volume: FileVolume, writer: MessageWriter): void {
  writer.u32(V9FS_MAGIC);
  writer.u32(volume.blockBytes);
  const { blocks, freeBlocks, availableBlocks, files, freeFiles } = volume;
  for (const count of [blocks, freeBlocks, availableBlocks, files, freeFiles, 0n])
    writer.u64(count);
  writer.u32(MAX_NAME_BYTES);
}

/** What a Tsetattr asks for, after its fid. */
export function changesOf(reader: MessageReader): FileChanges {
  const valid = reader.u32();
  const has = (bit: number) => (valid & bit) !== 0;
  const [mode, uid, gid] = [reader.u32(), reader.u32(), reader.u32()];
  const size = reader.u64();
  const seconds = () => reader.s64() + reader.u64() / 1e9;
  const [atime, mtime] = [seconds(), seconds()];
  return {
    ...(has(P.P9_SETATTR_MODE) ? { mode } : {}),
    ...(has(P.P9_SETATTR_UID) ? { uid } : {}),
    ...(has(P.P9_SETATTR_GID) ? { gid } : {}),
    ...(has(P.P9_SETATTR_SIZE) ? { size } : {}),
    ...(has(P.P9_SETATTR_ATIME) ? { atime: has(P.P9_SETATTR_ATIME_SET) ? atime : 'now' } : {}),
    ...(has(P.P9_SETATTR_MTIME) ? { mtime: has(P.P9_SETATTR_MTIME_SET) ? mtime : 'now' } : {}),
  };
}
