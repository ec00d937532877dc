// TestStore: a xenstore of a map, for tests of back-ends: no permissions, no transactions, no limits.
import type { FrontStore, NativeCode } from '@proxeny/pv-guest';
import type { BackendStore } from './backend-store.js';

interface TestWatch {
  readonly path: string;
  readonly listener: () => void;
}

export class TestStore implements BackendStore {
  readonly nodes: Map<string, string> = new Map();
  readonly #watches: Set<TestWatch> = new Set();
  readonly #fired: TestWatch[] = [];
  #isFiring = false;

  get watchCount(): number {
    return this.#watches.size;
  }

  read(path: string): string | null {
    return this.nodes.get(path) ?? null;
  }

  write(path: string, value: string): void {
    this.nodes.set(path, value);
    this.#fire(path);
  }

  remove(path: string): void {
    for (const each of [...this.nodes.keys()]) {
      if (each === path || each.startsWith(`${path}/`)) this.nodes.delete(each);
    }
    this.#fire(path);
  }

  watch(path: string, listener: () => void): () => void {
    const watch = { path, listener };
    this.#watches.add(watch);
    this.#enqueue(watch);
    return () => this.#watches.delete(watch);
  }

  #fire(path: string): void {
    for (const watch of this.#watches) {
      const isBelow = path === watch.path || path.startsWith(`${watch.path}/`);
      if (isBelow || watch.path.startsWith(`${path}/`)) this.#enqueue(watch);
    }
  }

  /** Listeners run one after the other, never inside each other. */
  #enqueue(watch: TestWatch): void {
    this.#fired.push(watch);
    if (this.#isFiring) return;
    this.#isFiring = true;
    for (let next = this.#fired.shift(); next; next = this.#fired.shift()) {
      if (this.#watches.has(next)) next.listener();
    }
    this.#isFiring = false;
  }

  /** The same store as a guest's kernel uses it. */
  forGuest(): FrontStore {
    function* at<Result>(operation: () => Result): NativeCode<Result> {
      yield { kind: 'compute', instructions: 1 };
      return operation();
    }
    return {
      read: (path) => at(() => this.read(path)),
      write: (path, value) => at(() => this.write(path, value)),
      remove: (path) => at(() => this.remove(path)),
    };
  }
}
