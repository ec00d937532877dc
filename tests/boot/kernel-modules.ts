// Modules of Debian's kernels for test guests: as files of an initramfs, and the commands that load them in order.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { type DebianArchitecture, debianPackage } from './debian-packages.js';
import { type CpioEntry, executable } from './initramfs.js';

/** Virtio over PCI. */
export const virtioModules: readonly string[] = [
  'virtio',
  'virtio_ring',
  'virtio_pci_legacy_dev',
  'virtio_pci_modern_dev',
  'virtio_pci',
];

/** The ext4 file system. */
export const ext4Modules: readonly string[] = [
  'crc16',
  'crc32c_generic',
  'mbcache',
  'jbd2',
  'ext4',
];

export interface GuestModules {
  readonly files: readonly CpioEntry[];
  /** For an /init script. */
  readonly load: string;
}

/** Modules of a kernel package, each after those it needs. One that is built into the kernel is left out. */
export function kernelModules(
  kernel: string,
  architecture: DebianArchitecture,
  names: readonly string[],
): GuestModules {
  const found = new Map(
    String(execFileSync('find', [debianPackage(kernel, architecture), '-name', '*.ko']))
      .trim()
      .split('\n')
      .map((path) => [basename(path, '.ko').replaceAll('-', '_'), path] as const),
  );
  const present = names.flatMap((name) => {
    const path = found.get(name);
    return path === undefined ? [] : [{ name, path }];
  });
  return {
    files: present.map(({ name, path }) => executable(`${name}.ko`, readFileSync(path))),
    load: present.map(({ name }) => `insmod /${name}.ko`).join('\n'),
  };
}
