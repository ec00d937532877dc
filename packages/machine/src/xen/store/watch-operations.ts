// WATCH, UNWATCH and RESET_WATCHES. They take no part in transactions.
import { XENSTORE_PAYLOAD_MAX } from '@proxeny/abi';
import type { StoreErrno } from './store-error.js';
import { canonicalPath, isSpecial } from './store-path.js';
import type { Caller } from './tree-operations.js';
import { type Watch, watchKey } from './watch-table.js';

function watchPath(caller: Caller, path: string): string | null {
  if (!isSpecial(path)) return canonicalPath(path, caller.session.home);
  return path.length <= XENSTORE_PAYLOAD_MAX / 2 ? path : null;
}

/** Adds a watch. The first event, {@link announce}, is the caller's to send after the answer. */
export function addWatch(caller: Caller, path: string, token: string): Watch | StoreErrno {
  const { store, session } = caller;
  const full = watchPath(caller, path);
  if (full === null) return 'EINVAL';
  if (session.watches.has(watchKey(full, token))) return 'EEXIST';
  const bytes = full.length + token.length;
  if (!session.isPrivileged) {
    if (session.watches.size >= store.limits.watches) return 'E2BIG';
    if (session.domain.bytes + bytes > store.limits.bytes) return 'ENOMEM';
  }
  session.domain.bytes += bytes;
  const isRelative = full !== path;
  return store.watches.add(session, full, token, isRelative ? session.home.length + 1 : 0);
}

/** A new watch fires once, whatever is at its path. */
export function announce(caller: Caller, watch: Watch): void {
  caller.store.wake(caller.session);
  caller.session.sink.event(watch.path.slice(watch.prefixLength), watch);
}

export function removeWatch(caller: Caller, path: string, token: string): StoreErrno | null {
  const full = watchPath(caller, path);
  if (full === null) return 'EINVAL';
  return caller.store.removeWatch(caller.session, full, token) ? null : 'ENOENT';
}
