// Store: the tree, who may do what with it, whose nodes are counted how, and which watches hear of a change. Operations of the protocol
// stand in *-operations.ts; they check everything, then change the tree through the methods here.
import { ACCESS_OWNER, ACCESS_READ, ACCESS_WRITE, type Permission } from './permission.js';
import { StoreDomain } from './store-domain.js';
import { defaultStoreLimits, type StoreLimits } from './store-limits.js';
import type { StoreNode } from './store-node.js';
import { isSpecial, parentPath } from './store-path.js';
import type { SessionSink } from './store-session.js';
import { StoreSession } from './store-session.js';
import { StoreTree } from './store-tree.js';
import type { Transaction } from './transaction.js';
import { WatchTable } from './watch-table.js';

const ALL = ACCESS_READ | ACCESS_WRITE | ACCESS_OWNER;

/** Occurs when a domain is introduced. */
export const INTRODUCE_DOMAIN = '@introduceDomain';
/** Occurs when a domain shuts down or is gone. */
export const RELEASE_DOMAIN = '@releaseDomain';

/** What decides about access: a node, or a special watch. */
export type Guarded = Pick<StoreNode, 'permissions' | 'permissionsSince'>;

/** Sees what domains send through their rings and what they are sent; for traces. Payloads must not be kept or changed. */
export interface StoreObserver {
  /** A request of type `type` (XS_*) and its answer, which is of that type or XS_ERROR. */
  request(
    domain: number,
    type: number,
    payload: Uint8Array,
    answerType: number,
    answer: Uint8Array,
  ): void;
  /** A watch event is on its way. */
  event(domain: number, path: string, token: string): void;
}

export interface StoreOptions {
  readonly observer?: StoreObserver;
  readonly limits?: Partial<StoreLimits>;
  /**
   * A program of the host's asks for INTRODUCE: connect the domain whose ring is frame `gfn` and whose event channel is `port`, by
   * {@link Store.introduce}; false if that cannot be. Without it, INTRODUCE is ENOSYS.
   */
  readonly connect?: (domain: number, gfn: number, port: number) => boolean;
}

export class Store {
  readonly limits: StoreLimits;
  readonly connect: StoreOptions['connect'];
  observer: StoreObserver | null;
  tree: StoreTree = new StoreTree();
  /** Grows with every change; the current value is of the last one. */
  generation = 0;
  readonly watches: WatchTable = new WatchTable();
  readonly specials: Map<string, Guarded>;
  readonly #domains: Map<number, StoreDomain> = new Map();
  readonly #sessions: Map<number, StoreSession> = new Map();
  readonly #woken: Set<StoreSession> = new Set();
  #isBusy = false;

  constructor(options: StoreOptions = {}) {
    this.limits = { ...defaultStoreLimits, ...options.limits };
    this.connect = options.connect;
    this.observer = options.observer ?? null;
    const closed = { permissions: [{ domain: 0, access: 0 }], permissionsSince: 0 };
    this.specials = new Map([
      [INTRODUCE_DOMAIN, closed],
      [RELEASE_DOMAIN, closed],
    ]);
    const control = this.noteDomain(0);
    control.nodes = 1;
    control.isIntroduced = true;
  }

  // ── domains and sessions

  domain(id: number): StoreDomain | null {
    return this.#domains.get(id) ?? null;
  }

  /** The domain exists: permissions can be given to it from now on. */
  noteDomain(id: number): StoreDomain {
    let domain = this.#domains.get(id);
    if (!domain) {
      domain = new StoreDomain(id, ++this.generation);
      this.#domains.set(id, domain);
    }
    return domain;
  }

  forgetDomain(domain: StoreDomain): void {
    this.#domains.delete(domain.id);
  }

  /** The session of a domain's ring. */
  sessionOf(id: number): StoreSession | null {
    return this.#sessions.get(id) ?? null;
  }

  /** A session for a program of the host's: as the control domain, with all rights. */
  openHostSession(sink: SessionSink): StoreSession {
    return new StoreSession(this.noteDomain(0), true, sink);
  }

  /** A session for a domain's ring; it replaces an earlier one, which must be closed. */
  openDomainSession(id: number, sink: SessionSink): StoreSession {
    const session = new StoreSession(this.noteDomain(id), id === 0, sink);
    this.#sessions.set(id, session);
    return session;
  }

  /** Ends watches and transactions. */
  resetSession(session: StoreSession): void {
    for (const watch of [...session.watches.values()])
      this.removeWatch(session, watch.path, watch.token);
    for (const transaction of session.transactions.values()) transaction.release();
    session.transactions.clear();
  }

  closeSession(session: StoreSession): void {
    session.isClosed = true;
    this.resetSession(session);
    this.#woken.delete(session);
    if (this.#sessions.get(session.domain.id) === session) this.#sessions.delete(session.domain.id);
  }

  removeWatch(session: StoreSession, path: string, token: string): boolean {
    const watch = session.watches.get(`${path}\0${token}`);
    if (!watch) return false;
    session.domain.bytes -= path.length + token.length;
    this.watches.remove(watch);
    return true;
  }

  // ── access

  /** What `session` may do: a set of ACCESS_*. */
  accessOf(session: StoreSession, guarded: Guarded): number {
    if (session.isPrivileged) return ALL;
    const [first, ...others] = guarded.permissions;
    if (!first) return 0;
    const own = session.domain.id;
    const target = this.#targetOf(session)?.id ?? own;
    if (first.domain === own || first.domain === target) return ALL;
    for (const { domain, access } of others) {
      if (domain !== own && domain !== target) continue;
      if (this.#isGiven(domain, guarded.permissionsSince)) return access;
    }
    return first.access;
  }

  /** A target that is gone gives no rights, nor does a later domain of its number. */
  #targetOf(session: StoreSession): StoreDomain | null {
    const { target } = session;
    return target && this.#domains.get(target.id) === target ? target : null;
  }

  /** Whether an entry for `id` is for the domain that has the number now. */
  #isGiven(id: number, since: number): boolean {
    const domain = this.#domains.get(id);
    return domain !== undefined && domain.generation <= since;
  }

  /** The node, in the transaction if there is one. */
  look(transaction: Transaction | null, path: string): StoreNode | null {
    return transaction ? transaction.look(path) : this.tree.find(path);
  }

  // ── changes; what they change was looked at

  /** Adds a node under an existing one. */
  add(transaction: Transaction | null, path: string, value: Uint8Array, guarded: Guarded): void {
    const tree = transaction?.tree ?? this.tree;
    const parent = parentPath(path);
    this.change(transaction, parent, () => {
      const node = tree.add(path, { value, ...guarded });
      node.generation = ++this.generation;
    });
    const owner = (guarded.permissions[0] as Permission).domain;
    this.#count(transaction, owner, 1);
    const bytes = (tree.find(path)?.byteLength ?? 0) + path.length;
    if (transaction) {
      transaction.hasCreated = true;
      transaction.noteModified(path);
      transaction.charge(bytes);
    } else this.#charge(owner, bytes);
  }

  /** Changes a node through `mutate`, and keeps the accounts. */
  change(transaction: Transaction | null, path: string, mutate: (node: StoreNode) => void): void {
    const tree = transaction?.tree ?? this.tree;
    const node = tree.edit(path);
    const { owner, byteLength } = node;
    const wasModified = transaction?.accesses.get(path)?.isModified ?? false;
    mutate(node);
    node.generation = ++this.generation;
    if (node.owner !== owner) {
      this.#count(transaction, owner, -1);
      this.#count(transaction, node.owner, 1);
    }
    if (transaction) {
      transaction.noteModified(path);
      transaction.charge(node.byteLength - (wasModified ? byteLength : 0));
    } else {
      this.#charge(owner, -byteLength - path.length);
      this.#charge(node.owner, node.byteLength + path.length);
    }
  }

  /** Removes a node, which is not the root, with all below; `left` hears of each, the deepest first, while all are still there. */
  remove(
    transaction: Transaction | null,
    path: string,
    left: (path: string, node: StoreNode) => void,
  ): void {
    const leave = (at: string, node: StoreNode): void => {
      for (const [name, child] of node.children) leave(`${at}/${name}`, child);
      transaction?.look(at);
      left(at, node);
      this.#count(transaction, node.owner, -1);
      if (transaction) transaction.noteModified(at);
      else this.#charge(node.owner, -node.byteLength - at.length);
    };
    const tree = transaction?.tree ?? this.tree;
    const node = tree.find(path);
    if (!node) return;
    leave(path, node);
    transaction?.look(parentPath(path));
    this.change(transaction, parentPath(path), () => tree.remove(path));
  }

  #count(transaction: Transaction | null, owner: number, nodes: number): void {
    if (transaction) transaction.noteNodes(owner, nodes);
    else this.countNodes(owner, nodes);
  }

  countNodes(owner: number, nodes: number): void {
    const domain = this.#domains.get(owner);
    if (domain) domain.nodes += nodes;
  }

  #charge(owner: number, bytes: number): void {
    const domain = this.#domains.get(owner);
    if (domain) domain.bytes += bytes;
  }

  /** Counts a node of the tree, or takes it off the accounts (`sign` −1). */
  accountNode(path: string, node: StoreNode, sign: 1 | -1): void {
    this.countNodes(node.owner, sign);
    this.#charge(node.owner, sign * (node.byteLength + path.length));
  }

  // ── events

  /**
   * Tells the watches of `path` and, unless `isExact`, those above it. `before` is who could read it before the change: a watcher that
   * can no longer read a node hears why.
   */
  fire(
    transaction: Transaction | null,
    path: string,
    isExact: boolean,
    before: Guarded | null = null,
  ): void {
    if (transaction) {
      transaction.noteEvent(path, isExact);
      return;
    }
    for (const watch of this.watches.matching(path, isExact)) {
      if (this.#mayHear(watch.session, path, before)) {
        this.wake(watch.session);
        watch.session.sink.event(path.slice(watch.prefixLength), watch);
      }
    }
  }

  #mayHear(session: StoreSession, path: string, before: Guarded | null): boolean {
    if (isSpecial(path)) {
      const special = this.specials.get(path);
      return special !== undefined && (this.accessOf(session, special) & ACCESS_READ) !== 0;
    }
    if (before && (this.accessOf(session, before) & ACCESS_READ) !== 0) return true;
    const node = this.tree.find(path);
    if (node && (this.accessOf(session, node) & ACCESS_READ) !== 0) return true;
    const parent = node || before ? this.tree.find(parentPath(path)) : null;
    return parent !== null && (this.accessOf(session, parent) & ACCESS_READ) !== 0;
  }

  /** The session's sink is flushed when the operation is over. */
  wake(session: StoreSession): void {
    this.#woken.add(session);
  }

  /** Does `operation`, then flushes the sinks of all that heard something; those may use the store in turn. */
  perform<Result>(operation: () => Result): Result {
    if (this.#isBusy) return operation();
    this.#isBusy = true;
    try {
      const result = operation();
      // A session that is woken again while we go through them comes again, at the end.
      for (const session of this.#woken) {
        this.#woken.delete(session);
        session.sink.flush();
      }
      return result;
    } finally {
      this.#isBusy = false;
    }
  }
}
