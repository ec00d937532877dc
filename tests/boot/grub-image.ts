// GRUB images of our own for Xen guests, made by Debian's grub-mkimage out of Debian's modules.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { debianPackage } from './debian-packages.js';
import { writeTestFile } from './run-command.js';

export type GrubTarget = 'x86_64-xen' | 'i386-xen' | 'i386-xen_pvh';

export interface GrubImageOptions {
  readonly target: GrubTarget;
  /** Without those that they need. */
  readonly modules: readonly string[];
  /** The commands it executes at its start. */
  readonly config: string;
}

/** Makes the image; returns its path. */
export function grubImage(name: string, { target, modules, config }: GrubImageOptions): string {
  const path = writeTestFile(name, '');
  const library = join(debianPackage('libdevmapper1.02.1', 'amd64'), 'lib/x86_64-linux-gnu');
  execFileSync(
    join(debianPackage('grub-common', 'amd64'), 'usr/bin/grub-mkimage'),
    [
      ...['-d', join(debianPackage('grub-xen-bin', 'amd64'), 'usr/lib/grub', target)],
      ...['-c', writeTestFile(`${name}.cfg`, config), '-p', '/boot/grub'],
      ...['-O', target, '-o', path, ...modules],
    ],
    { env: { ...process.env, LD_LIBRARY_PATH: library }, stdio: 'pipe' },
  );
  return path;
}
