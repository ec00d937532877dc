// Virtio devices in memory, which Linux' virtio_mmio finds by ACPI: a disk with a file system, and randomness.
import { expect, it } from 'vitest';
import { debianKernel } from './debian-packages.js';
import { checkExt4, ext4Image, readExt4File } from './disk-image.js';
import { busyboxInitramfs } from './initramfs.js';
import { ext4Modules, kernelModules, virtioModules } from './kernel-modules.js';
import { runCommand, writeTestFile } from './run-command.js';

const KERNEL = 'linux-image-686';

it('a Debian kernel has its disk and its randomness in memory, and interrupts of their own', async () => {
  const disk = writeTestFile('mmio.img', ext4Image({ before: 'of the host\n' }));
  const modules = kernelModules(KERNEL, 'i386', [
    ...virtioModules.filter((name) => !name.includes('pci')),
    ...['virtio_mmio', 'virtio_blk', 'rng_core', 'virtio_rng'],
    ...ext4Modules,
  ]);
  const initrd = busyboxInitramfs({
    architecture: 'i386',
    files: modules.files,
    init: `
mkdir -p /mnt
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
${modules.load}
until [ -b /dev/vda ]; do sleep 1; done
for i in /sys/bus/virtio/devices/*; do readlink $i; done
mount -t ext4 /dev/vda /mnt && cat /mnt/before && seq 1 100000 > /mnt/after && umount /mnt && echo UNMOUNTED
dd if=/dev/hwrng bs=512 count=8 2>/dev/null | wc -c
grep virtio /proc/interrupts
reboot -f
`,
  });
  const { code, stdout } = await runCommand(
    [
      ...['run', '-m', '128M', '--no-reboot', '--virtio', 'mmio', '--disk', disk, '--rng'],
      ...['-i', writeTestFile('mmio.initrd', initrd), '-a', 'console=ttyS0 quiet panic=1'],
      debianKernel(KERNEL, 'i386'),
    ],
    { limitMs: 300_000 },
  );
  expect(stdout).toMatch(/LNRO0005:00\/virtio0\r\n.*LNRO0005:01\/virtio1\r\n/);
  expect(stdout).toContain('of the host\r\nUNMOUNTED\r\n4096\r\n');
  for (const [pin, name] of [
    [16, 'virtio0'],
    [17, 'virtio1'],
  ])
    expect(stdout).toMatch(
      new RegExp(`^ *\\d+: +[1-9]\\d* +IO-APIC +${pin}-fasteoi +${name}\r$`, 'm'),
    );
  expect(code).toBe(0);
  expect(checkExt4(disk).code).toBe(0);
  const lines = Array.from({ length: 100_000 }, (_, i) => `${i + 1}\n`).join('');
  expect(new TextDecoder().decode(readExt4File(disk, 'after'))).toBe(lines);
});
