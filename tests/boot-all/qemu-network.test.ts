// Our stream socket against QEMU's: a guest of ours and one of QEMU's on one network, each of them listening once.
import { spawn } from 'node:child_process';
import { expect, it } from 'vitest';
import { debianKernel } from '../boot/debian-packages.js';
import { NETWORK_SET_UP } from '../boot/guest-network.js';
import { busyboxInitramfs } from '../boot/initramfs.js';
import { kernelModules, virtioModules } from '../boot/kernel-modules.js';
import { runCommand, writeTestFile } from '../boot/run-command.js';

const KERNEL = 'linux-image-686';
const modules = kernelModules(KERNEL, 'i386', [
  ...[...virtioModules, 'failover', 'net_failover', 'virtio_net'],
]);

function initrd(name: string, commands: string): string {
  const init = `${NETWORK_SET_UP}
${modules.load}
until ifconfig eth0 up; do sleep 1; done
${commands}
poweroff -f
`;
  const bytes = busyboxInitramfs({ architecture: 'i386', init, files: modules.files });
  return writeTestFile(name, bytes);
}

it.each([
  [
    'QEMU listens',
    (port: number) => [
      `connect=:${port}`,
      `server=on,addr.type=inet,addr.host=127.0.0.1,addr.port=${port}`,
    ],
  ],
  [
    'we listen',
    (port: number) => [
      `listen=:${port}`,
      `server=off,addr.type=inet,addr.host=127.0.0.1,addr.port=${port}`,
    ],
  ],
] as const)(
  '%s: the guests ping each other, and 3 MB come through TCP whole',
  async (_, texts) => {
    const [own, theirs] = texts(_ === 'QEMU listens' ? 18_090 : 18_091) as [string, string];
    const kernel = debianKernel(KERNEL, 'i386');
    const serving = initrd(
      'qemu-network.initrd',
      'ifconfig eth0 10.9.0.1\nnc -l -p 7 -e sha256sum; sleep 3',
    );
    const startQemu = () =>
      spawn('qemu-system-i386', [
        ...['-display', 'none', '-serial', 'stdio', '-no-reboot', '-m', '128'],
        ...['-kernel', kernel, '-initrd', serving, '-append', 'console=ttyS0 quiet panic=1'],
        ...['-netdev', `stream,id=n,${theirs}`, '-device', 'virtio-net-pci,netdev=n,romfile='],
      ]);
    const asking = initrd(
      'own-network.initrd',
      `ifconfig eth0 10.9.0.2
until ping -c 1 -W 1 10.9.0.1; do sleep 1; done
ping -c 3 -s 4000 10.9.0.1
seq 1 400000 > /sent; sha256sum < /sent
until nc 10.9.0.1 7 < /sent | grep -v '^$'; do sleep 1; done`,
    );
    let qemu: ReturnType<typeof startQemu> | null = null;
    // One that connects needs the other to be there.
    if (own.startsWith('connect')) {
      qemu = startQemu();
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
    const { code, stdout, stderr } = await runCommand(
      [
        'run',
        '-m',
        '128M',
        '--net',
        own,
        '-i',
        asking,
        '-a',
        'console=ttyS0 quiet panic=1',
        kernel,
      ],
      {
        limitMs: 230_000,
        onOutput: () => {
          qemu ??= startQemu();
        },
      },
    );
    qemu?.kill('SIGKILL');
    expect(stderr).toBe('');
    expect(stdout).toContain('3 packets received, 0% packet loss');
    const sums = stdout.match(/^[0-9a-f]{64}/gm) ?? [];
    expect(sums.length).toBe(2);
    expect(sums[0]).toBe(sums[1]);
    expect(code).toBe(0);
  },
  600_000,
);
