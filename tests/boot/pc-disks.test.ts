// Disks of a PC: Linux' own virtio drivers over PCI, with MSI-X and without, against images that the host made and looks at afterwards.
// One of the guests has its console by virtio, too. And SeaBIOS' driver, whose rings are split.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { assemble } from '@proxeny/vcpu-x86/asm';
import { expect, it } from 'vitest';
import { debianKernel, debianPackage } from './debian-packages.js';
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

/**
 * Asks the BIOS for the next sector, then prints what stands behind itself and the first byte of what it has read; exits with 0.
 * Without interrupts: in the timer's, SeaBIOS prints the rest of its own words on the same port.
 */
const BOOT_SECTOR = `
  xor ax, ax
  mov ds, ax
  mov es, ax
  mov ax, 0x0201
  mov cx, 0x0002
  mov dx, 0x0080
  mov bx, 0x8000
  int 0x13
  cli
  mov si, 0x7c60
  mov dx, 0x3f8
next: lodsb
  out dx, al
  cmp al, 0x3a
  jnz next
  mov al, [0x8000]
  out dx, al
  mov al, 0
  mov dx, 0xf4
  out dx, al
  hlt`;

it('SeaBIOS boots from a virtio disk, and reads more of it', async () => {
  const disk = new Uint8Array(1 << 20);
  disk.set(assemble(BOOT_SECTOR, { bits: 16, origin: 0x7c00 }).bytes);
  disk.set(new TextEncoder().encode('the next sector says:'), 0x60);
  disk.set([0x55, 0xaa, 0x21], 510);
  const firmware = join(debianPackage('seabios', 'all'), 'usr/share/seabios/bios-256k.bin');
  const { stdout } = await runCommand(
    [
      ...['run', '--firmware', firmware, '-m', '64M'],
      ...['--disk', writeTestFile('boot.img', disk), '--expect', 'sector says:!'],
    ],
    { limitMs: 100_000 },
  );
  expect(stdout).toContain('the next sector says:!');
});
