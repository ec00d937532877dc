// Names and kinds of files that come from a guest.
import { EINVAL, EOPNOTSUPP } from '../spec/errno.js';
import { fileKindOf, S_IFREG } from '../spec/file-mode.js';
import { FileError } from './file-system.js';

/**
 * A single name, which leads nowhere else: neither empty nor `.` nor `..`, without `/` and without NUL.
 * @throws FileError with EINVAL for any other
 */
export function checkedName(name: string): string {
  if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name))
    throw new FileError(EINVAL, 'this is no name');
  return name;
}

/**
 * The mode of a file that is to be made as mknod(2) makes it.
 * @throws FileError with EOPNOTSUPP for a device, a pipe or a socket
 */
export function regularMode(mode: number): number {
  if (fileKindOf(mode) !== S_IFREG && fileKindOf(mode) !== 0)
    throw new FileError(EOPNOTSUPP, 'only regular files are made');
  return mode;
}
