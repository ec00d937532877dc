// Disks of a PC: Linux' own virtio drivers over PCI, with MSI-X and without, against images that the host made and looks at afterwards.
// One of the guests has its console by virtio, too.
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { debianKernel } from './debian-packages.js';
import { checkExt4, ext4Image, readExt4File } from './disk-image.js';
import { busyboxInitramfs } from './initramfs.js';
import { ext4Modules, kernelModules, virtioModules } from './kernel-modules.js';
import { runCommand, writeTestFile } from './run-command.js';

/** Bytes that are no other file's. */
function noise(byteLength: number): Uint8Array {
  return Uint8Array.from({ length: byteLength }, (_, i) => (i * 31 + (i >>> 7) * 17) & 0xff);
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** 10,000 numbered lines. */
const written = Array.from({ length: 10_000 }, (_, i) => `${i + 1}\n`).join('');

it.each([
  ['linux-image-686', 'i386', 'console=ttyS0 nolapic noapic acpi=off', 'stdio', 'XT-PIC'],
  ['linux-image-amd64', 'amd64', 'console=hvc0', 'hvc', 'PCI-MSI'],
] as const)(
  '%s (%s) %s mounts ext4 on vda, reads what the host wrote, and the host what it wrote',
  async (kernel, architecture, append, serial, interrupts) => {
    const files = { 'data/large': noise(3_000_000), 'data/odd': noise(300_001), 'data/small': 'x' };
    const sums = Object.entries(files)
      .map(([path, data]) => `${sha256(Uint8Array.from(Buffer.from(data)))}  ${path}\n`)
      .join('');
    const path = writeTestFile('vda.img', ext4Image({ ...files, sums }));
    const modules = kernelModules(kernel, architecture, [
      ...virtioModules,
      ...['virtio_blk', 'virtio_console'],
      ...ext4Modules,
    ]);
    const initrd = busyboxInitramfs({
      architecture,
      files: modules.files,
      init: `
mkdir -p /proc /sys /dev /mnt
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
${modules.load}
[ ! -c /dev/hvc0 ] || exec > /dev/hvc0 2>&1
until [ -b /dev/vda ]; do sleep 1; done
grep virtio /proc/interrupts
mount -t ext4 /dev/vda /mnt && cd /mnt && sha256sum -c sums && echo SUMS RIGHT
seq 1 10000 > written; sync; echo 3 > /proc/sys/vm/drop_caches
sha256sum written
rm data/large; cd /; umount /mnt && echo UNMOUNTED
dmesg | grep -i 'error\\|warn'
reboot -f
`,
    });
    const { code, stdout } = await runCommand(
      [
        ...['run', '-m', '128M', '--no-reboot', '--serial', serial, '--disk', path],
        ...['-i', writeTestFile('vda.initrd', initrd), '-a', `${append} quiet panic=1`],
        debianKernel(kernel, architecture),
      ],
      { limitMs: 230_000 },
    );
    expect(stdout).toContain(interrupts);
    expect(stdout).toContain('SUMS RIGHT');
    expect(stdout).toContain('UNMOUNTED');
    expect(code).toBe(0);
    const check = checkExt4(path);
    expect(check.code, check.text).toBe(0);
    const copy = readExt4File(path, 'written');
    expect(sha256(copy)).toBe(sha256(new TextEncoder().encode(written)));
    expect(stdout).toContain(sha256(copy));
  },
);
