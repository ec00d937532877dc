// TRANSACTION_START and TRANSACTION_END. A commit is refused with EAGAIN when a node that the transaction looked at has changed since it
// started; then, as after any other end, the transaction is gone.
import type { Store } from './store.js';
import type { StoreErrno } from './store-error.js';
import type { StoreNode } from './store-node.js';
import type { StoreSession } from './store-session.js';
import { type Access, NO_GENERATION, Transaction } from './transaction.js';
import type { Caller } from './tree-operations.js';

export function startTransaction(caller: Caller): Transaction | StoreErrno {
  const { store, session } = caller;
  if (caller.transaction) return 'EBUSY';
  if (!session.isPrivileged && session.transactions.size >= store.limits.transactions)
    return 'ENOSPC';
  const limits = session.isPrivileged
    ? { nodes: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY }
    : { nodes: store.limits.transactionNodes, bytes: store.limits.bytes };
  const id = session.newTransactionId();
  store.generation++;
  const transaction = new Transaction(id, store.tree.fork(), session.domain, limits);
  session.transactions.set(id, transaction);
  return transaction;
}

/** Ends the caller's transaction, with its changes or without. */
export function endTransaction(caller: Caller, isCommit: boolean): StoreErrno | null {
  const { store, session, transaction } = caller;
  if (!transaction) return 'ENOENT';
  session.transactions.delete(transaction.id);
  const failed = isCommit ? check(store, session, transaction) : null;
  if (isCommit && !failed) commit(store, transaction);
  transaction.release();
  return failed;
}

function check(store: Store, session: StoreSession, transaction: Transaction): StoreErrno | null {
  if (transaction.failure) return 'ENOMEM';
  if (transaction.hasCreated && !session.isPrivileged) {
    const own = session.domain.id;
    const nodes = session.domain.nodes + (transaction.nodesByOwner.get(own) ?? 0);
    if (nodes > store.limits.nodes) return 'ENOSPC';
  }
  for (const [path, access] of transaction.accesses) {
    const generation = store.tree.find(path)?.generation ?? NO_GENERATION;
    if (generation !== access.generation) return 'EAGAIN';
  }
  return null;
}

/** Nothing that the transaction looked at has changed, so its nodes replace the store's. */
function commit(store: Store, transaction: Transaction): void {
  const changed: (readonly [string, Access])[] = [];
  for (const entry of transaction.accesses) if (entry[1].isModified) changed.push(entry);
  for (const [path] of changed) {
    const node = store.tree.find(path);
    if (node) store.accountNode(path, node, -1);
  }
  // What is above has a shorter path: it comes, or goes, first.
  const downwards = [...changed].sort(([a], [b]) => a.length - b.length);
  for (const [path] of downwards) apply(store, path, transaction.tree.find(path));
  for (const [path] of changed) {
    const node = transaction.tree.find(path);
    if (node) store.tree.orderChildren(path, node);
  }
  for (const [path] of changed) {
    const node = store.tree.find(path);
    if (node) store.accountNode(path, node, 1);
  }
  for (const [path, access] of changed) {
    if (access.watches === 'none') continue;
    const { permissions, permissionsSince } = access;
    const before = permissions === null ? null : { permissions, permissionsSince };
    store.fire(null, path, access.watches === 'exact', before);
  }
}

/** Makes the store's node as the transaction left it, but for its children, which are changed by themselves. */
function apply(store: Store, path: string, node: StoreNode | null): void {
  const { tree } = store;
  if (!node) {
    if (tree.find(path)) tree.remove(path);
    return;
  }
  if (!tree.find(path)) tree.add(path, node);
  const own = tree.edit(path);
  own.value = node.value;
  own.permissions = node.permissions;
  own.permissionsSince = node.permissionsSince;
  own.generation = ++store.generation;
}
