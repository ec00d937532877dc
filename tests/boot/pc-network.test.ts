// Network cards of a PC: Linux' own virtio driver at both ends of a cable, one end in a network namespace of its own. And randomness.
import { makeCable } from '@proxeny/machine';
import { expect, it } from 'vitest';
import { debianKernel } from './debian-packages.js';
import { GuestConsole } from './guest-console.js';
import { busyboxInitramfs } from './initramfs.js';
import { kernelModules, virtioModules } from './kernel-modules.js';

const KERNEL = 'linux-image-686';

it('a Debian kernel sends 5 MB over TCP from one virtio network card to another, whole, and reads randomness', async () => {
  const modules = kernelModules(KERNEL, 'i386', [
    ...[...virtioModules, 'failover', 'net_failover', 'virtio_net'],
    ...['rng_core', 'virtio_rng'],
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
  guest.type('poweroff -f\n');
  expect(await guest.ended).toMatchObject({ reason: 'poweroff' });
});
