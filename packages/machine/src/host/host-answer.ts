// What the host's file system answers to a guest's wishes.
import { EIO, FileError } from '@proxeny/virtio';

/** Does something with the host's files; its errors become the guest's. */
export function ask<T>(what: () => T): T {
  try {
    return what();
  } catch (error) {
    if (error instanceof FileError) throw error;
    const errno = (error as NodeJS.ErrnoException).errno;
    const isHosts = typeof errno === 'number' && errno < 0 && errno > -4096;
    throw new FileError(isHosts ? -errno : EIO, String(error), { cause: error });
  }
}
