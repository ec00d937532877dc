// A PC and a guest of Xen in a user-mode network: Linux gets its address by DHCP, downloads from a server on this host's loopback through many
// connections at once, and is itself reached through published ports. What passed is captured.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { readPcapng } from '../../packages/machine/src/network/testing-pcapng.contract.js';
import { debianKernel } from '../boot/debian-packages.js';
import { DHCP_SCRIPT, NETWORK_SET_UP } from '../boot/guest-network.js';
import { busyboxInitramfs } from '../boot/initramfs.js';
import { kernelModules, virtioModules } from '../boot/kernel-modules.js';
import { PublishedPort } from '../boot/published-port.js';
import { runCommand, writeTestFile } from '../boot/run-command.js';

const LARGE_BYTES = 100 << 20;
const CONNECTIONS = 200;
const PUBLISHED = 18_080;

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** A server of one large file, and of many small ones which it gives only when all are asked for at the same time. */
async function fileServer(large: Uint8Array): Promise<{ port: number; close: () => void }> {
  const waiting: ServerResponse[] = [];
  const server = createServer((request, response) => {
    if (request.url === '/large') response.end(large);
    else if (waiting.push(response) === CONNECTIONS)
      for (const each of waiting) each.end(`file ${each.req.url}\n`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

const guests = [
  {
    name: 'a PC',
    kernel: 'linux-image-686',
    architecture: 'i386',
    modules: [...virtioModules, 'failover', 'net_failover', 'virtio_net'],
    options: ['-a', 'console=ttyS0 quiet panic=1'],
  },
  {
    name: 'Xen',
    kernel: 'linux-image-cloud-amd64',
    architecture: 'amd64',
    modules: ['xen-netfront', 'xen_netfront'],
    options: ['--type', 'pv', '-a', 'console=hvc0 quiet panic=1'],
  },
] as const;

it.each(guests)(
  'Linux on $name downloads 100 MiB and 200 files at once through the NAT, and answers on a published port',
  async (guest) => {
    const large = new Uint8Array(randomBytes(LARGE_BYTES));
    const server = await fileServer(large);
    const modules = kernelModules(guest.kernel, guest.architecture, guest.modules);
    const init = `${NETWORK_SET_UP}
${modules.load}
${DHCP_SCRIPT}
ping -c 2 -s 4000 10.0.2.2
wget -q -O - http://10.0.2.2:${server.port}/large | sha256sum
mkdir /many; cd /many
for i in $(seq ${CONNECTIONS}); do wget -q -O $i http://10.0.2.2:${server.port}/$i & done; wait
echo "many: $(cat * | sort | uniq | grep -c file)"
echo LISTENING
nc -l -p 80 -e sh -c 'read x; echo "guest says $x"'
poweroff -f
`;
    const initrd = busyboxInitramfs({
      architecture: guest.architecture,
      init,
      files: modules.files,
    });
    const capture = writeTestFile('user-network.pcapng', '');
    const published = new PublishedPort(PUBLISHED);
    const { code, stdout } = await runCommand(
      [
        ...['run', '-m', '256M', '-p', `${PUBLISHED}:80`, '--net', `user,capture=${capture}`],
        ...['-i', writeTestFile('user-network.initrd', initrd), ...guest.options],
        debianKernel(guest.kernel, guest.architecture),
      ],
      {
        limitMs: 900_000,
        onOutput: (text) => published.watch(text),
      },
    );
    published.close();
    server.close();
    expect(stdout).toContain('lease of 10.0.2.15 obtained');
    expect(stdout).toContain('2 packets received, 0% packet loss');
    expect(stdout).toContain(sha256(large));
    expect(stdout).toContain(`many: ${CONNECTIONS}`);
    expect(published.answer).toBe('guest says hello\n');
    expect(code).toBe(0);
    const { interfaces, packets } = readPcapng(new Uint8Array(readFileSync(capture)));
    expect(interfaces).toEqual(['net0']);
    expect(packets.length).toBeGreaterThan(1000);
  },
  1_000_000,
);
