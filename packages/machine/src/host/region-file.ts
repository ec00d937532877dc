// The file that keeps the compiled regions of one image: a header, an index as JSON, then WebAssembly modules, and what V8 made of them
// (native-code.ts). Index and pieces carry hashes; whatever does not match them is as good as absent. Files are only ever replaced as a whole.
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import type { RegionCode } from '@proxeny/vcpu-x86';

const MAGIC = 'PXREGN02';
const HASH_BYTES = 32;
const HEADER_BYTES: number = MAGIC.length + 4 + HASH_BYTES;
const MAX_INDEX_BYTES = 64 << 20;
/** Of a file's mode: its group, or everybody, may write it. */
const OTHERS_WRITE = 0o022;

/** Bytes in a file. */
export interface FiledPiece {
  /** Behind the index; in bytes. */
  readonly offset: number;
  readonly byteLength: number;
  readonly hash: string;
}

/** A module's machine code. */
export interface FiledNative extends FiledPiece {
  /** How many of the module's exported functions it has. */
  readonly functions: number;
}

/** A module as the index has it. */
export interface FiledModule extends FiledPiece {
  readonly environment: string;
  /** When a guest last ran code of it, in ms since 1970. */
  readonly usedMs: number;
  readonly codes: ReadonlyMap<string, RegionCode>;
  readonly native: FiledNative | null;
}

export interface RegionIndex {
  /** What compiled it: another engine's code is of no use, */
  readonly engine: string;
  /** nor is another maker's machine code. */
  readonly maker: string;
  /** Name of the image, for people. */
  readonly image: string;
  readonly modules: readonly FiledModule[];
}

export const hashOf = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex');

/** What stands before the modules. */
export interface RegionFileHead {
  readonly byteLength: number;
  /** Made as it is asked for: the index of a full file is as large as its modules. */
  parts(): Iterable<Uint8Array>;
}

export function regionFileHead({ modules, ...rest }: RegionIndex): RegionFileHead {
  const texts = [
    `${JSON.stringify(rest).slice(0, -1)},"modules":[`,
    ...modules.map((m, i) => `${i > 0 ? ',' : ''}${JSON.stringify({ ...m, codes: written(m) })}`),
    ']}',
  ];
  const hash = createHash('sha256');
  let length = 0;
  for (const text of texts) {
    hash.update(text);
    length += Buffer.byteLength(text);
  }
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(MAGIC, 0, 'latin1');
  header.writeUInt32LE(length, MAGIC.length);
  header.set(hash.digest(), MAGIC.length + 4);
  return {
    byteLength: HEADER_BYTES + length,
    *parts() {
      yield header;
      for (const text of texts) yield Buffer.from(text);
    },
  };
}

type Numbers = readonly number[];
type WrittenCode = readonly [string, number, number, number, number, Numbers, Numbers, string];
const written = (m: FiledModule): WrittenCode[] =>
  [...m.codes].map(([name, c]) => [
    name,
    c.modeClass,
    c.entry,
    c.first,
    c.instructions,
    c.runs,
    c.lone,
    Buffer.from(c.bytes).toString('base64'),
  ]);
const read = (codes: readonly WrittenCode[]): Map<string, RegionCode> =>
  new Map(
    codes.map(([name, modeClass, entry, first, instructions, runs, lone, text]) => [
      name,
      {
        modeClass,
        entry,
        first,
        instructions,
        runs,
        lone,
        bytes: Uint8Array.from(Buffer.from(text, 'base64')),
      },
    ]),
  );

/** An open file. It stays what it was when another process replaces it. */
export class RegionFile {
  readonly index: RegionIndex;
  readonly byteLength: number;
  /** Nobody but this process's user could have written it: its machine code may be run. */
  readonly isOwn: boolean;
  readonly #descriptor: number;
  readonly #start: number;

  private constructor(descriptor: number, index: RegionIndex, start: number) {
    this.#descriptor = descriptor;
    this.#start = start;
    this.index = index;
    const { size, uid, mode } = fstatSync(descriptor);
    this.byteLength = size;
    this.isOwn = uid === (process.getuid?.() ?? uid) && (mode & OTHERS_WRITE) === 0;
  }

  /** Null: there is no such file, or it is none of ours. */
  static open(path: string): RegionFile | null {
    let descriptor = -1;
    try {
      descriptor = openSync(path, 'r');
      const head = readAt(descriptor, 0, HEADER_BYTES);
      const length = head.readUInt32LE(MAGIC.length);
      if (head.toString('latin1', 0, MAGIC.length) !== MAGIC || length > MAX_INDEX_BYTES)
        throw new Error('another kind of file');
      const text = readAt(descriptor, HEADER_BYTES, length);
      if (hashOf(text) !== head.toString('hex', MAGIC.length + 4)) throw new Error('damaged');
      const index = JSON.parse(text.toString()) as RegionIndex;
      const modules = index.modules.map((m) => ({
        ...m,
        codes: read(m.codes as unknown as readonly WrittenCode[]),
      }));
      return new RegionFile(descriptor, { ...index, modules }, HEADER_BYTES + length);
    } catch {
      if (descriptor >= 0) closeSync(descriptor);
      return null;
    }
  }

  /** A file just written, by the bytes in front of its modules. @throws Error when it cannot be opened */
  static written(path: string, index: RegionIndex, headBytes: number): RegionFile {
    return new RegionFile(openSync(path, 'r'), index, headBytes);
  }

  /** Is it still what a path leads to? */
  isAt(path: string): boolean {
    try {
      const [here, there] = [fstatSync(this.#descriptor), statSync(path)];
      return here.ino === there.ino && here.dev === there.dev;
    } catch {
      return false;
    }
  }

  /** A piece's bytes, as {@link readPiece} gives them. */
  read(piece: FiledPiece, into?: PieceBuffer): Uint8Array<ArrayBuffer> | null {
    return readPiece(this.#descriptor, this.#start, piece, into);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** For pieces that are read one after another, without garbage: each is there until the next one is read. */
export class PieceBuffer {
  #bytes: Buffer<ArrayBuffer> = Buffer.alloc(0);

  ofLength(length: number): Buffer<ArrayBuffer> {
    if (this.#bytes.length < length) this.#bytes = Buffer.alloc(length);
    return this.#bytes.subarray(0, length);
  }
}

/**
 * A piece's bytes, alone in their buffer unless it is given; null: they are not what they were.
 * @param start where offsets count from
 */
export function readPiece(
  descriptor: number,
  start: number,
  { offset, byteLength, hash }: FiledPiece,
  into?: PieceBuffer,
): Uint8Array<ArrayBuffer> | null {
  try {
    const bytes = readAt(descriptor, start + offset, byteLength, into?.ofLength(byteLength));
    return hashOf(bytes) === hash ? bytes : null;
  } catch {
    return null;
  }
}

/** @throws Error when the file ends before that */
function readAt(
  descriptor: number,
  at: number,
  length: number,
  bytes: Buffer<ArrayBuffer> = Buffer.alloc(length),
): Buffer<ArrayBuffer> {
  let done = 0;
  while (done < length) {
    const n = readSync(descriptor, bytes, done, length - done, at + done);
    if (n === 0) throw new Error('the file is too short');
    done += n;
  }
  return bytes;
}
