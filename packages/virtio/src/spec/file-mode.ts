// A file's mode as Linux has it, and 9P and FUSE with it: its kind. Permissions are the lower bits.
const S_IFMT = 0o170000;
export const S_IFDIR = 0o040000;
export const S_IFREG = 0o100000;
export const S_IFLNK = 0o120000;

/** The kind's bits of a mode. */
export function fileKindOf(mode: bigint | number): number {
  return Number(mode) & S_IFMT;
}
