// Virtio devices of a PC under Linux' own drivers: network cards at both ends of a cable, one end in a network namespace of its own;
// randomness; a folder of the host's.
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCable, SharedFolder } from '@proxeny/machine';
import { expect, it } from 'vitest';
import { debianKernel } from './debian-packages.js';
import { GuestConsole } from './guest-console.js';
import { busyboxInitramfs } from './initramfs.js';
import { kernelModules, virtioModules } from './kernel-modules.js';

const KERNEL = 'linux-image-686';

it('a Debian kernel sends 5 MB over TCP between virtio network cards, whole, reads randomness and shares a folder', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pc-virtio-'));
  const contents = Uint8Array.from({ length: 500_001 }, (_, i) => (i * 31 + (i >>> 7)) & 0xff);
  writeFileSync(join(folder, 'data'), contents);
  symlinkSync('/etc/passwd', join(folder, 'out'));
  const shared = new SharedFolder(folder);
  const modules = kernelModules(KERNEL, 'i386', [
    ...[...virtioModules, 'failover', 'net_failover', 'virtio_net'],
    ...['rng_core', 'virtio_rng', 'netfs', 'fscache', '9pnet', '9pnet_virtio', '9p'],
  ]);
  const [near, far] = makeCable();
  const guest = new GuestConsole({
    image: debianKernel(KERNEL, 'i386'),
    initrd: busyboxInitramfs({
      architecture: 'i386',
      files: modules.files,
      init: `
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
${modules.load}
ip link set lo up
ip addr add 10.0.0.1/24 dev eth0; ip link set eth0 up
busybox unshare -n sh -c 'echo $$ > /tmp/other; sleep 1; ip addr add 10.0.0.2/24 dev eth1; ip link set eth1 up; while :; do nc -l -p 7 -e sha256sum; done' &
until [ -s /tmp/other ]; do :; done
ip link set eth1 netns $(cat /tmp/other)
export PS1='guest# '
exec sh
`,
    }),
    commandLine: 'console=ttyS0 quiet',
    memoryMib: 128,
    networks: [
      { port: near, address: Uint8Array.of(2, 0, 0, 0, 0, 1) },
      { port: far, address: Uint8Array.of(2, 0, 0, 0, 0, 2) },
    ],
    hasEntropy: true,
    shares: [{ tag: 'host', files: shared }],
  });
  await guest.waitFor(/^guest# /m, 120);
  const ping = await guest.command('until busybox ping -c 3 10.0.0.2; do :; done');
  expect(ping.output).toContain('3 packets received');
  await guest.command('dd if=/dev/urandom of=/tmp/data bs=64k count=80');
  const sums = await guest.command('sha256sum < /tmp/data; nc 10.0.0.2 7 < /tmp/data', 120);
  const [sent, received] = sums.output.split('\n');
  expect(sent).toMatch(/^[0-9a-f]{64} /);
  expect(received).toBe(sent);
  const source = await guest.command('cat /sys/class/misc/hw_random/rng_current');
  expect(source.output).toContain('virtio_rng.0');
  const random = await guest.command('dd if=/dev/hwrng bs=512 count=8 2>/dev/null | wc -c');
  expect(random.output.trim()).toBe('4096');
  const options = 'trans=virtio,version=9p2000.L,msize=131072';
  const files = await guest.command(
    `mkdir /mnt; mount -t 9p -o ${options} host /mnt && cd /mnt && cp data copy && ` +
      'mkdir dir && mv copy dir/moved && echo more >> dir/moved && rm data && ls dir && readlink out && ' +
      'cd / && umount /mnt',
  );
  expect([files.exitCode, files.output]).toEqual([0, 'moved\n/etc/passwd\n']);
  const moved = new Uint8Array(readFileSync(join(folder, 'dir/moved')));
  expect(Buffer.compare(moved.subarray(0, contents.length), contents)).toBe(0);
  expect(new TextDecoder().decode(moved.subarray(contents.length))).toBe('more\n');
  expect(existsSync(join(folder, 'data'))).toBe(false);
  guest.type('poweroff -f\n');
  expect(await guest.ended).toMatchObject({ reason: 'poweroff' });
  shared.close();
  rmSync(folder, { recursive: true });
});
