// From GRUB into Linux inside one Xen guest: Debian's GRUB finds its configuration, the kernel and the initramfs on an ext4 disk.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { debianKernel, debianPackage } from '../boot/debian-packages.js';
import { ext4Image } from '../boot/disk-image.js';
import { busyboxInitramfs } from '../boot/initramfs.js';
import { runCommand, writeTestFile } from '../boot/run-command.js';

const LIMIT_MS = 400_000;

const INIT = `mount -t proc proc /proc
mount -t sysfs sysfs /sys
dmesg -s 262144 | grep -i 'kernel on xen'
echo "command line: $(cat /proc/cmdline)"
echo "type: $(cat /sys/hypervisor/type) $(cat /sys/hypervisor/guest_type)"
dmesg -s 262144 | grep -E 'WARNING|BUG:|Oops|Call Trace'
export PS1='guest# '
exec sh
`;

const CONFIG = `linux /boot/vmlinuz console=hvc0 from=grub
initrd /boot/initrd
boot
`;

it(
  "GRUB loads Debian's kernel from an ext4 disk and goes on as Linux, which powers off",
  async () => {
    const disk = ext4Image(
      {
        'boot/grub/grub.cfg': CONFIG,
        'boot/vmlinuz': readFileSync(debianKernel('linux-image-amd64', 'amd64')),
        'boot/initrd': busyboxInitramfs({ architecture: 'amd64', init: INIT }),
      },
      64,
    );
    const grub = join(
      debianPackage('grub-xen-host', 'amd64'),
      'usr/lib/grub-xen/grub-x86_64-xen.bin',
    );
    const script = `expect guest# 
send echo answer $((6 * 7))\\r
expect answer 42
send poweroff -f\\r`;
    const { code, stdout } = await runCommand(
      [
        ...['run', grub, '--type', 'pv', '-m', '512M', '--timeout', '380s'],
        ...['--disk', `${writeTestFile('grub-chain.img', disk)},ro`],
        ...['--script', writeTestFile('grub-chain.script', script)],
      ],
      { limitMs: LIMIT_MS },
    );
    expect(stdout).toMatch(/Booting (paravirtualized )?kernel on Xen/);
    expect(stdout).toMatch(/command line: .*from=grub/);
    expect(stdout).toContain('type: xen PV');
    expect(stdout).not.toMatch(/WARNING|BUG:|Oops|Call Trace/);
    expect(code).toBe(0);
  },
  LIMIT_MS,
);
