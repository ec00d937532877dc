// Guests of Xen that nobody here wrote, on our own microkernel: GRUB's images and Debian's kernels, paravirtual and PVH.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { debianKernel, debianPackage } from './debian-packages.js';
import { busyboxInitramfs, directory, executable, packCpio } from './initramfs.js';
import { runCommand, writeTestFile } from './run-command.js';

const LIMIT_MS = 400_000;

/** A file system that GRUB and the shell can both look into, padded to whole pages. */
function cpioDisk(): { path: string; sha256: string } {
  const archive = packCpio([
    directory('folder'),
    executable('folder/hello.txt', 'hello from disk\n'),
  ]);
  const bytes = new Uint8Array(Math.ceil(archive.length / 4096) * 4096);
  bytes.set(archive);
  return {
    path: writeTestFile('xen-disk.cpio', bytes),
    sha256: createHash('sha256').update(bytes).digest('hex'),
  };
}

describe('GRUB', () => {
  it.each([
    ['grub-x86_64-xen.bin', 'pv'],
    ['grub-i386-xen.bin', 'pv'],
    ['grub-i386-xen_pvh.bin', 'pvh'],
  ])(
    '%s (%s) comes to its prompt, lists memory and devices, reads a disk and halts',
    async (file, type) => {
      const image = join(debianPackage('grub-xen-host', 'amd64'), 'usr/lib/grub-xen', file);
      const script = `expect grub>
send ls\\r
expect \\(xen/xvda\\)
send lsmmap\\r
expect base_addr = 0x0, length = 0x[0-9a-f]+, available RAM
send cat (xen/xvda)/folder/hello.txt\\r
expect hello from disk
send halt\\r`;
      const result = await runCommand(
        [
          ...['run', image, '--type', type, '-m', '64M', '--timeout', '300s'],
          ...['--disk', `${cpioDisk().path},ro`],
          ...['--script', writeTestFile(`grub-${type}.script`, script)],
        ],
        { limitMs: LIMIT_MS },
      );
      expect(result.stderr).toBe('');
      expect(result.code).toBe(0);
      expect(result.stdout).toContain('GNU GRUB');
    },
    LIMIT_MS,
  );
});

/** Modules of a kernel package that a guest needs before it sees its disk and /proc/xen. */
function modulesOf(name: string): { load: string; files: ReturnType<typeof executable>[] } {
  const kernel = debianKernel(name, 'amd64');
  const release = /vmlinuz-(.*)$/.exec(kernel)?.[1] ?? '';
  const folder = join(debianPackage(name, 'amd64'), 'lib/modules', release, 'kernel');
  const modules = [
    'drivers/block/xen-blkfront.ko',
    'drivers/xen/xen-privcmd.ko',
    'drivers/xen/xenfs/xenfs.ko',
  ];
  const files = modules.map((path) =>
    executable(path.replace(/^.*\//, ''), readFileSync(join(folder, path))),
  );
  const load = files.map(({ path }) => `busybox insmod /${path}`).join('\n');
  return { load, files };
}

describe('Linux', () => {
  it.each([
    ['linux-image-cloud-amd64', 'pv', /Booting kernel on Xen/],
    ['linux-image-cloud-amd64', 'pvh', /Booting (paravirtualized )?kernel on Xen/],
    ['linux-image-amd64', 'pv', /Booting kernel on Xen/],
    ['linux-image-amd64', 'pvh', /Booting (paravirtualized )?kernel on Xen/],
  ])(
    '%s (%s) boots to a shell with xenstore, /proc/xen and its disk, and powers off',
    async (name, type, booting) => {
      const { load, files } = modulesOf(name);
      const disk = cpioDisk();
      const init = `mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
${load}
mount -t xenfs xenfs /proc/xen
dmesg -s 262144 | grep -i 'kernel on'
echo "capabilities: $(ls /proc/xen | tr '\\n' ' ')"
echo "type: $(cat /sys/hypervisor/type) $(cat /sys/hypervisor/guest_type)"
while [ ! -e /dev/xvda ]; do sleep 0.1; done
echo "disk: $(cat /sys/bus/xen/devices/vbd-51712/nodename) $(sha256sum < /dev/xvda)"
dmesg -s 262144 | grep -E 'WARNING|BUG:|Oops|Call Trace'
export PS1='guest# '
exec sh
`;
      const initrd = writeTestFile(
        `xen-${name}.cpio`,
        busyboxInitramfs({ architecture: 'amd64', init, files }),
      );
      const script = `expect guest# 
send echo answer $((6 * 7))\\r
expect answer 42
send poweroff -f\\r`;
      const result = await runCommand(
        [
          ...['run', debianKernel(name, 'amd64'), '--type', type, '-m', '256M'],
          ...['-i', initrd, '-a', 'console=hvc0', '--timeout', '380s'],
          ...['--disk', `${disk.path},overlay`],
          ...['--script', writeTestFile('xen-linux.script', script)],
        ],
        { limitMs: LIMIT_MS },
      );
      expect(result.stdout).toMatch(booting);
      expect(result.stdout).toMatch(/capabilities: .*xenbus/);
      expect(result.stdout).toContain(`type: xen ${type.toUpperCase()}`);
      expect(result.stdout).toContain(`disk: device/vbd/51712 ${disk.sha256}`);
      expect(result.stdout).not.toMatch(/WARNING|BUG:|Oops|Call Trace/);
      expect(result.code).toBe(0);
    },
    LIMIT_MS,
  );
});
