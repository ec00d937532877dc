// Virtio devices of a PC under Linux' own drivers: network cards at both ends of a cable, one end in a network namespace of its own;
// randomness; folders of the host's, by 9P and by virtio-fs.
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCable, SharedFolder, type ShareProtocol } from '@proxeny/machine';
import { expect, it } from 'vitest';
import { debianKernel } from './debian-packages.js';
import { GuestConsole } from './guest-console.js';
import { busyboxInitramfs } from './initramfs.js';
import { kernelModules, shellInit, virtioModules } from './kernel-modules.js';

const KERNEL = 'linux-image-686';

/** A folder with a file and a link in it, under its protocol's name. */
function shareOf<Protocol extends ShareProtocol>(protocol: Protocol, contents: Uint8Array) {
  const folder = mkdtempSync(join(tmpdir(), 'pc-virtio-'));
  writeFileSync(join(folder, 'data'), contents);
  symlinkSync('/etc/passwd', join(folder, 'out'));
  return { tag: protocol, protocol, folder, files: new SharedFolder(folder) };
}

it('a Debian kernel sends 5 MB over TCP between virtio network cards, whole, reads randomness and shares folders', async () => {
  const contents = Uint8Array.from({ length: 500_001 }, (_, i) => (i * 31 + (i >>> 7)) & 0xff);
  const shares = [shareOf('9p', contents), shareOf('virtiofs', contents)];
  const owner = { host: statSync(shares[0].folder).uid, guest: 5, count: 1 };
  const other = new SharedFolder(shares[0].folder, { isReadOnly: true, users: [owner] });
  const modules = kernelModules(KERNEL, 'i386', [
    ...[...virtioModules, 'failover', 'net_failover', 'virtio_net'],
    ...[
      'rng_core',
      'virtio_rng',
      'netfs',
      'fscache',
      '9pnet',
      '9pnet_virtio',
      '9p',
      'fuse',
      'virtiofs',
    ],
  ]);
  const [near, far] = makeCable();
  const guest = new GuestConsole({
    image: debianKernel(KERNEL, 'i386'),
    initrd: busyboxInitramfs({
      architecture: 'i386',
      files: modules.files,
      init: shellInit(
        modules,
        `
ip link set lo up
ip addr add 10.0.0.1/24 dev eth0; ip link set eth0 up
busybox unshare -n sh -c 'echo $$ > /tmp/other; sleep 1; ip addr add 10.0.0.2/24 dev eth1; ip link set eth1 up; while :; do nc -l -p 7 -e sha256sum; done' &
until [ -s /tmp/other ]; do :; done
ip link set eth1 netns $(cat /tmp/other)
`,
      ),
    }),
    commandLine: 'console=ttyS0 quiet',
    memoryMib: 128,
    networks: [
      { port: near, address: Uint8Array.of(2, 0, 0, 0, 0, 1) },
      { port: far, address: Uint8Array.of(2, 0, 0, 0, 0, 2) },
    ],
    hasEntropy: true,
    shares: [...shares, { tag: 'other', protocol: 'virtiofs', files: other }],
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
  const mounts = {
    '9p': 'mount -t 9p -o trans=virtio,version=9p2000.L,msize=131072 9p',
    virtiofs: 'mount -t virtiofs virtiofs',
  };
  for (const { protocol, folder } of shares) {
    const files = await guest.command(
      `mkdir -p /mnt; ${mounts[protocol]} /mnt && cd /mnt && cp data copy && ` +
        'mkdir dir && mv copy dir/moved && echo more >> dir/moved && rm data && ls dir && readlink out && ' +
        'ln dir/moved dir/second && rm dir/moved && mv dir/second dir/moved && ls -l dir/moved && cd / && umount /mnt',
    );
    expect([files.exitCode, files.output]).toEqual([
      0,
      expect.stringMatching(/^moved\n\/etc\/passwd\n-rw-r--r-- {4}1 0 .* 500006 .* dir\/moved\n$/),
    ]);
    const moved = new Uint8Array(readFileSync(join(folder, 'dir/moved')));
    expect(Buffer.compare(moved.subarray(0, contents.length), contents)).toBe(0);
    expect(new TextDecoder().decode(moved.subarray(contents.length))).toBe('more\n');
    expect(existsSync(join(folder, 'data'))).toBe(false);
  }
  const refused = await guest.command(
    'mount -t virtiofs other /mnt; cd /mnt/dir; ls -ln moved; echo more >> moved; cd /; umount /mnt',
  );
  expect(refused.output).toMatch(/^-rw-r--r-- {4}1 5 .* moved\n.*Read-only file system\n$/);
  guest.type('poweroff -f\n');
  expect(await guest.ended).toMatchObject({ reason: 'poweroff' });
  other.close();
  for (const { files, folder } of shares) {
    files.close();
    rmSync(folder, { recursive: true });
  }
});
