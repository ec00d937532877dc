// HeldFile: a file of a shared folder, held by a descriptor (O_PATH) that stays the file it was opened as, whatever is renamed or replaced
// meanwhile, by whomever. The names it was found by are kept: to open it again when its descriptor was closed for others, and to give it
// further names. What they lead to is compared with what was held. Linux only.
import * as fs from 'node:fs';
import { ESTALE, FileError } from '@proxeny/virtio';
import type { DescriptorBudget, DescriptorHolder } from './descriptor-budget.js';
import { ask } from './host-answer.js';

/** Linux: names a file without opening it. Not among Node's constants. */
export const O_PATH = 0o10000000;
export const O_CLOEXEC = 0o2000000;
/** How a file is opened that is to be held: no symbolic link is followed. */
export const HOLD: number = O_PATH | O_CLOEXEC | fs.constants.O_NOFOLLOW;
/** Names that are kept of a file with several: the newest ones. */
const MAX_PLACES = 4;

/** A name in a directory. */
interface Place {
  readonly parent: HeldFile;
  readonly name: string;
}

/** What tells a file from every other on the host. */
export const keyOf = ({ ino, dev }: { readonly ino: bigint; readonly dev: bigint }): string =>
  `${dev}:${ino}`;

/** What is called so, or nothing. */
export function statsAt(path: string): fs.BigIntStats | undefined {
  return ask(() => fs.lstatSync(path, { bigint: true, throwIfNoEntry: false }));
}

export class HeldFile implements DescriptorHolder {
  readonly key: string;
  readonly #budget: DescriptorBudget;
  /** Where it was found, newest last. */
  #places: Place[] = [];
  /** Negative: closed, to be opened again. */
  #fd: number;
  /** Holders: guests, and what was found in it. */
  #users = 1;
  readonly #isDirectory: boolean;
  readonly #onClosed: () => void;

  /** @param fd becomes its own */
  constructor(options: {
    readonly budget: DescriptorBudget;
    readonly fd: number;
    readonly stats: fs.BigIntStats;
    /** Nobody holds it any more. */
    readonly onClosed: () => void;
  }) {
    const { budget, fd, stats, onClosed } = options;
    this.#budget = budget;
    this.#fd = fd;
    this.key = keyOf(stats);
    this.#isDirectory = stats.isDirectory();
    this.#onClosed = onClosed;
    budget.used(this);
  }

  get descriptor(): number {
    if (this.#fd < 0) this.#fd = this.#reopened();
    this.#budget.used(this);
    return this.#fd;
  }

  /** Leads to the file, whatever it is called by now; to a symbolic link itself. */
  get path(): string {
    return `/proc/self/fd/${this.descriptor}`;
  }

  /** Leads to what a directory has under a name. */
  at(name: string): string {
    return `${this.path}/${name}`;
  }

  get stats(): fs.BigIntStats {
    const fd = this.descriptor;
    return ask(() => fs.fstatSync(fd, { bigint: true }));
  }

  /** Another descriptor of the same file, which becomes its own. */
  adopt(fd: number): void {
    if (this.#fd >= 0) fs.closeSync(fd);
    else this.#fd = fd;
    this.#budget.used(this);
  }

  letGo(): boolean {
    if (this.#places.length === 0) return false;
    fs.closeSync(this.#fd);
    this.#fd = -1;
    return true;
  }

  share(): void {
    this.#users++;
  }

  close(): void {
    // One after the other: a guest may have gone deep.
    const closing: HeldFile[] = [this];
    for (let file = closing.pop(); file; file = closing.pop()) {
      if (--file.#users > 0) continue;
      file.#budget.closed(file);
      if (file.#fd >= 0) fs.closeSync(file.#fd);
      closing.push(...file.#places.map(({ parent }) => parent));
      file.#places = [];
      file.#onClosed();
    }
  }

  isAt(parent: HeldFile, name: string): void {
    const last = this.#places.at(-1);
    if (last?.parent === parent && last.name === name) return;
    parent.share();
    this.isNotAt(parent, name);
    if (this.#isDirectory) this.#isAbove(parent);
    const kept = this.#isDirectory ? 0 : MAX_PLACES - 1;
    for (const old of this.#places.splice(0, Math.max(0, this.#places.length - kept)))
      old.parent.close();
    this.#places.push({ parent, name });
  }

  isNotAt(parent: HeldFile, name: string): void {
    const at = this.#places.findIndex((place) => place.parent === parent && place.name === name);
    if (at < 0) return;
    this.#places.splice(at, 1);
    parent.close();
  }

  /** A directory that was in this one by what is known of its places, and is above it now, is there no longer: places lead up. */
  #isAbove(directory: HeldFile): void {
    for (let at = directory, [place] = at.#places; place; [place] = at.#places) {
      if (place.parent === this) return at.isNotAt(this, place.name);
      at = place.parent;
    }
  }

  /** By what names it is still known. */
  *paths(): Generator<string> {
    for (const { parent, name } of this.#places.toReversed()) {
      const path = this.#budget.within(() => parent.at(name));
      const stats = statsAt(path);
      if (stats && keyOf(stats) === this.key) yield path;
    }
  }

  #reopened(): number {
    for (const path of this.paths()) {
      const fd = ask(() => fs.openSync(path, HOLD));
      if (keyOf(fs.fstatSync(fd, { bigint: true })) === this.key) return fd;
      fs.closeSync(fd);
    }
    throw new FileError(ESTALE, 'the file is called otherwise by now');
  }
}
