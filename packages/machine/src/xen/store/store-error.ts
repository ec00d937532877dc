// Errors of the store: names that go over the wire as they are (xs_wire.h, "xsd_errors"), and what a caller on the host's side gets.

/** An error's name. As the result of an operation it says that nothing was changed. */
export type StoreErrno =
  | 'EACCES'
  | 'E2BIG'
  | 'EAGAIN'
  | 'EBUSY'
  | 'EEXIST'
  | 'EINVAL'
  | 'EIO'
  | 'EISCONN'
  | 'EISDIR'
  | 'ENOENT'
  | 'ENOMEM'
  | 'ENOSPC'
  | 'ENOSYS'
  | 'ENOTEMPTY'
  | 'EPERM'
  | 'EROFS';

/** The toolstack or a back-end asked for what the store refuses. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrno;
  constructor(code: StoreErrno, what: string) {
    super(`xenstore: ${what}: ${code}`);
    this.code = code;
  }
}
