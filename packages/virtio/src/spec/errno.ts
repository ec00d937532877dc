// Linux' error numbers, as file systems in guests get them.
export const ENOENT = 2;
export const EIO = 5;
export const EBADF = 9;
export const EEXIST = 17;
export const ENOTDIR = 20;
export const EINVAL = 22;
export const ENFILE = 23;
export const EFBIG = 27;
export const EROFS = 30;
export const ENOSYS = 38;
export const EPROTO = 71;
export const EOPNOTSUPP = 95;
export const ESTALE = 116;
