// Disks of Xen guests: GRUB's and Linux' own drivers against our back-end, over images that the host made and looks at afterwards.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { debianKernel, debianPackage } from './debian-packages.js';
import { checkExt4, ext4Image, partitionedDisk, readExt4File } from './disk-image.js';
import { busyboxInitramfs, executable } from './initramfs.js';
import { runCommand, writeTestFile } from './run-command.js';

/** Bytes that are no other file's. */
function noise(byteLength: number): Uint8Array {
  return Uint8Array.from({ length: byteLength }, (_, i) => (i * 31 + (i >>> 7) * 17) & 0xff);
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

it.each([
  ['grub-x86_64-xen.bin', 'ro'],
  ['grub-i386-xen.bin', 'overlay'],
])('%s lists partitions and shows a file from ext4 (%s)', async (image, access) => {
  const text = 'Proxeny: the hosting of foreigners.';
  const disk = partitionedDisk(ext4Image({ 'boot/motto.txt': `${text}\n` }));
  const path = writeTestFile(`${image}.img`, disk);
  const overlay = `${path}.qcow2`;
  rmSync(overlay, { force: true });
  const option = access === 'ro' ? 'ro' : `overlay=${overlay}`;
  const grub = join(debianPackage('grub-xen-host', 'amd64'), 'usr/lib/grub-xen', image);
  const { code, stdout } = await runCommand(
    [
      ...['run', '--type', 'pv', '-m', '64M', '--disk', `${path},${option}`, grub],
      ...['--expect', 'grub> ', '--send', 'ls\\r'],
      ...['--expect', 'msdos1\\)', '--expect', 'grub> ', '--send', 'ls (xen/xvda,msdos1)/boot\\r'],
      ...['--expect', 'motto\\.txt', '--send', 'cat (xen/xvda,msdos1)/boot/motto.txt\\r'],
      ...['--expect', 'hosting of foreigners'],
    ],
    { limitMs: 200_000 },
  );
  expect(stdout).toContain(text);
  expect(code).toBe(0);
  expect(sha256(new Uint8Array(readFileSync(path)))).toBe(sha256(disk));
});

it("Debian's cloud kernel mounts ext4 on xvda, reads what the host wrote, and the host what it wrote", async () => {
  const files = { 'data/large': noise(5_000_000), 'data/odd': noise(300_001), 'data/small': 'x' };
  const sums = Object.entries(files)
    .map(([path, data]) => `${sha256(Uint8Array.from(Buffer.from(data)))}  ${path}\n`)
    .join('');
  const path = writeTestFile('xvda.img', ext4Image({ ...files, sums }));
  const modules = debianPackage('linux-image-cloud-amd64', 'amd64');
  const driver = String(execFileSync('find', [modules, '-name', 'xen-blkfront.ko'])).trim();
  const init = `
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
insmod /xen-blkfront.ko
until [ -b /dev/xvda ]; do sleep 1; done
mount -t ext4 /dev/xvda /mnt && cd /mnt && sha256sum -c sums && echo SUMS RIGHT
seq 1 100000 > written; sync; echo 3 > /proc/sys/vm/drop_caches
sha256sum written
rm data/large; cd /; umount /mnt && echo UNMOUNTED
poweroff -f`;
  const initrd = busyboxInitramfs({
    architecture: 'amd64',
    init: `mkdir -p /proc /sys /dev /mnt\n${init}\n`,
    files: [executable('xen-blkfront.ko', readFileSync(driver))],
  });
  const { code, stdout } = await runCommand(
    [
      ...['run', '--type', 'pv', '-m', '256M', '--disk', path],
      ...['-i', writeTestFile('xvda.initrd', initrd), '-a', 'console=hvc0 quiet panic=1'],
      debianKernel('linux-image-cloud-amd64', 'amd64'),
    ],
    { limitMs: 230_000 },
  );
  expect(stdout).toContain('SUMS RIGHT');
  expect(stdout).toContain('UNMOUNTED');
  expect(code).toBe(0);
  const check = checkExt4(path);
  expect(check.code, check.text).toBe(0);
  const written = readExt4File(path, 'written');
  const lines = Array.from({ length: 100_000 }, (_, i) => `${i + 1}\n`).join('');
  expect(sha256(written)).toBe(sha256(new TextEncoder().encode(lines)));
  expect(stdout).toContain(sha256(written));
});
