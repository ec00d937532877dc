// Random operations on files as a shell script for busybox: what conformance/shares does by itself, here by a guest's programs.

import { HostFolder } from '../conformance/shares/host-folder.js';
import type { FileOperation } from '../conformance/shares/operation.js';
import { OperationSource } from '../conformance/shares/operation.js';

/** Transfers are of whole blocks, from a file of a megabyte. */
const BLOCK_BYTES = 512;
const PATTERN_BLOCKS = 1024;
/** The shell's numbers for files that are held open. */
const FIRST_HELD = 3;

export const pattern: Uint8Array = Uint8Array.from(
  { length: PATTERN_BLOCKS * BLOCK_BYTES },
  (_, i) => (i * 31 + (i >>> 9) * 7) & 0xff,
);

const quoted = (path: string): string => `'${path}'`;
const blocks = (byteLength: number): number => Math.ceil(byteLength / BLOCK_BYTES);

/** One command; its exit code says whether it was done. */
function commandFor(operation: FileOperation, number: number): string {
  const path = 'path' in operation ? quoted(operation.path) : '';
  const skip = (number * 37) % (PATTERN_BLOCKS / 2);
  const dd = (length: number): string =>
    `dd if=$PATTERN bs=${BLOCK_BYTES} skip=${skip} count=${blocks(length)}`;
  switch (operation.what) {
    case 'create':
      return `(set -C; : > ${path}) && chmod ${operation.mode.toString(8)} ${path}`;
    case 'mkdir':
      return `mkdir -m ${operation.mode.toString(8)} ${path}`;
    case 'chmod':
      return `chmod ${operation.mode.toString(8)} ${path}`;
    case 'write':
      return `${dd(operation.length)} of=${path} conv=notrunc seek=${blocks(operation.offset)}`;
    case 'read':
      return `sha256sum ${path}`;
    case 'truncate':
      return `truncate -s ${operation.size} ${path}`;
    case 'rename':
      return `mv -T ${path} ${quoted(operation.to)}`;
    case 'link':
      return `ln -T ${path} ${quoted(operation.to)}`;
    case 'symlink':
      return `ln -sT ${operation.target.replaceAll(' ', '_')} ${path}`;
    case 'unlink':
      return `unlink ${path}`;
    case 'rmdir':
      return `rmdir ${path}`;
    case 'readdir':
      return `ls -a ${path}`;
    case 'readlink':
      return `readlink ${path}`;
    case 'stat':
      return `[ -d ${path} ] && stat -c '%F %a' ${path} || stat -c '%F %a %h %s' ${path}`;
    case 'hold':
      return `[ -f ${path} ] && exec ${FIRST_HELD + operation.slot}<> ${path}`;
    case 'writeHeld':
      return `${dd(operation.length)} >&${FIRST_HELD + operation.slot}`;
  }
}

/**
 * A script that does `count` operations in the current folder, with $PATTERN to write, and $BETWEEN done now and then. It prints what
 * each showed, and how it ended.
 * @param scratch an empty folder, where they are done first: most are to be possible
 */
export function operationScript(seed: number, count: number, scratch: string): string {
  const source = new OperationSource(seed);
  const host = new HostFolder(scratch);
  const lines = ['umask 0'];
  for (let i = 0; i < count; i++) {
    const operation = source.next();
    if (!host.do(operation, i).startsWith('errno')) source.done(operation);
    lines.push(`{ ${commandFor(operation, i)}; } 2> /dev/null; echo ${i} $?`);
    if (i % 500 === 499) lines.push('eval "$BETWEEN"');
  }
  host.close();
  return `${lines.join('\n')}\n`;
}
