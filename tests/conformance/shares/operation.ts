// Random operations on files, as fsstress has them: most on what is there, some on what is not.
import { Random } from '../native-oracle/random.js';

/** Paths are relative to the folder, `.` itself. Links lead nowhere, so that no path goes on through one. */
export type FileOperation =
  | OperationOf<'create' | 'mkdir' | 'chmod', { mode: number }>
  | OperationOf<'symlink', { target: string }>
  | OperationOf<'truncate', { size: number }>
  | OperationOf<'rename' | 'link', { to: string }>
  | OperationOf<'unlink' | 'rmdir' | 'readdir' | 'stat' | 'readlink', unknown>
  | OperationOf<'write' | 'read', Range>
  | OperationOf<'hold', { slot: number }>
  | ({ readonly what: 'writeHeld'; readonly slot: number } & Range);

/** One kind of operation, or several with the same values. */
export type OperationNamed<What> = Extract<FileOperation, { what: What }>;

/** A member for each name. */
type OperationOf<What, Values> = What extends string
  ? { readonly what: What; readonly path: string } & Readonly<Values>
  : never;

interface Range {
  readonly offset: number;
  readonly length: number;
}

const pattern = Uint8Array.from({ length: 1 << 16 }, (_, i) => (i * 7 + (i >>> 8) * 13) & 0xff);

/** What is written by the operation of a number: at most 32 KiB, not to be changed. */
export function contentsOf(seed: number, length: number): Uint8Array {
  const start = (seed * 31) & 0x7fff;
  return pattern.subarray(start, start + length);
}

type Kind = 'file' | 'directory' | 'link';
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'long name with spaces', 'ünïcode'];
const MAX_FILE_BYTES = 24_000;
const MAX_ENTRIES = 300;
const MAX_DEPTH = 6;
/** Files that are held open at once. */
export const HELD_SLOTS = 6;

/** How often each is done. */
const weights: Readonly<Record<FileOperation['what'], number>> = {
  create: 14,
  ...{ write: 14, read: 8, truncate: 5, rename: 10, link: 7, symlink: 5, unlink: 10 },
  ...{ mkdir: 7, rmdir: 4, chmod: 5, readdir: 4, stat: 4, readlink: 2, hold: 3, writeHeld: 5 },
};
const choices = Object.entries(weights).flatMap(([what, weight]) =>
  Array<FileOperation['what']>(weight).fill(what as FileOperation['what']),
);

/** Makes operations, and is told which of them were done. */
export class OperationSource {
  readonly #random: Random;
  readonly #entries = new Map<string, Kind>();

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  next(): FileOperation {
    const random = this.#random;
    const what = random.pick(choices);
    const [offset, length] = [random.below(MAX_FILE_BYTES / 2), random.below(MAX_FILE_BYTES / 2)];
    switch (what) {
      case 'create':
      case 'mkdir':
        // A folder that is full loses some of it first.
        if (this.#entries.size > MAX_ENTRIES) return { what: 'unlink', path: this.#some('file') };
        return { what, path: this.#newPath(), mode: this.#mode() };
      case 'chmod':
        return { what, path: this.#some(random.pick(['file', 'directory'])), mode: this.#mode() };
      case 'write':
      case 'read':
        return { what, path: this.#some('file'), offset, length };
      case 'truncate':
        return { what, path: this.#some('file'), size: length };
      case 'rename':
        return { what, path: this.#some(null), to: this.#newPath(random.oneIn(2)) };
      case 'link':
        return { what, path: this.#some(random.oneIn(8) ? null : 'file'), to: this.#newPath() };
      case 'symlink':
        return { what, path: this.#newPath(), target: `/nowhere/${random.pick(NAMES)}` };
      case 'unlink':
        return { what, path: this.#some(random.oneIn(3) ? 'link' : 'file') };
      case 'rmdir':
      case 'readdir':
        return { what, path: this.#some('directory') };
      case 'readlink':
        return { what, path: this.#some('link') };
      case 'stat':
        return { what, path: this.#some(null) };
      case 'hold':
        return { what, path: this.#some('file'), slot: random.below(HELD_SLOTS) };
      case 'writeHeld':
        return { what, slot: random.below(HELD_SLOTS), offset, length };
    }
  }

  /** It was done. */
  done(operation: FileOperation): void {
    switch (operation.what) {
      case 'create':
        this.#entries.set(operation.path, 'file');
        break;
      case 'mkdir':
        this.#entries.set(operation.path, 'directory');
        break;
      case 'symlink':
        this.#entries.set(operation.path, 'link');
        break;
      case 'link':
        this.#entries.set(operation.to, this.#entries.get(operation.path) ?? 'file');
        break;
      case 'unlink':
      case 'rmdir':
        this.#entries.delete(operation.path);
        break;
      case 'rename':
        this.#renamed(operation.path, operation.to);
        break;
    }
  }

  #renamed(path: string, to: string): void {
    if (path === to) return;
    for (const [each, kind] of [...this.#entries]) {
      if (each !== path && !each.startsWith(`${path}/`)) continue;
      this.#entries.delete(each);
      this.#entries.set(`${to}${each.slice(path.length)}`, kind);
    }
  }

  #mode(): number {
    return 0o700 | this.#random.below(0o100);
  }

  /** Something of a kind, or of any; sometimes of another, or nothing. */
  #some(kind: Kind | null): string {
    const wanted = this.#random.oneIn(10) ? null : kind;
    const found = [...this.#entries].filter(([, each]) => wanted === null || each === wanted);
    if (found.length === 0 || this.#random.oneIn(25)) return this.#newPath();
    return this.#random.pick(found)[0];
  }

  /** A name in a directory, which may be taken; or the name of something. */
  #newPath(mayBeTaken = false): string {
    if (mayBeTaken && this.#entries.size > 0 && this.#random.oneIn(2))
      return this.#random.pick([...this.#entries.keys()]);
    const directories = ['.', ...this.#entries.keys()].filter(
      (path) =>
        (path === '.' || this.#entries.get(path) === 'directory') &&
        path.split('/').length < MAX_DEPTH,
    );
    const directory = this.#random.pick(directories);
    const name = `${this.#random.pick(NAMES)}${this.#random.below(5)}`;
    return directory === '.' ? name : `${directory}/${name}`;
  }
}
