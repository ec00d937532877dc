// StoreTree: nodes by path. `fork()` is a snapshot at no cost: from then on both sides copy a node, and its ancestors, before they
// change it. Checks nothing: callers have found what they change.
import { StoreNode } from './store-node.js';
import { baseName, namesOf, parentPath } from './store-path.js';

export class StoreTree {
  #root: StoreNode;
  #edition: object;

  /** A tree with only a root, or that of `root`. */
  constructor(root: StoreNode | null = null) {
    this.#edition = {};
    this.#root =
      root ?? new StoreNode(this.#edition, new Uint8Array(0), [{ domain: 0, access: 0 }], 0, 0);
  }

  find(path: string): StoreNode | null {
    let node: StoreNode | undefined = this.#root;
    for (const name of namesOf(path)) {
      node = node.children.get(name);
      if (!node) return null;
    }
    return node;
  }

  /** The node to be changed by the caller: value, permissions, generation. */
  edit(path: string): StoreNode {
    if (this.#root.edition !== this.#edition) this.#root = this.#root.copyFor(this.#edition);
    let node = this.#root;
    for (const name of namesOf(path)) {
      let child = node.children.get(name) as StoreNode;
      if (child.edition !== this.#edition) {
        child = child.copyFor(this.#edition);
        node.children.set(name, child);
      }
      node = child;
    }
    return node;
  }

  /** Adds a node without children under an existing parent. */
  add(
    path: string,
    like: Pick<StoreNode, 'value' | 'permissions' | 'permissionsSince'>,
  ): StoreNode {
    const parent = this.edit(parentPath(path));
    const name = baseName(path);
    const node = new StoreNode(
      this.#edition,
      like.value,
      like.permissions,
      like.permissionsSince,
      parent.generation,
    );
    parent.children.set(name, node);
    parent.childBytes += name.length + 1;
    return node;
  }

  /** Takes away a node, which is there and not the root, with all below it. */
  remove(path: string): void {
    const parent = this.edit(parentPath(path));
    const name = baseName(path);
    parent.children.delete(name);
    parent.childBytes -= name.length + 1;
  }

  /** Puts the children of `path` into the order of `like`'s, which are the same. */
  orderChildren(path: string, like: StoreNode): void {
    const names = [...like.children.keys()];
    const own = [...(this.find(path)?.children.keys() ?? [])];
    if (own.every((name, index) => name === names[index])) return;
    const { children } = this.edit(path);
    for (const name of names) {
      const child = children.get(name);
      if (!child) continue;
      children.delete(name);
      children.set(name, child);
    }
  }

  /** A tree of the same contents, which from now on changes apart from this one. */
  fork(): StoreTree {
    this.#edition = {};
    return new StoreTree(this.#root);
  }
}
