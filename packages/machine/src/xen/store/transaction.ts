// Transaction: a snapshot of the store that one session reads and changes apart, and what it looked at: if any of that has changed
// meanwhile, the commit fails with EAGAIN. What it changes it has looked at.
import type { Permission } from './permission.js';
import type { StoreDomain } from './store-domain.js';
import type { StoreErrno } from './store-error.js';
import type { StoreNode } from './store-node.js';
import type { StoreTree } from './store-tree.js';

/** The generation of what is not there. */
export const NO_GENERATION = -1;

/** What a transaction knows of a node. */
export interface Access {
  /** The node's in the snapshot, or NO_GENERATION. */
  readonly generation: number;
  /** Permissions in the snapshot; null if there was no node. */
  readonly permissions: readonly Permission[] | null;
  readonly permissionsSince: number;
  isModified: boolean;
  /** Which watches hear of it at the commit. */
  watches: 'none' | 'exact' | 'below';
}

/** What a transaction may use. */
export interface TransactionLimits {
  readonly nodes: number;
  /** Of the domain's whole account. */
  readonly bytes: number;
}

export class Transaction {
  readonly id: number;
  readonly tree: StoreTree;
  /** In the order of the first look. */
  readonly accesses: Map<string, Access> = new Map();
  /** How many nodes more each domain owns. */
  readonly nodesByOwner: Map<number, number> = new Map();
  hasCreated = false;
  /** It cannot be committed, for this reason. */
  failure: StoreErrno | null = null;
  readonly #domain: StoreDomain;
  readonly #limits: TransactionLimits;
  #bytes = 0;

  constructor(id: number, tree: StoreTree, domain: StoreDomain, limits: TransactionLimits) {
    this.id = id;
    this.tree = tree;
    this.#domain = domain;
    this.#limits = limits;
  }

  /** The node, or null; either way the commit depends on it from now on. */
  look(path: string): StoreNode | null {
    const node = this.tree.find(path);
    if (this.accesses.has(path)) return node;
    if (this.accesses.size >= this.#limits.nodes) {
      this.failure ??= 'ENOSPC';
      return node;
    }
    this.accesses.set(path, {
      generation: node?.generation ?? NO_GENERATION,
      permissions: node?.permissions ?? null,
      permissionsSince: node?.permissionsSince ?? 0,
      isModified: false,
      watches: 'none',
    });
    this.charge(path.length);
    return node;
  }

  /** The node is written, made or removed. */
  noteModified(path: string): void {
    const access = this.accesses.get(path);
    if (access) access.isModified = true;
    else this.failure ??= 'ENOSPC';
  }

  /** Watches will hear of the node at the commit. */
  noteEvent(path: string, isExact: boolean): void {
    const access = this.accesses.get(path);
    if (!access) this.failure ??= 'ENOSPC';
    else if (!isExact) access.watches = 'below';
    else if (access.watches === 'none') access.watches = 'exact';
  }

  noteNodes(owner: number, count: number): void {
    this.nodesByOwner.set(owner, (this.nodesByOwner.get(owner) ?? 0) + count);
  }

  /** Counts bytes against the domain until the transaction ends. */
  charge(bytes: number): void {
    this.#bytes += bytes;
    this.#domain.bytes += bytes;
    if (this.#domain.bytes > this.#limits.bytes) this.failure ??= 'ENOMEM';
  }

  /** It is over. */
  release(): void {
    this.#domain.bytes -= this.#bytes;
    this.#bytes = 0;
  }
}
