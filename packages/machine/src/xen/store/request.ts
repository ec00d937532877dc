// A request's message becomes its answer: parses the payload, does the operation, encodes the result. Dense by type (xs_wire.h).
import {
  DOMID_SELF,
  XENSTORE_PAYLOAD_MAX,
  XS_CONTROL,
  XS_DIRECTORY,
  XS_DIRECTORY_PART,
  XS_ERROR,
  XS_GET_DOMAIN_PATH,
  XS_GET_PERMS,
  XS_INTRODUCE,
  XS_IS_DOMAIN_INTRODUCED,
  XS_MKDIR,
  XS_READ,
  XS_RELEASE,
  XS_RESET_WATCHES,
  XS_RESUME,
  XS_RM,
  XS_SET_PERMS,
  XS_SET_TARGET,
  XS_TRANSACTION_END,
  XS_TRANSACTION_START,
  XS_UNWATCH,
  XS_WATCH,
  XS_WRITE,
} from '@proxeny/abi';
import { connectedDomain, releaseDomain, setTarget } from './domain-operations.js';
import { formatPermission, type Permission, parsePermission } from './permission.js';
import type { Store } from './store.js';
import type { StoreErrno } from './store-error.js';
import type { StoreNode } from './store-node.js';
import { homePath } from './store-path.js';
import type { StoreSession } from './store-session.js';
import { bytesOf, leadingInteger, textOf } from './store-text.js';
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
import { addWatch, announce, removeWatch } from './watch-operations.js';
import { type MessageHeader, onlyString, stringsIn } from './wire.js';

/** What goes back: {@link type} is the request's, or XS_ERROR. */
export interface Answer {
  readonly type: number;
  readonly payload: Uint8Array;
}

/** A payload, or an error's name. */
type Result = Uint8Array | StoreErrno;

interface Operation {
  readonly run: (caller: Caller, payload: Uint8Array, later: Later) => Result;
  /** The transaction number in the header does not matter. */
  readonly ignoresTransaction?: true;
  readonly isPrivileged?: true;
}

/** Things to do once the answer is on its way. */
type Later = (action: () => void) => void;

const OK = bytesOf('OK\0');

/** An operation's only possible result is an error. */
function done(failed: StoreErrno | null): Result {
  return failed ?? OK;
}

/** Operations whose payload is one string. */
function withString(run: (caller: Caller, text: string) => Result): Operation['run'] {
  return (caller, payload) => {
    const text = onlyString(payload);
    return text === null ? 'EINVAL' : run(caller, text);
  };
}

function read(caller: Caller, path: string, of: (node: StoreNode) => Uint8Array): Result {
  const node = readNode(caller, path);
  return typeof node === 'string' ? node : of(node);
}

function childList(node: StoreNode): Uint8Array {
  let text = '';
  for (const name of node.children.keys()) text += `${name}\0`;
  return bytesOf(text);
}

/** Whole names from a byte offset on, as many as fit, after the node's generation; an empty name ends the list. */
function directoryPart(caller: Caller, payload: Uint8Array): Result {
  const [path, offsetText, ...more] = stringsIn(payload);
  if (path === undefined || offsetText === undefined || more.length > 0) return 'EINVAL';
  return read(caller, path, (node) => {
    const generation = `${node.generation}\0`;
    const offset = leadingInteger(offsetText) >>> 0;
    const list = textOf(childList(node));
    if (offset >= list.length) return bytesOf(`${generation}\0`);
    const room = XENSTORE_PAYLOAD_MAX - generation.length - 1;
    let end = offset;
    while (end < list.length) {
      const next = list.indexOf('\0', end) + 1;
      if (next - offset > room) break;
      end = next;
    }
    const ending = end === list.length ? '\0' : '';
    return bytesOf(generation + list.slice(offset, end) + ending);
  });
}

function write(caller: Caller, payload: Uint8Array): Result {
  const end = payload.indexOf(0);
  if (end < 0) return 'EINVAL';
  return done(writeNode(caller, textOf(payload.subarray(0, end)), payload.slice(end + 1)));
}

function permissionList(caller: Caller, path: string): Result {
  const guarded = getPermissions(caller, path);
  if (typeof guarded === 'string') return guarded;
  return bytesOf(guarded.permissions.map((own) => `${formatPermission(own)}\0`).join(''));
}

function parsePermissionList(caller: Caller, payload: Uint8Array): Result {
  const [path, ...texts] = stringsIn(payload);
  if (path === undefined || texts.length === 0) return 'EINVAL';
  const { session, store } = caller;
  if (!session.isPrivileged && texts.length > store.limits.permissionsPerNode) return 'ENOSPC';
  const permissions: Permission[] = [];
  for (const text of texts) {
    const permission = parsePermission(text);
    if (!permission) return 'EINVAL';
    permissions.push(permission);
  }
  return done(setPermissions(caller, path, permissions));
}

function watch(caller: Caller, payload: Uint8Array, later: Later): Result {
  const [path, token, ...more] = stringsIn(payload);
  if (path === undefined || token === undefined || more.length > 0) return 'EINVAL';
  const added = addWatch(caller, path, token);
  if (typeof added === 'string') return added;
  later(() => announce(caller, added));
  return OK;
}

function unwatch(caller: Caller, payload: Uint8Array): Result {
  const [path, token, ...more] = stringsIn(payload);
  if (path === undefined || token === undefined || more.length > 0) return 'EINVAL';
  return done(removeWatch(caller, path, token));
}

function start(caller: Caller): Result {
  const transaction = startTransaction(caller);
  return typeof transaction === 'string' ? transaction : bytesOf(`${transaction.id}\0`);
}

function end(caller: Caller, text: string): Result {
  if (text !== 'T' && text !== 'F') return 'EINVAL';
  return done(endTransaction(caller, text === 'T'));
}

function introduce(caller: Caller, payload: Uint8Array): Result {
  const [domain, gfn, port] = stringsIn(payload);
  if (domain === undefined || gfn === undefined || port === undefined) return 'EINVAL';
  const { connect } = caller.store;
  if (!connect) return 'ENOSYS';
  const numbers = [domain, gfn, port].map(leadingInteger) as [number, number, number];
  if (numbers[2] <= 0) return 'EINVAL';
  return connect(...numbers) ? OK : 'EINVAL';
}

/** Operations on one connected domain that is not the control domain. */
function ofDomain(run: (store: Store, id: number) => void): Operation['run'] {
  return withString(({ store }, text) => {
    const id = leadingInteger(text);
    if (id === 0) return 'EINVAL';
    const domain = connectedDomain(store, id);
    if (typeof domain === 'string') return domain;
    run(store, id);
    return OK;
  });
}

function target(caller: Caller, payload: Uint8Array): Result {
  const [domain, other] = stringsIn(payload);
  if (domain === undefined || other === undefined) return 'EINVAL';
  return done(setTarget(caller.store, leadingInteger(domain), leadingInteger(other)));
}

const operations: readonly (Operation | undefined)[] = (() => {
  const table: Operation[] = [];
  const isPrivileged = true;
  const ignoresTransaction = true;
  table[XS_CONTROL] = { run: () => 'ENOSYS', isPrivileged };
  table[XS_DIRECTORY] = { run: withString((caller, path) => read(caller, path, childList)) };
  table[XS_READ] = { run: withString((caller, path) => read(caller, path, (node) => node.value)) };
  table[XS_GET_PERMS] = { run: withString(permissionList) };
  table[XS_WATCH] = { run: watch, ignoresTransaction };
  table[XS_UNWATCH] = { run: unwatch, ignoresTransaction };
  table[XS_TRANSACTION_START] = { run: start };
  table[XS_TRANSACTION_END] = { run: withString(end) };
  table[XS_INTRODUCE] = { run: introduce, isPrivileged };
  table[XS_RELEASE] = { run: ofDomain(releaseDomain), isPrivileged };
  table[XS_GET_DOMAIN_PATH] = {
    run: withString((_, text) => bytesOf(`${homePath(leadingInteger(text) >>> 0)}\0`)),
  };
  table[XS_WRITE] = { run: write };
  table[XS_MKDIR] = { run: withString((caller, path) => done(makeNode(caller, path))) };
  table[XS_RM] = { run: withString((caller, path) => done(removeNode(caller, path))) };
  table[XS_SET_PERMS] = { run: parsePermissionList };
  table[XS_IS_DOMAIN_INTRODUCED] = {
    run: withString(({ store }, text) => {
      const id = leadingInteger(text);
      const isIntroduced = id === DOMID_SELF || store.domain(id)?.isIntroduced === true;
      return bytesOf(isIntroduced ? 'T\0' : 'F\0');
    }),
    isPrivileged,
  };
  table[XS_RESUME] = {
    run: ofDomain((store, id) => {
      const domain = store.domain(id);
      if (domain) domain.hasShutDown = false;
    }),
    isPrivileged,
  };
  table[XS_SET_TARGET] = { run: target, isPrivileged };
  table[XS_RESET_WATCHES] = {
    run: ({ store, session }) => {
      store.resetSession(session);
      return OK;
    },
  };
  table[XS_DIRECTORY_PART] = { run: directoryPart };
  return table;
})();

function errorAnswer(name: StoreErrno): Answer {
  return { type: XS_ERROR, payload: bytesOf(`${name}\0`) };
}

/**
 * Does what a session asks and hands the answer to `send`. As in xenstored, events that the request caused for the session itself come
 * before the answer, but for a new watch's first, which comes after.
 */
export function handleRequest(
  store: Store,
  session: StoreSession,
  header: MessageHeader,
  payload: Uint8Array,
  send: (answer: Answer) => void,
): void {
  const operation = operations[header.type];
  if (!operation) return send(errorAnswer('ENOSYS'));
  if (operation.isPrivileged && !session.isPrivileged) return send(errorAnswer('EACCES'));
  const id = operation.ignoresTransaction ? 0 : header.transactionId;
  const transaction = id === 0 ? null : (session.transactions.get(id) ?? null);
  if (id !== 0 && !transaction) return send(errorAnswer('ENOENT'));
  const after: (() => void)[] = [];
  const caller: Caller = { store, session, transaction };
  const result = operation.run(caller, payload, (action) => after.push(action));
  const failure = transaction?.failure;
  if (typeof result === 'string') send(errorAnswer(result));
  else if (failure && header.type !== XS_TRANSACTION_END) send(errorAnswer(failure));
  else if (result.length > XENSTORE_PAYLOAD_MAX) send(errorAnswer('E2BIG'));
  else send({ type: header.type, payload: result });
  for (const action of after) action();
}
