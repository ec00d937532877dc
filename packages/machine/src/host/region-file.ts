// The file that keeps the compiled regions of one image: a header, an index as JSON, then WebAssembly modules. Index and modules carry
// hashes; whatever does not match them is as good as absent. Files are only ever replaced as a whole.
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import type { RegionCode } from '@proxeny/vcpu-x86';

const MAGIC = 'PXREGN01';
const HASH_BYTES = 32;
const HEADER_BYTES: number = MAGIC.length + 4 + HASH_BYTES;
const MAX_INDEX_BYTES = 64 << 20;

/** A module as the index has it. */
export interface FiledModule {
  readonly environment: string;
  /** In the file, behind the index; in bytes. */
  readonly offset: number;
  readonly byteLength: number;
  readonly hash: string;
  /** When a guest last ran code of it, in ms since 1970. */
  readonly usedMs: number;
  readonly codes: ReadonlyMap<string, RegionCode>;
}

export interface RegionIndex {
  /** What compiled it: another engine's code is of no use. */
  readonly engine: string;
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

export function regionFileHead({ engine, image, modules }: RegionIndex): RegionFileHead {
  const texts = [
    `{"engine":${JSON.stringify(engine)},"image":${JSON.stringify(image)},"modules":[`,
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
  readonly #descriptor: number;
  readonly #start: number;

  private constructor(descriptor: number, index: RegionIndex, start: number) {
    this.#descriptor = descriptor;
    this.#start = start;
    this.index = index;
    this.byteLength = fstatSync(descriptor).size;
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

  /** A module's bytes; null: they are not what they were. */
  read(module: FiledModule): Uint8Array<ArrayBuffer> | null {
    try {
      const bytes = readAt(this.#descriptor, this.#start + module.offset, module.byteLength);
      return hashOf(bytes) === module.hash ? bytes : null;
    } catch {
      return null;
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** @throws Error when the file ends before that */
export function readAt(descriptor: number, at: number, length: number): Buffer<ArrayBuffer> {
  const bytes = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const n = readSync(descriptor, bytes, done, length - done, at + done);
    if (n === 0) throw new Error('the file is too short');
    done += n;
  }
  return bytes;
}
