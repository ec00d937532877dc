// A PC in a user-mode network: Linux gets its address by DHCP, downloads from a server on this host's loopback, and serves a published port.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { debianKernel } from './debian-packages.js';
import { DHCP_SCRIPT, NETWORK_SET_UP } from './guest-network.js';
import { busyboxInitramfs } from './initramfs.js';
import { kernelModules, virtioModules } from './kernel-modules.js';
import { PublishedPort } from './published-port.js';
import { runCommand, writeTestFile } from './run-command.js';

const KERNEL = 'linux-image-686';
const PUBLISHED = 18_081;

it('a Debian kernel gets 10.0.2.15, downloads 5 MB whole, and answers on a published port', async () => {
  const file = Buffer.from(Array.from({ length: 700_000 }, (_, i) => `${i}\n`).join(''));
  const server = createServer((_, response) => response.end(file)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const modules = kernelModules(KERNEL, 'i386', [
    ...[...virtioModules, 'failover', 'net_failover', 'virtio_net'],
  ]);
  const init = `${NETWORK_SET_UP}
${modules.load}
${DHCP_SCRIPT}
ping -c 2 10.0.2.2
wget -q -O - http://10.0.2.2:${port}/ | sha256sum
echo LISTENING
nc -l -p 80 -e sh -c 'read x; echo "guest says $x"'
poweroff -f
`;
  const initrd = busyboxInitramfs({ architecture: 'i386', init, files: modules.files });
  const published = new PublishedPort(PUBLISHED);
  const { code, stdout } = await runCommand(
    [
      ...['run', '-m', '128M', '--net', 'user', '-p', `tcp:${PUBLISHED}:80`],
      ...['-i', writeTestFile('pc-user-network.initrd', initrd)],
      ...['-a', 'console=ttyS0 quiet panic=1', debianKernel(KERNEL, 'i386')],
    ],
    {
      limitMs: 230_000,
      onOutput: (text) => published.watch(text),
    },
  );
  published.close();
  server.close();
  expect(stdout).toContain('lease of 10.0.2.15 obtained');
  expect(stdout).toContain('2 packets received, 0% packet loss');
  expect(stdout).toContain(createHash('sha256').update(file).digest('hex'));
  expect(published.answer).toBe('guest says hello\n');
  expect(code).toBe(0);
});
