// NodeTable: the files that a FUSE client knows, by their numbers. Each counts how often the client was told of it, and goes when it has
// forgotten as often. Numbers are used again, with another generation.
import type { FileNode } from '../files/file-system.js';
import { FileError } from '../files/file-system.js';
import { ENFILE, ESTALE } from '../spec/errno.js';
import { FUSE_ROOT_ID } from '../spec/fuse.js';

/** Files that a client knows at once. */
const MAX_NODES = 262_144;

/** A file that the client knows. */
export interface KnownNode {
  readonly id: number;
  readonly generation: number;
  readonly node: FileNode;
  lookups: number;
}

export class NodeTable {
  /** By number; there is no 0. */
  readonly #slots: (KnownNode | null)[] = [null];
  readonly #free: number[] = [];
  readonly #known: Map<FileNode, KnownNode> = new Map();
  #generation = 0;

  /** The client begins: all it knows is the root, which becomes the table's own. */
  begin(root: FileNode): void {
    this.clear();
    this.add(root);
  }

  clear(): void {
    for (const { node } of this.#known.values()) node.close();
    this.#known.clear();
    this.#slots.length = FUSE_ROOT_ID;
    this.#free.length = 0;
  }

  /** @throws FileError with ESTALE for a number that stands for nothing */
  get(id: number): FileNode {
    const known = this.#slots[id];
    if (!known) throw new FileError(ESTALE, 'this node is not known');
    return known.node;
  }

  /**
   * The client is told of a node, which becomes the table's own.
   * @throws FileError with ENFILE when it knows too many
   */
  add(node: FileNode): KnownNode {
    const known = this.#known.get(node);
    if (known) {
      known.lookups++;
      node.close();
      return known;
    }
    if (this.#known.size >= MAX_NODES) {
      node.close();
      throw new FileError(ENFILE, 'too many nodes are known');
    }
    const id = this.#free.pop() ?? this.#slots.length;
    const added = { id, node, lookups: 1, generation: this.#generation };
    this.#generation = (this.#generation + 1) >>> 0;
    this.#slots[id] = added;
    this.#known.set(node, added);
    return added;
  }

  forget(id: number, lookups: number): void {
    const known = this.#slots[id];
    if (!known || id === FUSE_ROOT_ID) return;
    known.lookups -= lookups;
    if (known.lookups > 0) return;
    this.#slots[id] = null;
    this.#free.push(id);
    this.#known.delete(known.node);
    known.node.close();
  }
}
