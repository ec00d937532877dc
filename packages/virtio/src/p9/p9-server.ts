// P9Server: answers 9P2000.L messages over a FileSystem, at once. It holds what its client has: fids, bounded in number.
import { checkedName, regularMode } from '../files/file-name.js';
import { FileError, type FileNode, type FileSystem, type OpenFile } from '../files/file-system.js';
import { Listings } from '../files/listings.js';
import { encoded, MessageReader, MessageWriter } from '../files/message.js';
import type { MessageServer } from '../files/message-device.js';
import * as E from '../spec/errno.js';
import * as P from '../spec/p9.js';
import { answerAttributes, answerVolume, changesOf, qidType } from './p9-record.js';

/** A client's messages: the longest that are agreed on. */
export const MAX_MESSAGE_BYTES: number = 128 * 1024 + 24;
const MIN_MESSAGE_BYTES = 4096;
const MAX_FIDS = 4096;
const QID_BYTES = 13;
/** Of a directory's entry: qid, offset, type, length of the name. */
const ENTRY_BYTES = QID_BYTES + 8 + 1 + 2;
const NO_FID = 0xffff_ffff;
const NO_USER = 0xffff_ffff;

/** What a client has a number for. */
interface Fid {
  node: FileNode;
  file: OpenFile | null;
  /** The user that attached. */
  readonly uid: number;
}

const fail = (errno: number, message: string): never => {
  throw new FileError(errno, message);
};

function nameOf(reader: MessageReader): string {
  const name = reader.text();
  return reader.isBad ? fail(E.EINVAL, 'a message without its name') : checkedName(name);
}

export class P9Server implements MessageServer {
  readonly #files: FileSystem;
  readonly #fids: Map<number, Fid> = new Map();
  readonly #listings = new Listings();
  #maxBytes = MAX_MESSAGE_BYTES;

  constructor(files: FileSystem) {
    this.#files = files;
  }

  /** Lets go of all the client had. */
  reset(): void {
    for (const [number, fid] of this.#fids) {
      this.#fids.delete(number);
      this.#release(fid);
    }
    this.#maxBytes = MAX_MESSAGE_BYTES;
  }

  /** Answers a message into `answer`; returns how many bytes, or 0 if there is no room even for an error. */
  handle(message: Uint8Array, answer: Uint8Array): number {
    const room = answer.subarray(0, Math.min(answer.length, this.#maxBytes));
    if (message.length < P.P9_HEADER_BYTES || room.length < P.P9_HEADER_BYTES + 4) return 0;
    const reader = new MessageReader(message, 4);
    const type = reader.u8();
    const tag = reader.u16();
    const writer = new MessageWriter(room, P.P9_HEADER_BYTES);
    try {
      this.#dispatch(type, reader, writer);
      return finish(room, type + 1, tag, writer.end);
    } catch (error) {
      const errorWriter = new MessageWriter(room, P.P9_HEADER_BYTES);
      errorWriter.u32(error instanceof FileError ? error.errno : E.EIO);
      return finish(room, P.P9_RLERROR, tag, errorWriter.end);
    }
  }

  #dispatch(type: number, reader: MessageReader, writer: MessageWriter): void {
    switch (type) {
      case P.P9_TVERSION:
        return this.#version(reader, writer);
      case P.P9_TATTACH:
        return this.#attach(reader, writer);
      case P.P9_TFLUSH:
        return; // Everything is answered at once.
      case P.P9_TWALK:
        return this.#walk(reader, writer);
      case P.P9_TCLUNK:
      case P.P9_TREMOVE:
        return this.#clunk(type, reader);
      case P.P9_TLOPEN:
        return this.#open(reader, writer);
      case P.P9_TLCREATE:
        return this.#create(reader, writer);
      case P.P9_TREAD:
        return this.#read(reader, writer);
      case P.P9_TWRITE:
        return this.#write(reader, writer);
      case P.P9_TREADDIR:
        return this.#readDirectory(reader, writer);
      case P.P9_TFSYNC:
        return this.#openFile(reader).sync();
      case P.P9_TLOCK:
        this.#fid(reader);
        return writer.u8(P.P9_LOCK_SUCCESS);
      case P.P9_TGETLOCK:
        return this.#getLock(reader, writer);
      case P.P9_TGETATTR:
        return answerAttributes(this.#fid(reader).node.attributes(), writer);
      case P.P9_TSETATTR:
        return this.#setAttributes(reader);
      case P.P9_TSTATFS:
        return answerVolume(this.#fid(reader).node.volume(), writer);
      case P.P9_TREADLINK:
        return writer.text(inRoom(this.#fid(reader).node.readLink(), writer.room - 2));
      default:
        return this.#changeTree(type, reader, writer);
    }
  }

  /** Messages that change directories. */
  #changeTree(type: number, reader: MessageReader, writer: MessageWriter): void {
    const { node, uid } = this.#fid(reader);
    switch (type) {
      case P.P9_TMKDIR: {
        const name = nameOf(reader);
        const mode = reader.u32();
        return answerMade(node.makeDirectory(name, mode, { uid, gid: reader.u32() }), writer);
      }
      case P.P9_TSYMLINK: {
        const name = nameOf(reader);
        const target = reader.text();
        return answerMade(node.makeSymlink(name, target, { uid, gid: reader.u32() }), writer);
      }
      case P.P9_TMKNOD: {
        const name = nameOf(reader);
        const mode = regularMode(reader.u32());
        reader.skip(8);
        const made = node.create(name, 0, mode, { uid, gid: reader.u32() });
        made.file.close();
        return answerMade(made.node, writer);
      }
      case P.P9_TLINK: {
        const target = this.#fid(reader).node;
        return node.link(nameOf(reader), target);
      }
      case P.P9_TRENAMEAT: {
        const name = nameOf(reader);
        const to = this.#fid(reader).node;
        return node.rename(name, to, nameOf(reader));
      }
      case P.P9_TUNLINKAT: {
        const name = nameOf(reader);
        return node.remove(name, (reader.u32() & P.P9_UNLINKAT_DIRECTORY) !== 0);
      }
      default:
        return fail(E.EOPNOTSUPP, `message ${type} is not known`);
    }
  }

  #fid(reader: MessageReader): Fid {
    const number = reader.u32();
    if (reader.isBad) fail(E.EINVAL, 'a message without its fid');
    return this.#fids.get(number) ?? fail(E.EBADF, 'this fid is not known');
  }

  #openFile(reader: MessageReader): OpenFile {
    return this.#fid(reader).file ?? fail(E.EBADF, 'this fid is not open');
  }

  /** Gives the client a number for a node, which becomes its own. */
  #add(number: number, node: FileNode, uid: number): void {
    if (this.#fids.size < MAX_FIDS && !this.#fids.has(number) && number !== NO_FID) {
      this.#fids.set(number, { node, file: null, uid });
      return;
    }
    node.close();
    fail(this.#fids.has(number) ? E.EBADF : E.ENFILE, 'this fid cannot be given');
  }

  #version(reader: MessageReader, writer: MessageWriter): void {
    const wanted = reader.u32();
    const isKnown = reader.text() === P.P9_VERSION && wanted >= MIN_MESSAGE_BYTES;
    this.reset();
    this.#maxBytes = Math.max(MIN_MESSAGE_BYTES, Math.min(wanted, MAX_MESSAGE_BYTES));
    writer.u32(this.#maxBytes);
    writer.text(inRoom(isKnown ? P.P9_VERSION : 'unknown', writer.room));
  }

  #attach(reader: MessageReader, writer: MessageWriter): void {
    const number = reader.u32();
    reader.skip(4);
    for (let i = 0; i < 2; i++) reader.text(); // the user's name, and what of the files it wants
    const uid = reader.u32();
    const root = this.#files.root();
    const { mode, inode } = root.attributes();
    this.#add(number, root, reader.isBad || uid === NO_USER ? 0 : uid);
    answerQid(mode, inode, writer);
  }

  #walk(reader: MessageReader, writer: MessageWriter): void {
    const from = this.#fid(reader);
    const number = reader.u32();
    const count = reader.u16();
    if (count > P.P9_MAX_WALK) fail(E.EINVAL, 'a walk of too many names');
    const names: string[] = [];
    for (let i = 0; i < count; i++) names.push(nameOf(reader));
    writer.u16(count);
    let node = from.node.share();
    try {
      for (const name of names) {
        const next = node.child(name);
        node.close();
        node = next;
        const { mode, inode } = node.attributes();
        answerQid(mode, inode, writer);
      }
    } catch (error) {
      node.close();
      throw error;
    }
    // The same number: the fid itself moves.
    if (this.#fids.get(number) === from) {
      this.#release(from);
      this.#fids.delete(number);
    }
    this.#add(number, node, from.uid);
  }

  /** A remove lets go of the fid as well, and does no more: files are removed by unlinkat. */
  #clunk(type: number, reader: MessageReader): void {
    const number = reader.u32();
    const fid = this.#fids.get(number) ?? fail(E.EBADF, 'this fid is not known');
    this.#fids.delete(number);
    this.#release(fid);
    if (type === P.P9_TREMOVE) fail(E.EOPNOTSUPP, 'use unlinkat');
  }

  #open(reader: MessageReader, writer: MessageWriter): void {
    const fid = this.#fid(reader);
    const flags = reader.u32();
    const { mode, inode } = fid.node.attributes();
    if (fid.file) fail(E.EBADF, 'this fid is open');
    if (qidType(mode) !== P.P9_QTDIR) fid.file = fid.node.open(flags);
    answerQid(mode, inode, writer);
    writer.u32(0);
  }

  /** The fid of the directory becomes that of the new file. */
  #create(reader: MessageReader, writer: MessageWriter): void {
    const fid = this.#fid(reader);
    const name = nameOf(reader);
    const flags = reader.u32();
    if (fid.file) fail(E.EBADF, 'this fid is open');
    const permissions = reader.u32();
    const owner = { uid: fid.uid, gid: reader.u32() };
    const { node, file } = fid.node.create(name, flags, permissions, owner);
    fid.node.close();
    fid.node = node;
    fid.file = file;
    this.#listings.forget(fid);
    const { mode, inode } = node.attributes();
    answerQid(mode, inode, writer);
    writer.u32(0);
  }

  #read(reader: MessageReader, writer: MessageWriter): void {
    const file = this.#openFile(reader);
    const offset = reader.u64();
    const count = Math.min(reader.u32(), writer.room - 4);
    const target = writer.reserve(4 + count).subarray(4);
    finishRead(writer, file.read(offset, target), count);
  }

  #write(reader: MessageReader, writer: MessageWriter): void {
    const file = this.#openFile(reader);
    const offset = reader.u64();
    const source = reader.bytes(reader.u32());
    if (reader.isBad) fail(E.EINVAL, 'a write without its bytes');
    writer.u32(file.write(offset, source));
  }

  #readDirectory(reader: MessageReader, writer: MessageWriter): void {
    const fid = this.#fid(reader);
    const offset = reader.u64();
    const room = Math.min(reader.u32(), writer.room - 4);
    writer.reserve(4);
    const start = writer.end;
    // An entry's offset is where the one after it is.
    const entries = this.#listings.entries(fid, fid.node, offset);
    for (let i = offset; i < entries.length; i++) {
      const { name, type, inode } = entries[i];
      if (writer.end - start + ENTRY_BYTES + name.length > room) break;
      answerQid(BigInt(type) << 12n, inode, writer);
      writer.u64(BigInt(i + 1));
      writer.u8(type);
      writer.text(name);
    }
    finishRead(writer, writer.end - start, writer.end - start);
  }

  #setAttributes(reader: MessageReader): void {
    const { node } = this.#fid(reader);
    const changes = changesOf(reader);
    if (reader.isBad) fail(E.EINVAL, 'a change without its values');
    node.change(changes);
  }

  /** Nobody else has locks: the client keeps its own. */
  #getLock(reader: MessageReader, writer: MessageWriter): void {
    this.#fid(reader);
    reader.u8();
    const range = reader.bytes(8 + 8 + 4);
    const client = reader.bytes(reader.u16());
    if (reader.isBad) fail(E.EINVAL, 'a lock without its range');
    writer.u8(P.P9_UNLOCKED);
    writer.reserve(range.length).set(range);
    writer.text(client);
  }

  #release(fid: Fid): void {
    this.#listings.forget(fid);
    fid.file?.close();
    fid.node.close();
  }
}

/** Text of at most `room` bytes. */
function inRoom(text: string, room: number): Uint8Array {
  return encoded(text, room) ?? fail(E.EINVAL, 'there is no room for the answer');
}

/** Version 0: clients that cache look at times. */
function answerQid(mode: bigint, inode: bigint, writer: MessageWriter): void {
  writer.u8(qidType(mode));
  writer.u32(0);
  writer.u64(inode);
}

function answerMade(node: FileNode, writer: MessageWriter): void {
  const { mode, inode } = node.attributes();
  node.close();
  answerQid(mode, inode, writer);
}

/** Puts the count before data of which `done` of `reserved` bytes are there. */
function finishRead(writer: MessageWriter, done: number, reserved: number): void {
  writer.rewind(reserved - done);
  writer.countBefore(done);
}

function finish(answer: Uint8Array, type: number, tag: number, byteLength: number): number {
  const writer = new MessageWriter(answer, 0);
  writer.u32(byteLength);
  writer.u8(type);
  writer.u16(tag);
  return byteLength;
}
