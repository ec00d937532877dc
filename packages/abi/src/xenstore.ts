// The xenstore wire: messages and the ring page they go through. io/xs_wire.h.
// A message is xsd_sockmsg and `len` bytes: strings, each ended by a zero byte as far as its type says. Errors are names ("ENOENT").
import { array, struct, u32 } from '@proxeny/memory';
import { char } from './scalar.js';

export const XS_CONTROL = 0;
/** The older name of XS_CONTROL. */
export const XS_DEBUG = 0;
export const XS_DIRECTORY = 1;
export const XS_READ = 2;
export const XS_GET_PERMS = 3;
export const XS_WATCH = 4;
export const XS_UNWATCH = 5;
export const XS_TRANSACTION_START = 6;
export const XS_TRANSACTION_END = 7;
export const XS_INTRODUCE = 8;
export const XS_RELEASE = 9;
export const XS_GET_DOMAIN_PATH = 10;
export const XS_WRITE = 11;
export const XS_MKDIR = 12;
export const XS_RM = 13;
export const XS_SET_PERMS = 14;
/** Comes unasked, with req_id 0. */
export const XS_WATCH_EVENT = 15;
/** The answer to a request that failed. */
export const XS_ERROR = 16;
export const XS_IS_DOMAIN_INTRODUCED = 17;
export const XS_RESUME = 18;
export const XS_SET_TARGET = 19;
export const XS_RESET_WATCHES = 21;
export const XS_DIRECTORY_PART = 22;
/** One more than the last type. */
export const XS_TYPE_COUNT = 23;
export const XS_INVALID = 0xffff;

/** Names of XS_* without the prefix, by number; unused numbers are holes. */
export const xenstore_message_names: readonly (string | undefined)[] = Object.freeze([
  'CONTROL',
  'DIRECTORY',
  'READ',
  'GET_PERMS',
  'WATCH',
  'UNWATCH',
  'TRANSACTION_START',
  'TRANSACTION_END',
  'INTRODUCE',
  'RELEASE',
  'GET_DOMAIN_PATH',
  'WRITE',
  'MKDIR',
  'RM',
  'SET_PERMS',
  'WATCH_EVENT',
  'ERROR',
  'IS_DOMAIN_INTRODUCED',
  'RESUME',
  'SET_TARGET',
  undefined,
  'RESET_WATCHES',
  'DIRECTORY_PART',
]);

/** Errors a client may be told, by name, with their numbers (errno.ts). */
export const xsd_errors: readonly (readonly [name: string, number: number])[] = Object.freeze([
  ['EINVAL', 22],
  ['EACCES', 13],
  ['EEXIST', 17],
  ['EISDIR', 21],
  ['ENOENT', 2],
  ['ENOMEM', 12],
  ['ENOSPC', 28],
  ['EIO', 5],
  ['ENOTEMPTY', 39],
  ['ENOSYS', 38],
  ['EROFS', 30],
  ['EBUSY', 16],
  ['EAGAIN', 11],
  ['EISCONN', 106],
  ['E2BIG', 7],
  ['EPERM', 1],
]);

/** What every message begins with. */
export const xsd_sockmsg = struct('xsd_sockmsg', {
  /** XS_*. */
  type: u32,
  /** The client's; comes back in the answer. */
  req_id: u32,
  /** 0 outside of transactions. */
  tx_id: u32,
  /** Bytes that follow. */
  len: u32,
});

export const XENSTORE_RING_SIZE = 1024;

/** The page a domain shares with xenstore; counts run freely. */
export const xenstore_domain_interface = struct('xenstore_domain_interface', {
  req: array(char, XENSTORE_RING_SIZE),
  rsp: array(char, XENSTORE_RING_SIZE),
  req_cons: u32,
  req_prod: u32,
  rsp_cons: u32,
  rsp_prod: u32,
  /** XENSTORE_SERVER_FEATURE_*. */
  server_features: u32,
  /** XENSTORE_CONNECTED or XENSTORE_RECONNECT. */
  connection: u32,
  /** XENSTORE_ERROR_*. */
  error: u32,
});

/** More breaks the connection. */
export const XENSTORE_PAYLOAD_MAX = 4096;
export const XENSTORE_ABS_PATH_MAX = 3072;
export const XENSTORE_REL_PATH_MAX = 2048;
export const XENSTORE_SERVER_FEATURE_RECONNECTION = 1;
export const XENSTORE_SERVER_FEATURE_ERROR = 2;
export const XENSTORE_CONNECTED = 0;
export const XENSTORE_RECONNECT = 1;
export const XENSTORE_ERROR_NONE = 0;
export const XENSTORE_ERROR_COMM = 1;
export const XENSTORE_ERROR_RINGIDX = 2;
export const XENSTORE_ERROR_PROTO = 3;
