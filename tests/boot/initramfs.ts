// Initial RAM file systems for test guests: a writer of the kernel's archive format (cpio "newc", Linux
// Documentation/driver-api/early-userspace/buffer-format.rst) and one with a static busybox in it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { debianPackage } from './debian-packages.js';

const S_IFCHR = 0o020000;
const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;
const S_IFLNK = 0o120000;

/** A file of the archive; folders must come before what is in them. */
export interface CpioEntry {
  /** Without a leading slash. */
  readonly path: string;
  /** File type and permissions, as st_mode. */
  readonly mode: number;
  /** Contents, or the target of a symbolic link. */
  readonly data?: Uint8Array | string;
  /** Major and minor number of a device. */
  readonly device?: readonly [major: number, minor: number];
}

/** Packs `entries` into a cpio archive in the "newc" format, everything owned by root, with its trailer. */
export function packCpio(entries: readonly CpioEntry[]): Uint8Array {
  const parts: Buffer[] = [];
  const trailer: CpioEntry = { path: 'TRAILER!!!', mode: 0 };
  for (const [i, entry] of [...entries, trailer].entries()) {
    const name = Buffer.from(`${entry.path}\0`);
    const data = Buffer.from(entry.data ?? '');
    const [major, minor] = entry.device ?? [0, 0];
    const links = entry === trailer ? 0 : 1;
    // inode, mode, uid, gid, links, mtime, size, device of the file (2), device it stands for (2), name size, checksum
    const fields = [
      ...[i + 1, entry.mode, 0, 0, links, 0, data.length],
      ...[0, 0, major, minor, name.length, 0],
    ];
    const header = fields.map((value) => value.toString(16).padStart(8, '0')).join('');
    parts.push(padded(Buffer.concat([Buffer.from(`070701${header}`), name])), padded(data));
  }
  return new Uint8Array(Buffer.concat(parts));
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

export const directory = (path: string): CpioEntry => ({ path, mode: S_IFDIR | 0o755 });
export const executable = (path: string, data: Uint8Array | string): CpioEntry => ({
  path,
  mode: S_IFREG | 0o755,
  data,
});
export const symlink = (path: string, target: string): CpioEntry => ({
  path,
  mode: S_IFLNK | 0o777,
  data: target,
});
export const characterDevice = (path: string, major: number, minor: number): CpioEntry => ({
  path,
  mode: S_IFCHR | 0o600,
  device: [major, minor],
});

/** Commands an /init script can call by name; the rest by `busybox name`. */
const APPLETS = (
  'sh ash cat chmod cp cut date dd df dmesg echo env expr false find free grep halt head hostname id ' +
  'ifconfig ip kill ln ls lsmod md5sum mkdir mknod mount mv nc poweroff printf ps pwd reboot rm rmdir ' +
  'route sed seq setsid sha256sum sleep sort stty sync tail tee test time top touch tr true umount uname uptime ' +
  'vi wc wget which xargs yes'
).split(' ');

export interface BusyboxInitramfsOptions {
  readonly architecture: 'i386' | 'amd64';
  /** The /init shell script; `#!/bin/sh` is put in front if it has no first line of its own. */
  readonly init: string;
  /** More files. */
  readonly files?: readonly CpioEntry[];
}

/** An initramfs with Debian's busybox-static, the nodes /dev/console, null and ttyS0, and the given /init. */
export function busyboxInitramfs(options: BusyboxInitramfsOptions): Uint8Array {
  const busybox = readFileSync(
    join(debianPackage('busybox-static', options.architecture), 'bin/busybox'),
  );
  const init = options.init.startsWith('#!') ? options.init : `#!/bin/sh\n${options.init}`;
  return packCpio([
    ...['bin', 'dev', 'etc', 'proc', 'root', 'sbin', 'sys', 'tmp'].map(directory),
    executable('bin/busybox', busybox),
    ...APPLETS.map((name) => symlink(`bin/${name}`, 'busybox')),
    characterDevice('dev/console', 5, 1),
    characterDevice('dev/null', 1, 3),
    characterDevice('dev/ttyS0', 4, 64),
    executable('init', init),
    ...(options.files ?? []),
  ]);
}
