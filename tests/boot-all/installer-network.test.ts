// Debian's installer in a user-mode network: it finds the card, gets its address by DHCP, and takes its answers from a web server on this host's
// loopback. They tell it to say what it has found, and to download more.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { debianInstaller } from '../boot/debian-installer.js';
import { runCommand } from '../boot/run-command.js';

const FILE_BYTES = 20 << 20;
const LIMIT_MS = 900_000;

/** What the installer is to do once it has its answers: a line of shell. */
const earlyCommand = (address: string): string =>
  [
    ...['exec > /dev/console', 'echo PRESEEDED', 'ip -4 addr show', 'ip route'],
    ...['ls -l /sys/class/net/*/device/driver', 'grep -h netcfg.*[D]HCP /var/log/syslog'],
    ...[`wget -q -O /tmp/file ${address}/file`, 'sha256sum /tmp/file', 'poweroff -f'],
  ].join('; ');

it(
  "Debian's installer gets its address by DHCP, and downloads from this host's loopback",
  async () => {
    const file = new Uint8Array(randomBytes(FILE_BYTES));
    const asked: (string | undefined)[] = [];
    let address = '';
    const server = createServer(({ url }, response) => {
      asked.push(url);
      response.end(
        url === '/file' ? file : `d-i preseed/early_command string ${earlyCommand(address)}\n`,
      );
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    address = `http://10.0.2.2:${(server.address() as AddressInfo).port}`;
    const { kernel, initrd } = debianInstaller();
    const automatic = `auto=true priority=critical url=${address}/preseed.cfg`;
    const { code, stdout } = await runCommand(
      [
        ...['run', kernel, '-i', initrd, '-m', '512M', '--net', 'user'],
        ...['-a', `console=ttyS0 quiet DEBIAN_FRONTEND=text ${automatic}`],
      ],
      { limitMs: LIMIT_MS },
    );
    server.close();
    const said = stdout.slice(-3000);
    expect(asked, said).toEqual(['/preseed.cfg', '/file']);
    const found = stdout.slice(stdout.indexOf('PRESEEDED'));
    expect(found).toMatch(/enp0s2: <BROADCAST,MULTICAST,UP,LOWER_UP>/);
    expect(found).toMatch(/drivers\/virtio_net\r?$/m);
    expect(found).toContain('inet 10.0.2.15/24');
    expect(found).toContain('default via 10.0.2.2');
    expect(found).toContain('Writing DHCP stanza for enp0s2');
    expect(found).toContain(createHash('sha256').update(file).digest('hex'));
    expect(code, said).toBe(0);
  },
  LIMIT_MS + 60_000,
);
