// Linux' drivers over packed rings, which they choose where they can, and over split ones, where nothing else is offered: what passes through
// a disk and a network card is compared by its hash at both ends.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createSink, type Server } from 'node:net';
import { expect, it } from 'vitest';
import { debianKernel } from '../boot/debian-packages.js';
import { DHCP_SCRIPT, NETWORK_SET_UP } from '../boot/guest-network.js';
import { busyboxInitramfs } from '../boot/initramfs.js';
import { kernelModules, virtioModules } from '../boot/kernel-modules.js';
import { runCommand, writeTestFile } from '../boot/run-command.js';

const KERNEL = 'linux-image-686';
const MIB = 1 << 20;
/** In the string of features that sysfs has. */
const RING_PACKED = 34;

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

it.each([
  ['packed', 'pci'],
  ['split', 'pci,packed=off'],
  ['split', 'mmio,packed=off'],
])(
  'Linux reads, writes, downloads and uploads the same bytes over %s rings (%s)',
  async (kind, virtio) => {
    const contents = new Uint8Array(randomBytes(8 * MIB));
    const download = new Uint8Array(randomBytes(8 * MIB));
    let uploaded = '';
    const server = createServer((_request, response) => response.end(download));
    const sink = createSink({ allowHalfOpen: true }, (socket) => {
      const hash = createHash('sha256');
      socket.on('data', (part) => hash.update(part));
      socket.on('end', () => {
        uploaded = hash.digest('hex');
        socket.end();
      });
    });
    for (const each of [server, sink]) await once(each.listen(0, '127.0.0.1'), 'listening');
    const portOf = (each: Server): number => (each.address() as AddressInfo).port;
    const modules = kernelModules(KERNEL, 'i386', [
      ...(virtio.startsWith('mmio')
        ? [...virtioModules.filter((name) => !name.includes('pci')), 'virtio_mmio']
        : virtioModules),
      ...['virtio_blk', 'failover', 'net_failover', 'virtio_net'],
    ]);
    const init = `${NETWORK_SET_UP}
${modules.load}
${DHCP_SCRIPT}
until [ -b /dev/vdb ]; do sleep 1; done
for i in /sys/bus/virtio/devices/*; do echo "features $(cut -c ${RING_PACKED + 1} $i/features)"; done
echo "read $(sha256sum < /dev/vda)"
dd if=/dev/vda of=/dev/vdb bs=64k; sync
wget -q -O - http://10.0.2.2:${portOf(server)}/ | sha256sum | sed 's/^/downloaded /'
dd if=/dev/vda bs=64k count=64 | nc 10.0.2.2 ${portOf(sink)}
poweroff -f
`;
    const initrd = busyboxInitramfs({ architecture: 'i386', init, files: modules.files });
    const from = writeTestFile(`rings-${kind}-from.img`, contents);
    const to = writeTestFile(`rings-${kind}-to.img`, new Uint8Array(contents.byteLength));
    const { code, stdout } = await runCommand(
      [
        ...['run', '-m', '128M', '--virtio', virtio, '--net', 'user'],
        ...['--disk', `${from},ro`, '--disk', to],
        ...['-i', writeTestFile('rings.initrd', initrd), '-a', 'console=ttyS0 quiet panic=1'],
        debianKernel(KERNEL, 'i386'),
      ],
      { limitMs: 600_000 },
    );
    for (const each of [server, sink]) each.close();
    expect(stdout.match(/^features \d/gm)).toEqual(
      new Array(3).fill(`features ${kind === 'packed' ? 1 : 0}`),
    );
    expect(stdout).toContain(`read ${sha256(contents)}`);
    expect(sha256(readFileSync(to))).toBe(sha256(contents));
    expect(stdout).toContain(`downloaded ${sha256(download)}`);
    expect(uploaded).toBe(sha256(contents.subarray(0, 4 * MIB)));
    expect(code).toBe(0);
  },
  660_000,
);
