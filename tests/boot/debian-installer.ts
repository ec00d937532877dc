// Debian 12's network installer for i386, kernel and initrd as they are.
import { join } from 'node:path';
import { debianPackage } from './debian-packages.js';

export interface DebianInstaller {
  readonly kernel: string;
  readonly initrd: string;
}

/** Their paths. */
export function debianInstaller(): DebianInstaller {
  const folder = join(
    debianPackage('debian-installer-12-netboot-i386', 'all'),
    'usr/lib/debian-installer/images/12/i386/text/debian-installer/i386',
  );
  return { kernel: join(folder, 'linux'), initrd: join(folder, 'initrd.gz') };
}
