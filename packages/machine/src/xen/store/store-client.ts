// StoreClient: the store for the host's own programs, as the control domain: the toolstack, back-ends, the command line. Calls take
// effect at once. Paths may be relative to /local/domain/0.
import { formatPermission, parsePermission } from './permission.js';
import type { Store } from './store.js';
import { type StoreErrno, StoreError } from './store-error.js';
import type { StoreSession } from './store-session.js';
import type { Transaction } from './transaction.js';
import { endTransaction, startTransaction } from './transaction-operations.js';
import {
  type Caller,
  getPermissions,
  makeNode,
  readNode,
  removeNode,
  setPermissions,
  writeNode,
} from './tree-operations.js';
import { addWatch, announce } from './watch-operations.js';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The nodes, in a transaction or outside. Every method throws {@link StoreError} for what it cannot do. */
export abstract class StoreNodes {
  protected readonly store: Store;
  protected readonly session: StoreSession;

  constructor(store: Store, session: StoreSession) {
    this.store = store;
    this.session = session;
  }

  protected abstract readonly transaction: Transaction | null;

  protected get caller(): Caller {
    return { store: this.store, session: this.session, transaction: this.transaction };
  }

  /** The value, as UTF-8; null if there is no such node. */
  read(path: string): string | null {
    const bytes = this.readBytes(path);
    return bytes && decoder.decode(bytes);
  }

  /** A copy of the value; null if there is no such node. */
  readBytes(path: string): Uint8Array | null {
    const node = readNode(this.caller, path);
    if (typeof node !== 'string') return node.value.slice();
    return this.#absent(node, `read ${path}`);
  }

  /** Names of the children in the order in which they were made; null if there is no such node. */
  list(path: string): string[] | null {
    const node = readNode(this.caller, path);
    if (typeof node !== 'string') return [...node.children.keys()];
    return this.#absent(node, `list ${path}`);
  }

  /** Sets a value; makes the node and what is missing above it. */
  write(path: string, value: string | Uint8Array): void {
    const bytes = typeof value === 'string' ? encoder.encode(value) : value.slice();
    this.#change(`write ${path}`, () => writeNode(this.caller, path, bytes));
  }

  /** Makes a node without a value unless it is there. */
  make(path: string): void {
    this.#change(`make ${path}`, () => makeNode(this.caller, path));
  }

  /** Removes a node, if it is there, and all below it. */
  remove(path: string): void {
    this.#change(`remove ${path}`, () => {
      const failed = removeNode(this.caller, path);
      return failed === 'ENOENT' ? null : failed;
    });
  }

  /** As `['n0', 'r5']`: the owner with what others may, then exceptions; null if there is no such node. */
  permissions(path: string): string[] | null {
    const guarded = getPermissions(this.caller, path);
    if (typeof guarded !== 'string') return guarded.permissions.map(formatPermission);
    return this.#absent(guarded, `permissions of ${path}`);
  }

  /** Sets what {@link permissions} returns. The owner must be a domain that the store knows. */
  setPermissions(path: string, permissions: readonly string[]): void {
    const parsed = permissions.map((text) => {
      const permission = parsePermission(text);
      if (!permission) throw new StoreError('EINVAL', `"${text}" is no permission`);
      return permission;
    });
    const what = `set permissions ${permissions.join(' ')} of ${path}`;
    this.#change(what, () => setPermissions(this.caller, path, parsed));
  }

  #absent(error: StoreErrno, what: string): null {
    if (error === 'ENOENT') return null;
    throw new StoreError(error, what);
  }

  #change(what: string, operation: () => StoreErrno | null): void {
    const failed = this.store.perform(operation);
    if (failed) throw new StoreError(failed, what);
  }
}

/** Changes that take effect together, or not at all. */
export class StoreTransaction extends StoreNodes {
  protected readonly transaction: Transaction;

  constructor(store: Store, session: StoreSession, transaction: Transaction) {
    super(store, session);
    this.transaction = transaction;
  }

  /** Ends it with its changes; false if somebody changed meanwhile what it had read: then none of its changes were made. */
  commit(): boolean {
    const failed = this.store.perform(() => endTransaction(this.caller, true));
    if (failed && failed !== 'EAGAIN') throw new StoreError(failed, 'commit a transaction');
    return failed === null;
  }

  /** Ends it without its changes. */
  discard(): void {
    endTransaction(this.caller, false);
  }
}

export class StoreClient extends StoreNodes {
  protected readonly transaction: null = null;
  /** What to call for each watch, by its token. */
  readonly #listeners: Map<string, (path: string) => void>;
  #watchCount = 0;

  constructor(store: Store) {
    const listeners = new Map<string, (path: string) => void>();
    let events: { path: string; token: string }[] = [];
    const session = store.openHostSession({
      event: (path, { token }) => {
        if (!events.some((other) => other.path === path && other.token === token))
          events.push({ path, token });
      },
      flush: () => {
        const due = events;
        events = [];
        for (const { path, token } of due) listeners.get(token)?.(path);
      },
    });
    super(store, session);
    this.#listeners = listeners;
  }

  /**
   * Calls `listener` with the path of every change at `path` or below, and once at the start. It is called after the operation that made
   * the change, and may use the store. Returns a function that ends the watch.
   */
  watch(path: string, listener: (path: string) => void): () => void {
    const token = String(this.#watchCount++);
    this.#listeners.set(token, listener);
    const added = this.store.perform(() => {
      const watch = addWatch(this.caller, path, token);
      if (typeof watch !== 'string') announce(this.caller, watch);
      return watch;
    });
    if (typeof added === 'string') {
      this.#listeners.delete(token);
      throw new StoreError(added, `watch ${path}`);
    }
    return () => {
      this.#listeners.delete(token);
      this.store.removeWatch(this.session, added.path, token);
    };
  }

  /** Starts a transaction, which the caller ends. */
  begin(): StoreTransaction {
    const transaction = startTransaction(this.caller);
    if (typeof transaction === 'string') throw new StoreError(transaction, 'start a transaction');
    return new StoreTransaction(this.store, this.session, transaction);
  }

  /** Does `work` in a transaction: all of its changes at once, or none if it throws. */
  transact<Result>(work: (transaction: StoreTransaction) => Result): Result {
    const transaction = this.begin();
    let result: Result;
    try {
      result = work(transaction);
    } catch (error) {
      transaction.discard();
      throw error;
    }
    // Nothing else runs meanwhile, but for what `work` itself did outside of the transaction.
    if (!transaction.commit()) throw new StoreError('EAGAIN', 'commit a transaction');
    return result;
  }

  /** Ends watches and transactions. */
  close(): void {
    this.#listeners.clear();
    this.store.closeSession(this.session);
  }
}
