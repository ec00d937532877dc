// Disk images for test guests: an ext4 file system with files in it, alone or in the one partition of a disk. Made by e2fsprogs, without root.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const SECTOR_BYTES = 512;
const PARTITION_SECTOR = 2048;
const PARTITION_TABLE_AT = 446;
const TYPE_LINUX = 0x83;

/** On Debian e2fsprogs are not in an ordinary user's path. */
const environment = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

/** Contents by path, without a leading slash. */
export type DiskFiles = Readonly<Record<string, Uint8Array | string>>;

/** An ext4 file system of `mib` MiB that holds `files`. */
export function ext4Image(files: DiskFiles, mib = 32): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'disk-image-'));
  try {
    for (const [path, contents] of Object.entries({ 'root/.keep': '', ...prefixed(files) })) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), contents);
    }
    const image = join(folder, 'image');
    const options = ['-q', '-t', 'ext4', '-d', join(folder, 'root')];
    execFileSync('mke2fs', [...options, image, `${mib}M`], { env: environment, stdio: 'pipe' });
    return new Uint8Array(readFileSync(image));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function prefixed(files: DiskFiles): DiskFiles {
  return Object.fromEntries(Object.entries(files).map(([path, data]) => [`root/${path}`, data]));
}

/** A disk with a master boot record and one partition, which holds `fileSystem`. */
export function partitionedDisk(fileSystem: Uint8Array): Uint8Array {
  const start = PARTITION_SECTOR * SECTOR_BYTES;
  const disk = new Uint8Array(start + fileSystem.byteLength);
  const view = new DataView(disk.buffer);
  disk.set(fileSystem, start);
  disk[PARTITION_TABLE_AT + 4] = TYPE_LINUX;
  view.setUint32(PARTITION_TABLE_AT + 8, PARTITION_SECTOR, true);
  view.setUint32(PARTITION_TABLE_AT + 12, fileSystem.byteLength / SECTOR_BYTES, true);
  view.setUint16(510, 0xaa55, true);
  return disk;
}

/** What e2fsck says about an ext4 image that it may not change; code 0 is clean. */
export function checkExt4(path: string): { code: number; text: string } {
  try {
    const text = execFileSync('e2fsck', ['-f', '-n', path], { env: environment, stdio: 'pipe' });
    return { code: 0, text: String(text) };
  } catch (error) {
    const { status, stdout } = error as { status?: number; stdout?: Uint8Array };
    return { code: status ?? -1, text: String(stdout) };
  }
}

/** A file's contents out of an ext4 image. */
export function readExt4File(image: string, path: string): Uint8Array {
  const options = { env: environment, stdio: 'pipe', maxBuffer: 1 << 27 } as const;
  return new Uint8Array(execFileSync('debugfs', ['-R', `cat ${path}`, image], options));
}
