// Operations on nodes: DIRECTORY, READ, WRITE, MKDIR, RM, GET_PERMS, SET_PERMS. docs/misc/xenstore.txt; errors as in xenstored.
// An operation that returns an error's name has changed nothing; in a transaction that has failed, nothing counts any more.
import { ACCESS_OWNER, ACCESS_READ, ACCESS_WRITE, type Permission } from './permission.js';
import type { Guarded, Store } from './store.js';
import type { StoreErrno } from './store-error.js';
import { nodeBytes, type StoreNode } from './store-node.js';
import { baseName, canonicalPath, isSpecial, parentPath } from './store-path.js';
import type { StoreSession } from './store-session.js';
import type { Transaction } from './transaction.js';

/** Who asks, and in which transaction. */
export interface Caller {
  readonly store: Store;
  readonly session: StoreSession;
  readonly transaction: Transaction | null;
}

const NOTHING = new Uint8Array(0);

/**
 * The node if the caller has all of `access`. Otherwise ENOENT or EACCES only where the nearest node above is open to the caller, so
 * that nobody learns what is there.
 */
function lookUp(caller: Caller, path: string, access: number): StoreNode | StoreErrno {
  const { store, session, transaction } = caller;
  const node = store.look(transaction, path);
  if (node && (store.accessOf(session, node) & access) === access) return node;
  let above: StoreNode | null = null;
  for (let at = path; !above; ) {
    at = parentPath(at);
    above = store.look(transaction, at);
  }
  if ((store.accessOf(session, above) & access) === 0) return 'EACCES';
  return node ? 'EACCES' : 'ENOENT';
}

/** {@link lookUp} for a path as the caller wrote it. */
function lookUpPath(caller: Caller, path: string, access: number): StoreNode | StoreErrno {
  const full = canonicalPath(path, caller.session.home);
  return full === null ? 'EINVAL' : lookUp(caller, full, access);
}

/** The node for reading. */
export function readNode(caller: Caller, path: string): StoreNode | StoreErrno {
  return lookUpPath(caller, path, ACCESS_READ);
}

/** The permissions of a node or of a special watch. */
export function getPermissions(caller: Caller, path: string): Guarded | StoreErrno {
  if (!isSpecial(path)) return lookUpPath(caller, path, ACCESS_READ);
  const { store, session } = caller;
  const special = store.specials.get(path);
  if (!special) return 'EINVAL';
  return (store.accessOf(session, special) & ACCESS_READ) === 0 ? 'EACCES' : special;
}

/** Sets a value; makes the node, and what is missing above it, if it is not there. `value` must not change later. */
export function writeNode(caller: Caller, path: string, value: Uint8Array): StoreErrno | null {
  const { store, session, transaction } = caller;
  const full = canonicalPath(path, session.home);
  if (full === null) return 'EINVAL';
  const node = lookUp(caller, full, ACCESS_WRITE);
  if (node === 'ENOENT') {
    const failed = create(caller, full, value);
    if (failed) return failed;
  } else if (typeof node === 'string') return node;
  else {
    if (!session.isPrivileged) {
      const growth = value.length - node.value.length;
      if (node.byteLength + growth > store.limits.nodeBytes) return 'ENOSPC';
      if (!hasRoom(caller, growth)) return 'ENOMEM';
    }
    store.change(transaction, full, (own) => {
      own.value = value;
    });
  }
  store.fire(transaction, full, false);
  return null;
}

/** Makes a node without a value unless it is there. */
export function makeNode(caller: Caller, path: string): StoreErrno | null {
  const full = canonicalPath(path, caller.session.home);
  if (full === null) return 'EINVAL';
  const node = lookUp(caller, full, ACCESS_WRITE);
  if (node !== 'ENOENT') return typeof node === 'string' ? node : null;
  const failed = create(caller, full, NOTHING);
  if (failed === null) caller.store.fire(caller.transaction, full, false);
  return failed;
}

/** Bytes that the caller's domain may still take; only growth is refused. */
function hasRoom(caller: Caller, growth: number): boolean {
  return growth <= 0 || caller.session.domain.bytes + growth <= caller.store.limits.bytes;
}

/** New nodes inherit the permissions of what is above; an unprivileged domain owns what it makes. */
function create(caller: Caller, path: string, value: Uint8Array): StoreErrno | null {
  const { store, session, transaction } = caller;
  const missing = [path];
  let top = parentPath(path);
  let above = store.look(transaction, top);
  while (!above) {
    missing.push(top);
    top = parentPath(top);
    above = store.look(transaction, top);
  }
  let { permissions } = above;
  const { permissionsSince } = above;
  if (!session.isPrivileged) {
    const failed = checkCreation(caller, above, missing, value.length);
    if (failed) return failed;
    const [first, ...others] = permissions as readonly [Permission, ...Permission[]];
    permissions = [{ domain: session.domain.id, access: first.access }, ...others];
  }
  for (const at of missing.reverse()) {
    const own = at === path ? value : NOTHING;
    store.add(transaction, at, own, { permissions, permissionsSince });
  }
  return null;
}

/** The limits of an unprivileged domain that makes `missing`, the lowest first, below `above`. */
function checkCreation(
  caller: Caller,
  above: StoreNode,
  missing: readonly string[],
  valueBytes: number,
): StoreErrno | null {
  const { store, session, transaction } = caller;
  const { domain } = session;
  const nodes = domain.nodes + (transaction?.nodesByOwner.get(domain.id) ?? 0);
  if (nodes + missing.length > store.limits.nodes) return 'ENOSPC';
  let all = 0;
  let nameBytes = 0;
  for (const [index, path] of missing.entries()) {
    const own = nodeBytes(index === 0 ? valueBytes : 0, above.permissions.length, nameBytes);
    if (own > store.limits.nodeBytes) return 'ENOSPC';
    nameBytes = baseName(path).length + 1;
    all += own + path.length;
  }
  if (above.byteLength + nameBytes > store.limits.nodeBytes) return 'ENOSPC';
  return hasRoom(caller, all) ? null : 'ENOMEM';
}

/** Removes a node and all below it. It need not be there, but what is directly above it must. */
export function removeNode(caller: Caller, path: string): StoreErrno | null {
  const { store, session, transaction } = caller;
  const full = canonicalPath(path, session.home);
  if (full === null) return 'EINVAL';
  const node = lookUp(caller, full, ACCESS_WRITE);
  if (node === 'ENOENT') return store.look(transaction, parentPath(full)) ? null : 'ENOENT';
  if (typeof node === 'string') return node;
  if (full === '/') return 'EINVAL';
  store.remove(transaction, full, (at, leaving) => {
    store.fire(transaction, at, at !== full, leaving);
  });
  return null;
}

/** Sets the permissions of a node or a special watch, in a transaction or not: special ones at once. */
export function setPermissions(
  caller: Caller,
  path: string,
  permissions: readonly Permission[],
): StoreErrno | null {
  const { store, session, transaction } = caller;
  const [first] = permissions;
  if (!first) return 'EINVAL';
  if (!session.isPrivileged && permissions.length > store.limits.permissionsPerNode)
    return 'ENOSPC';
  if (!store.domain(first.domain)) return 'ENOENT';
  if (isSpecial(path)) {
    const special = store.specials.get(path);
    if (!special) return 'EINVAL';
    if ((store.accessOf(session, special) & ACCESS_OWNER) === 0) return 'EACCES';
    store.specials.set(path, { permissions, permissionsSince: ++store.generation });
    return null;
  }
  const full = canonicalPath(path, session.home);
  if (full === null) return 'EINVAL';
  const node = lookUp(caller, full, ACCESS_WRITE | ACCESS_OWNER);
  if (typeof node === 'string') return node;
  if (!session.isPrivileged) {
    if (first.domain !== node.owner) return 'EPERM';
    const size = nodeBytes(node.value.length, permissions.length, node.childBytes);
    if (size > store.limits.nodeBytes) return 'ENOSPC';
    if (!hasRoom(caller, size - node.byteLength)) return 'ENOMEM';
  }
  const before: Guarded = {
    permissions: node.permissions,
    permissionsSince: node.permissionsSince,
  };
  store.change(transaction, full, (own) => {
    own.permissions = permissions;
    own.permissionsSince = store.generation + 1;
  });
  store.fire(transaction, full, false, before);
  return null;
}
