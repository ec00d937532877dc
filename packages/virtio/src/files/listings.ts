// Listings: directories' entries as they were when they were read from the start, kept until a guest has them all.
import type { DirectoryEntry, FileNode } from './file-system.js';

/** Entries that are kept at once, of all directories; the last one that was read is kept whatever its size. */
const MAX_ENTRIES = 65_536;
const encoder = new TextEncoder();

/** An entry with its name in UTF-8. */
export interface ListedEntry extends Omit<DirectoryEntry, 'name'> {
  readonly name: Uint8Array;
}

/** Whoever reads a directory: one of a server's handles. */
type Reader = object;

export class Listings {
  /** The one that was listed longest ago first. */
  readonly #kept: Map<Reader, readonly ListedEntry[]> = new Map();
  #entryCount = 0;

  /** Entries for a reader that has come to `position`: read anew at 0, or if they had to go. */
  entries(reader: Reader, node: FileNode, position: number): readonly ListedEntry[] {
    const kept = this.#kept.get(reader);
    if (kept && position > 0) return kept;
    const entries = entriesOf(node);
    this.forget(reader);
    for (const oldest of this.#kept.keys()) {
      if (this.#entryCount + entries.length <= MAX_ENTRIES) break;
      this.forget(oldest);
    }
    this.#kept.set(reader, entries);
    this.#entryCount += entries.length;
    return entries;
  }

  forget(reader: Reader): void {
    this.#entryCount -= this.#kept.get(reader)?.length ?? 0;
    this.#kept.delete(reader);
  }

  clear(): void {
    this.#kept.clear();
    this.#entryCount = 0;
  }
}

/** A directory's entries, after itself and the one above it, which servers do not tell apart. */
function entriesOf(node: FileNode): readonly ListedEntry[] {
  const { mode, inode } = node.attributes();
  const type = Number(mode >> 12n);
  const dots = ['.', '..'].map((name) => ({ name, type, inode }));
  return [...dots, ...node.list()].map(({ name, ...entry }) => ({
    ...entry,
    name: encoder.encode(name),
  }));
}
