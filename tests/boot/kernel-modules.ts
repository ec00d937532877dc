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

/** The virtio display, with Linux' text console on it, and the virtio keyboard. */
export const displayModules: readonly string[] = [
  'virtio_dma_buf',
  'virtio_input',
  'fb_sys_fops',
  'syscopyarea',
  'sysfillrect',
  'sysimgblt',
  'drm',
  'drm_kms_helper',
  'drm_shmem_helper',
  'virtio_gpu',
];

/** The ext4 file system. */
export const ext4Modules: readonly string[] = [
  'crc16',
  'crc32c_generic',
  'mbcache',
  'jbd2',
  'ext4',
];

/** An /init script with the usual file systems and these modules, that does `setup` and becomes a shell which prompts with `guest# `. */
export function shellInit({ load }: GuestModules, setup = ''): string {
  return `
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
${load}
${setup}
export PS1='guest# '
exec sh
`;
}

export interface GuestModules {
  readonly files: readonly CpioEntry[];
  /** For an /init script. */
  readonly load: string;
}

/** The modules that one says it needs. */
function needsOf(module: Uint8Array): readonly string[] {
  const said = /(?:^|\0)depends=([^\0]*)/.exec(Buffer.from(module).toString('latin1'))?.[1] ?? '';
  return said.split(',').flatMap((name) => (name === '' ? [] : [name.replaceAll('-', '_')]));
}

/** Modules of a kernel package, each after those that it says it needs. One that is built into the kernel is left out. */
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
  const files = new Map<string, Uint8Array>();
  const take = (name: string): void => {
    const path = found.get(name);
    if (path === undefined || files.has(name)) return;
    const module = readFileSync(path);
    needsOf(module).forEach(take);
    files.set(name, module);
  };
  names.forEach(take);
  return {
    files: [...files].map(([name, module]) => executable(`${name}.ko`, module)),
    load: [...files.keys()].map((name) => `insmod /${name}.ko`).join('\n'),
  };
}
