// A Linux guest makes its own file system: e2fsprogs' mkfs.ext4 on an empty disk, 64 MiB written, power off; a second boot and the host find
// them as they were.
import { createHash } from 'node:crypto';
import { readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { debianKernel, debianPackage } from '../boot/debian-packages.js';
import { checkExt4, readExt4File } from '../boot/disk-image.js';
import { busyboxInitramfs, type CpioEntry, directory, executable } from '../boot/initramfs.js';
import { ext4Modules, kernelModules, virtioModules } from '../boot/kernel-modules.js';
import { runCommand, writeTestFile } from '../boot/run-command.js';

const KERNEL = 'linux-image-686';
const DISK_BYTES = 160 << 20;
const WRITTEN_MIB = 64;
const LIMIT_MS = 600_000;

const LIBRARIES = 'lib/i386-linux-gnu';
/** mkfs.ext4, what it loads, and its configuration: package and place in it, by place in the guest. */
const PROGRAM: Readonly<Record<string, readonly [name: string, path: string]>> = {
  'sbin/mkfs.ext4': ['e2fsprogs', 'sbin/mke2fs'],
  'etc/mke2fs.conf': ['e2fsprogs', 'etc/mke2fs.conf'],
  'lib/ld-linux.so.2': ['libc6', `${LIBRARIES}/ld-linux.so.2`],
  'lib/libc.so.6': ['libc6', `${LIBRARIES}/libc.so.6`],
  'lib/libext2fs.so.2': ['libext2fs2', `${LIBRARIES}/libext2fs.so.2`],
  'lib/libe2p.so.2': ['libext2fs2', `${LIBRARIES}/libe2p.so.2`],
  'lib/libcom_err.so.2': ['libcom-err2', `${LIBRARIES}/libcom_err.so.2`],
  'lib/libblkid.so.1': ['libblkid1', `usr/${LIBRARIES}/libblkid.so.1`],
  'lib/libuuid.so.1': ['libuuid1', `usr/${LIBRARIES}/libuuid.so.1`],
};

function programFiles(): CpioEntry[] {
  const files = Object.entries(PROGRAM).map(([place, [name, path]]) =>
    executable(place, readFileSync(join(debianPackage(name, 'i386'), path))),
  );
  return [directory('lib'), ...files];
}

it(
  'a Debian guest makes an ext4 file system, writes 64 MiB, and finds them after it was off',
  async () => {
    const path = writeTestFile('mkfs.img', '');
    truncateSync(path, DISK_BYTES);
    const modules = kernelModules(KERNEL, 'i386', [...virtioModules, 'virtio_blk', ...ext4Modules]);
    const initrd = busyboxInitramfs({
      architecture: 'i386',
      files: [...modules.files, ...programFiles()],
      init: `
mkdir -p /mnt
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
${modules.load}
until [ -b /dev/vda ]; do sleep 1; done
case $step in
make)
  /sbin/mkfs.ext4 /dev/vda && mount -t ext4 /dev/vda /mnt && cd /mnt && echo MADE
  dd if=/dev/urandom of=data bs=1M count=${WRITTEN_MIB}
  sync; echo 3 > /proc/sys/vm/drop_caches;;
*) mount -t ext4 /dev/vda /mnt && cd /mnt && echo FOUND;;
esac
sha256sum data
cd /; umount /mnt && echo UNMOUNTED
dmesg | grep -i 'ext4-fs.*\\(error\\|warn\\)\\|i/o error'
poweroff -f
`,
    });
    const initrdPath = writeTestFile('mkfs.initrd', initrd);
    const boot = (step: string) =>
      runCommand(
        [
          ...['run', '-m', '128M', '--disk', `${path},format=raw`, '-i', initrdPath],
          ...['-a', `console=ttyS0 quiet panic=1 step=${step}`, debianKernel(KERNEL, 'i386')],
        ],
        { limitMs: LIMIT_MS / 2 },
      );
    const sums: (string | undefined)[] = [];
    for (const [step, done] of [
      ['make', 'MADE'],
      ['find', 'FOUND'],
    ] as const) {
      const { code, stdout } = await boot(step);
      expect(stdout).toContain(done);
      expect(stdout).toContain('UNMOUNTED');
      expect(stdout).not.toMatch(/EXT4-fs.*(error|warn)|I\/O error/i);
      expect(code).toBe(0);
      sums.push(/^([0-9a-f]{64}) {2}data/m.exec(stdout)?.[1]);
    }
    const check = checkExt4(path);
    expect(check.code, check.text).toBe(0);
    const data = readExt4File(path, 'data');
    expect(data.byteLength).toBe(WRITTEN_MIB << 20);
    const sum = createHash('sha256').update(data).digest('hex');
    expect(sums).toEqual([sum, sum]);
  },
  LIMIT_MS,
);
