// StoreNode: a node of the tree with its children. A node belongs to one edition of the tree; another edition copies it before it
// changes anything (store-tree.ts).
import type { Permission } from './permission.js';

/** What a node's record and each permission count as in a node's size; as in xenstored. */
const RECORD_BYTES = 24;
const PERMISSION_BYTES = 8;

export class StoreNode {
  readonly edition: object;
  value: Uint8Array;
  /** Never empty: the first names the owner. */
  permissions: readonly Permission[];
  /** The store's generation when the permissions were given: domains that came later under the same number have no part in them. */
  permissionsSince: number;
  /** The store's generation of the last change: of value, permissions, or the list of children. */
  generation: number;
  /** By name, in the order in which they were made. */
  readonly children: Map<string, StoreNode>;
  /** Length of the list of children, each name with a zero byte. */
  childBytes = 0;

  constructor(
    edition: object,
    value: Uint8Array,
    permissions: readonly Permission[],
    permissionsSince: number,
    generation: number,
    children: Map<string, StoreNode> = new Map(),
  ) {
    this.edition = edition;
    this.value = value;
    this.permissions = permissions;
    this.permissionsSince = permissionsSince;
    this.generation = generation;
    this.children = children;
  }

  get owner(): number {
    return (this.permissions[0] as Permission).domain;
  }

  /** What the node counts as against the limit of a node's size. */
  get byteLength(): number {
    return nodeBytes(this.value.length, this.permissions.length, this.childBytes);
  }

  /** The same node for another edition; children are shared. */
  copyFor(edition: object): StoreNode {
    const copy = new StoreNode(
      edition,
      this.value,
      this.permissions,
      this.permissionsSince,
      this.generation,
      new Map(this.children),
    );
    copy.childBytes = this.childBytes;
    return copy;
  }
}

export function nodeBytes(valueBytes: number, permissions: number, childBytes: number): number {
  return RECORD_BYTES + PERMISSION_BYTES * permissions + valueBytes + childBytes;
}
