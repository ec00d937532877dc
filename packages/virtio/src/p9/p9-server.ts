// P9Server: answers 9P2000.L messages over a P9FileSystem, at once. It holds what its client has: fids, bounded in number.
import * as P from '../spec/p9.js';
import { P9Error, type P9File, type P9FileSystem, type P9Node } from './p9-file-system.js';
import { P9Reader, P9Writer } from './p9-message.js';
import { answerAttributes, answerVolume, changesOf, qidType } from './p9-record.js';

/** A client's messages: the longest that are agreed on. */
export const MAX_MESSAGE_BYTES: number = 128 * 1024 + 24;
const MIN_MESSAGE_BYTES = 4096;
const MAX_FIDS = 4096;
const QID_BYTES = 13;
/** Of a directory's entry: qid, offset, type, length of the name. */
const ENTRY_BYTES = QID_BYTES + 8 + 1 + 2;
const NO_FID = 0xffff_ffff;

/** What a client has a number for. */
interface Fid {
  node: P9Node;
  file: P9File | null;
  /** A directory's entries, as they were when it was read from the start. */
  entries: readonly { name: Uint8Array; type: number; inode: bigint }[] | null;
}

const fail = (errno: number, message: string): never => {
  throw new P9Error(errno, message);
};

/** A single name, which leads nowhere else. */
function nameOf(reader: P9Reader): string {
  const name = reader.text();
  if (reader.isBad || name === '' || name === '.' || name === '..' || /[/\0]/.test(name))
    fail(P.P9_EINVAL, 'this is no name');
  return name;
}

/** Directories whose entries are kept between messages. */
const MAX_LISTED = 16;

export class P9Server {
  readonly #files: P9FileSystem;
  readonly #fids: Map<number, Fid> = new Map();
  /** Those that keep a directory's entries, oldest first. */
  readonly #listed: Fid[] = [];
  #maxBytes = MAX_MESSAGE_BYTES;

  constructor(files: P9FileSystem) {
    this.#files = files;
  }

  /** Lets go of all the client had. */
  reset(): void {
    for (const [number, fid] of this.#fids) {
      this.#fids.delete(number);
      release(fid);
    }
    this.#listed.length = 0;
    this.#maxBytes = MAX_MESSAGE_BYTES;
  }

  /** Answers a message into `answer`; returns how many bytes, or 0 if there is no room even for an error. */
  handle(message: Uint8Array, answer: Uint8Array): number {
    const room = answer.subarray(0, Math.min(answer.length, this.#maxBytes));
    if (message.length < P.P9_HEADER_BYTES || room.length < P.P9_HEADER_BYTES + 4) return 0;
    const reader = new P9Reader(message, 4);
    const type = reader.u8();
    const tag = reader.u16();
    const writer = new P9Writer(room, P.P9_HEADER_BYTES);
    try {
      this.#dispatch(type, reader, writer);
      return finish(room, type + 1, tag, writer.end);
    } catch (error) {
      const errorWriter = new P9Writer(room, P.P9_HEADER_BYTES);
      errorWriter.u32(error instanceof P9Error ? error.errno : P.P9_EIO);
      return finish(room, P.P9_RLERROR, tag, errorWriter.end);
    }
  }

  #dispatch(type: number, reader: P9Reader, writer: P9Writer): void {
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
        return writer.text(encoded(this.#fid(reader).node.readLink(), writer.room - 2));
      default:
        return this.#changeTree(type, reader, writer);
    }
  }

  /** Messages that change directories. */
  #changeTree(type: number, reader: P9Reader, writer: P9Writer): void {
    const { node } = this.#fid(reader);
    switch (type) {
      case P.P9_TMKDIR: {
        const name = nameOf(reader);
        node.makeDirectory(name, reader.u32());
        return answerChild(node, name, writer);
      }
      case P.P9_TSYMLINK: {
        const name = nameOf(reader);
        node.makeSymlink(name, reader.text());
        return answerChild(node, name, writer);
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
        return fail(P.P9_EOPNOTSUPP, `message ${type} is not known`);
    }
  }

  #fid(reader: P9Reader): Fid {
    const number = reader.u32();
    if (reader.isBad) fail(P.P9_EINVAL, 'a message without its fid');
    return this.#fids.get(number) ?? fail(P.P9_EBADF, 'this fid is not known');
  }

  #openFile(reader: P9Reader): P9File {
    return this.#fid(reader).file ?? fail(P.P9_EBADF, 'this fid is not open');
  }

  /** Gives the client a number for a node, which becomes its own. */
  #add(number: number, node: P9Node): void {
    if (this.#fids.size < MAX_FIDS && !this.#fids.has(number) && number !== NO_FID) {
      this.#fids.set(number, { node, file: null, entries: null });
      return;
    }
    node.close();
    fail(this.#fids.has(number) ? P.P9_EBADF : P.P9_ENFILE, 'this fid cannot be given');
  }

  #version(reader: P9Reader, writer: P9Writer): void {
    const wanted = reader.u32();
    const isKnown = reader.text() === P.P9_VERSION && wanted >= MIN_MESSAGE_BYTES;
    this.reset();
    this.#maxBytes = Math.max(MIN_MESSAGE_BYTES, Math.min(wanted, MAX_MESSAGE_BYTES));
    writer.u32(this.#maxBytes);
    writer.text(encoded(isKnown ? P.P9_VERSION : 'unknown', writer.room));
  }

  #attach(reader: P9Reader, writer: P9Writer): void {
    const number = reader.u32();
    const root = this.#files.root();
    const { mode, inode } = root.attributes();
    this.#add(number, root);
    answerQid(mode, inode, writer);
  }

  #walk(reader: P9Reader, writer: P9Writer): void {
    const from = this.#fid(reader);
    const number = reader.u32();
    const count = reader.u16();
    if (count > P.P9_MAX_WALK) fail(P.P9_EINVAL, 'a walk of too many names');
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
      release(from);
      this.#fids.delete(number);
    }
    this.#add(number, node);
  }

  /** A remove lets go of the fid as well, and does no more: files are removed by unlinkat. */
  #clunk(type: number, reader: P9Reader): void {
    const number = reader.u32();
    const fid = this.#fids.get(number) ?? fail(P.P9_EBADF, 'this fid is not known');
    this.#fids.delete(number);
    release(fid);
    if (type === P.P9_TREMOVE) fail(P.P9_EOPNOTSUPP, 'use unlinkat');
  }

  #open(reader: P9Reader, writer: P9Writer): void {
    const fid = this.#fid(reader);
    const flags = reader.u32();
    const { mode, inode } = fid.node.attributes();
    if (fid.file) fail(P.P9_EBADF, 'this fid is open');
    if (qidType(mode) !== P.P9_QTDIR) fid.file = fid.node.open(flags);
    answerQid(mode, inode, writer);
    writer.u32(0);
  }

  /** The fid of the directory becomes that of the new file. */
  #create(reader: P9Reader, writer: P9Writer): void {
    const fid = this.#fid(reader);
    const name = nameOf(reader);
    const flags = reader.u32();
    if (fid.file) fail(P.P9_EBADF, 'this fid is open');
    const { node, file } = fid.node.create(name, flags, reader.u32());
    fid.node.close();
    fid.node = node;
    fid.file = file;
    fid.entries = null;
    const { mode, inode } = node.attributes();
    answerQid(mode, inode, writer);
    writer.u32(0);
  }

  #read(reader: P9Reader, writer: P9Writer): void {
    const file = this.#openFile(reader);
    const offset = reader.u64();
    const count = Math.min(reader.u32(), writer.room - 4);
    const target = writer.reserve(4 + count).subarray(4);
    finishRead(writer, file.read(offset, target), count);
  }

  #write(reader: P9Reader, writer: P9Writer): void {
    const file = this.#openFile(reader);
    const offset = reader.u64();
    const source = reader.bytes(reader.u32());
    if (reader.isBad) fail(P.P9_EINVAL, 'a write without its bytes');
    writer.u32(file.write(offset, source));
  }

  #readDirectory(reader: P9Reader, writer: P9Writer): void {
    const fid = this.#fid(reader);
    const offset = reader.u64();
    const room = Math.min(reader.u32(), writer.room - 4);
    if (offset === 0 || fid.entries === null) this.#list(fid);
    writer.reserve(4);
    const start = writer.end;
    // An entry's offset is where the one after it is.
    const entries = fid.entries ?? [];
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

  /** Keeps a directory's entries for the next message; those of the directory that was listed longest ago go. */
  #list(fid: Fid): void {
    fid.entries = entriesOf(fid.node);
    const at = this.#listed.indexOf(fid);
    if (at >= 0) this.#listed.splice(at, 1);
    const oldest = this.#listed.length === MAX_LISTED ? this.#listed.shift() : undefined;
    if (oldest) oldest.entries = null;
    this.#listed.push(fid);
  }

  #setAttributes(reader: P9Reader): void {
    const { node } = this.#fid(reader);
    const changes = changesOf(reader);
    if (reader.isBad) fail(P.P9_EINVAL, 'a change without its values');
    node.change(changes);
  }

  /** Nobody else has locks: the client keeps its own. */
  #getLock(reader: P9Reader, writer: P9Writer): void {
    this.#fid(reader);
    reader.u8();
    const range = reader.bytes(8 + 8 + 4);
    const client = reader.bytes(reader.u16());
    if (reader.isBad) fail(P.P9_EINVAL, 'a lock without its range');
    writer.u8(P.P9_UNLOCKED);
    writer.reserve(range.length).set(range);
    writer.text(client);
  }
}

function release(fid: Fid): void {
  fid.file?.close();
  fid.node.close();
}

/** Text of at most `room` bytes. */
function encoded(text: string, room: number): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  return bytes.length <= room ? bytes : fail(P.P9_EINVAL, 'there is no room for the answer');
}

/** Version 0: clients that cache look at times. */
function answerQid(mode: bigint, inode: bigint, writer: P9Writer): void {
  writer.u8(qidType(mode));
  writer.u32(0);
  writer.u64(inode);
}

/** A directory's entries, after itself and the one above it, which this server does not tell apart. */
function entriesOf(node: P9Node): NonNullable<Fid['entries']> {
  const { mode, inode } = node.attributes();
  const type = Number(mode >> 12n);
  const dots = ['.', '..'].map((name) => ({ name, type, inode }));
  return [...dots, ...node.list()].map(({ name, ...entry }) => ({
    ...entry,
    name: new TextEncoder().encode(name),
  }));
}

function answerChild(node: P9Node, name: string, writer: P9Writer): void {
  const child = node.child(name);
  const { mode, inode } = child.attributes();
  child.close();
  answerQid(mode, inode, writer);
}

/** Puts the count before data of which `done` of `reserved` bytes are there. */
function finishRead(writer: P9Writer, done: number, reserved: number): void {
  writer.rewind(reserved - done);
  writer.countBefore(done);
}

function finish(answer: Uint8Array, type: number, tag: number, byteLength: number): number {
  const writer = new P9Writer(answer, 0);
  writer.u32(byteLength);
  writer.u8(type);
  writer.u16(tag);
  return byteLength;
}
