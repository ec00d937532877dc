// FuseServer: answers requests of the FUSE protocol (<linux/fuse.h>, 7.31 and later) over a FileSystem, at once. It holds what its client
// has: nodes and handles, bounded in number.
import { checkedName, regularMode } from '../files/file-name.js';
import {
  type FileAttributes,
  FileError,
  type FileNode,
  type FileOwner,
  type FileSystem,
} from '../files/file-system.js';
import { Listings } from '../files/listings.js';
import { encoded, MessageReader, MessageWriter } from '../files/message.js';
import type { MessageServer } from '../files/message-device.js';
import * as E from '../spec/errno.js';
import * as F from '../spec/fuse.js';
import {
  answerAttributes,
  answerEntry,
  answerOpen,
  answerVolume,
  changesOf,
  direntBytes,
  writeDirent,
  writeNoEntry,
} from './fuse-record.js';
import { HandleTable } from './handle-table.js';
import { NodeTable } from './node-table.js';

const PAGE_BYTES = 4096;
/** Of one read or write. */
const MAX_DATA_BYTES = 256 * 1024;
/** The longest message: a write. */
export const MAX_MESSAGE_BYTES: number = MAX_DATA_BYTES + PAGE_BYTES;
const MAX_BACKGROUND = 64;
/** What we do that a client may ask for. */
const FEATURES =
  F.FUSE_ASYNC_READ |
  F.FUSE_ATOMIC_O_TRUNC |
  F.FUSE_BIG_WRITES |
  F.FUSE_AUTO_INVAL_DATA |
  F.FUSE_DO_READDIRPLUS |
  F.FUSE_READDIRPLUS_AUTO |
  F.FUSE_ASYNC_DIO |
  F.FUSE_PARALLEL_DIROPS |
  F.FUSE_MAX_PAGES;

/** Who asks, and about what. */
interface Request {
  readonly opcode: number;
  readonly nodeId: number;
  readonly owner: FileOwner;
  readonly reader: MessageReader;
}

const fail = (errno: number, message: string): never => {
  throw new FileError(errno, message);
};

export class FuseServer implements MessageServer {
  readonly #files: FileSystem;
  readonly #nodes = new NodeTable();
  readonly #handles = new HandleTable();
  readonly #listings = new Listings();

  constructor(files: FileSystem) {
    this.#files = files;
  }

  reset(): void {
    this.#listings.clear();
    this.#handles.clear();
    this.#nodes.clear();
  }

  /** Returns 0 for what has no answer, and if there is no room even for an error. */
  handle(message: Uint8Array, answer: Uint8Array): number {
    const reader = new MessageReader(message, 0);
    const [byteLength, opcode] = [reader.u32(), reader.u32()];
    const uniqueBytes = reader.bytes(8);
    const nodeId = reader.u64();
    const owner = { uid: reader.u32(), gid: reader.u32() };
    reader.skip(8);
    if (reader.isBad) return 0;
    if (this.#isUnanswered(opcode, nodeId, reader)) return 0;
    if (answer.length < F.FUSE_OUT_HEADER_BYTES) return 0;
    const writer = new MessageWriter(answer, F.FUSE_OUT_HEADER_BYTES);
    let errno = 0;
    let end = F.FUSE_OUT_HEADER_BYTES;
    try {
      if (byteLength !== message.length) fail(E.EINVAL, 'a message of another length');
      this.#dispatch({ opcode, nodeId, owner, reader }, writer);
      end = writer.end;
    } catch (error) {
      errno = error instanceof FileError ? error.errno : E.EIO;
    }
    const header = new MessageWriter(answer, 0);
    header.u32(end);
    header.u32(-errno);
    header.bytes(uniqueBytes);
    return end;
  }

  /** Does what is only told. INTERRUPT means a request that was answered at once. */
  #isUnanswered(opcode: number, nodeId: number, reader: MessageReader): boolean {
    if (opcode === F.FUSE_FORGET) this.#forget(nodeId, reader);
    else if (opcode === F.FUSE_BATCH_FORGET) {
      const count = reader.u32();
      reader.skip(4);
      for (let i = 0; i < count && !reader.isBad; i++) this.#forget(reader.u64(), reader);
    } else return opcode === F.FUSE_INTERRUPT;
    return true;
  }

  #forget(nodeId: number, reader: MessageReader): void {
    const lookups = reader.u64();
    if (!reader.isBad) this.#nodes.forget(nodeId, lookups);
  }

  #dispatch(request: Request, writer: MessageWriter): void {
    const { opcode, nodeId, reader } = request;
    switch (opcode) {
      case F.FUSE_INIT:
        return this.#init(reader, writer);
      case F.FUSE_DESTROY:
        return this.reset();
      case F.FUSE_LOOKUP:
        return this.#answerNode(this.#node(nodeId).child(nameOf(reader)), writer);
      case F.FUSE_GETATTR:
        return answerAttributes(this.#node(nodeId).attributes(), writer);
      case F.FUSE_SETATTR:
        return this.#setAttributes(this.#node(nodeId), reader, writer);
      case F.FUSE_READLINK:
        return writer.bytes(
          encoded(this.#node(nodeId).readLink(), writer.room) ??
            fail(E.EINVAL, 'there is no room for the answer'),
        );
      case F.FUSE_STATFS:
        return answerVolume(this.#node(nodeId).volume(), writer);
      default:
        return this.#onHandle(request, writer);
    }
  }

  /** Requests about what is open, or to be opened. */
  #onHandle(request: Request, writer: MessageWriter): void {
    const { opcode, nodeId, reader } = request;
    switch (opcode) {
      case F.FUSE_OPEN:
        return this.#open(this.#node(nodeId), reader.u32(), writer);
      case F.FUSE_OPENDIR:
        return this.#openDirectory(this.#node(nodeId), writer);
      case F.FUSE_READ:
        return this.#read(reader, writer);
      case F.FUSE_WRITE:
        return this.#write(reader, writer);
      case F.FUSE_READDIR:
      case F.FUSE_READDIRPLUS:
        return this.#readDirectory(opcode === F.FUSE_READDIRPLUS, reader, writer);
      case F.FUSE_FLUSH: // What was written is with the host.
      case F.FUSE_FSYNCDIR:
        return void this.#handles.get(reader.u64());
      case F.FUSE_FSYNC:
        return this.#handles.file(reader.u64()).sync();
      case F.FUSE_RELEASE:
      case F.FUSE_RELEASEDIR:
        return this.#listings.forget(this.#handles.remove(reader.u64()));
      default:
        return this.#changeTree(request, writer);
    }
  }

  /** Requests that change directories. */
  #changeTree({ opcode, nodeId, owner, reader }: Request, writer: MessageWriter): void {
    switch (opcode) {
      case F.FUSE_CREATE: {
        const [flags, mode] = [reader.u32(), reader.u32()];
        reader.skip(8);
        const made = this.#node(nodeId).create(nameOf(reader), flags, mode, owner);
        const handle = this.#handles.add(made);
        this.#answerNode(made.node.share(), writer);
        return answerOpen(handle, writer);
      }
      case F.FUSE_MKNOD: {
        const mode = regularMode(reader.u32());
        reader.skip(12);
        const made = this.#node(nodeId).create(nameOf(reader), 0, mode, owner);
        made.file.close();
        return this.#answerNode(made.node, writer);
      }
      case F.FUSE_MKDIR: {
        const mode = reader.u32();
        reader.skip(4);
        const made = this.#node(nodeId).makeDirectory(nameOf(reader), mode, owner);
        return this.#answerNode(made, writer);
      }
      case F.FUSE_SYMLINK: {
        const name = nameOf(reader);
        const target = reader.terminatedText();
        return this.#answerNode(this.#node(nodeId).makeSymlink(name, target, owner), writer);
      }
      case F.FUSE_LINK: {
        const target = this.#node(reader.u64());
        this.#node(nodeId).link(nameOf(reader), target);
        return this.#answerNode(target.share(), writer);
      }
      case F.FUSE_UNLINK:
      case F.FUSE_RMDIR:
        return this.#node(nodeId).remove(nameOf(reader), opcode === F.FUSE_RMDIR);
      case F.FUSE_RENAME:
      case F.FUSE_RENAME2: {
        const to = this.#node(reader.u64());
        if (opcode === F.FUSE_RENAME2 && reader.u64() !== 0)
          fail(E.EINVAL, 'names are neither exchanged nor kept from being replaced');
        const name = nameOf(reader);
        return this.#node(nodeId).rename(name, to, nameOf(reader));
      }
      default:
        return fail(E.ENOSYS, `request ${opcode} is not known`);
    }
  }

  #node(id: number): FileNode {
    return this.#nodes.get(id);
  }

  /** The client gets to know a node, which becomes the table's own. */
  #answerNode(node: FileNode, writer: MessageWriter): void {
    let attributes: FileAttributes;
    try {
      attributes = node.attributes();
    } catch (error) {
      node.close();
      throw error;
    }
    answerEntry(this.#nodes.add(node), attributes, writer);
  }

  #init(reader: MessageReader, writer: MessageWriter): void {
    const [major, minor, readAhead, wanted] = [0, 0, 0, 0].map(() => reader.u32());
    if (reader.isBad || major < F.FUSE_KERNEL_VERSION) fail(E.EPROTO, 'too old a client');
    if (major === F.FUSE_KERNEL_VERSION && minor < F.FUSE_KERNEL_MINOR_VERSION)
      fail(E.EPROTO, 'too old a client');
    this.reset();
    this.#nodes.begin(this.#files.root());
    writer.u32(F.FUSE_KERNEL_VERSION);
    writer.u32(F.FUSE_KERNEL_MINOR_VERSION);
    writer.u32(readAhead);
    writer.u32(wanted & FEATURES);
    writer.u16(MAX_BACKGROUND);
    writer.u16((MAX_BACKGROUND * 3) / 4);
    writer.u32(MAX_DATA_BYTES);
    writer.u32(1); // Times are kept by the nanosecond.
    writer.u16(MAX_DATA_BYTES / PAGE_BYTES);
    writer.reserve(34).fill(0);
  }

  #setAttributes(node: FileNode, reader: MessageReader, writer: MessageWriter): void {
    const changes = changesOf(reader);
    if (reader.isBad) fail(E.EINVAL, 'a change without its values');
    node.change(changes);
    answerAttributes(node.attributes(), writer);
  }

  #open(node: FileNode, flags: number, writer: MessageWriter): void {
    const file = node.open(flags);
    answerOpen(this.#handles.add({ node: node.share(), file }), writer);
  }

  #openDirectory(node: FileNode, writer: MessageWriter): void {
    answerOpen(this.#handles.add({ node: node.share(), file: null }), writer);
  }

  #read(reader: MessageReader, writer: MessageWriter): void {
    const file = this.#handles.file(reader.u64());
    const offset = reader.u64();
    const count = Math.min(reader.u32(), writer.room);
    const target = writer.reserve(count);
    writer.rewind(count - file.read(offset, target));
  }

  #write(reader: MessageReader, writer: MessageWriter): void {
    const file = this.#handles.file(reader.u64());
    const offset = reader.u64();
    const byteLength = reader.u32();
    reader.skip(20);
    const source = reader.bytes(byteLength);
    if (reader.isBad) fail(E.EINVAL, 'a write without its bytes');
    writer.u32(file.write(offset, source));
    writer.u32(0);
  }

  #readDirectory(hasAttributes: boolean, reader: MessageReader, writer: MessageWriter): void {
    const handle = this.#handles.get(reader.u64());
    if (handle.file) fail(E.ENOTDIR, 'this is a file');
    const offset = reader.u64();
    const end = writer.end + Math.min(reader.u32(), writer.room);
    const entries = this.#listings.entries(handle, handle.node, offset);
    // An entry's offset is where the one after it is.
    for (let i = offset; i < entries.length; i++) {
      const entry = entries[i];
      if (writer.end + direntBytes(entry, hasAttributes) > end) break;
      if (hasAttributes) this.#writeEntry(handle.node, entry.name, writer);
      writeDirent(entry, i + 1, writer);
    }
  }

  /** What READDIRPLUS tells of an entry: nothing of the first two, and of what cannot be had. */
  #writeEntry(directory: FileNode, name: Uint8Array, writer: MessageWriter): void {
    const text = new TextDecoder().decode(name);
    try {
      if (text !== '.' && text !== '..') return this.#answerNode(directory.child(text), writer);
    } catch {
      // It has gone, or there is no room for more.
    }
    writeNoEntry(writer);
  }
}

function nameOf(reader: MessageReader): string {
  const name = reader.terminatedText();
  return reader.isBad ? fail(E.EINVAL, 'a message without its name') : checkedName(name);
}
