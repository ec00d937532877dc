// What real guests ask of xenstore here equals what they asked of xenstored: GRUB line by line, Linux for each node.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryDisk, openXenImage, storeTrace, XenGuest } from '@proxeny/machine';
import { cpuModel } from '@proxeny/vcpu-x86';
import { expect, it } from 'vitest';
import { debianKernel, debianPackage } from './debian-packages.js';
import { busyboxInitramfs, executable } from './initramfs.js';
import { GRUB_OPENS, grubOpen, grubStart, linux } from './xen-store-recorded.js';

const model = cpuModel('max');
const MIB = 1 << 20;
const BACKEND = '/local/domain/0/backend/vbd/1/51712';

interface Boot {
  readonly image: string;
  readonly memoryMib: number;
  readonly ramdisk?: Uint8Array;
  /** Ends the guest when it was printed. */
  readonly until?: string;
}

/** Runs a guest with an empty disk; what it asked of the store. */
async function storeLines(boot: Boot): Promise<string[]> {
  if (!model) throw new Error('no such CPU');
  const lines: string[] = [];
  let printed = '';
  const guest: XenGuest = new XenGuest({
    image: openXenImage(new Uint8Array(readFileSync(boot.image)), 'the kernel'),
    memoryBytes: boot.memoryMib * MIB,
    model,
    commandLine: 'console=hvc0 rdinit=/init quiet',
    ...(boot.ramdisk ? { ramdisk: boot.ramdisk } : {}),
    disks: [{ name: 'xvda', disk: new MemoryDisk(8 * MIB), parameters: '/dev/vdb' }],
    onConsole: (bytes) => {
      printed += new TextDecoder().decode(bytes);
      if (boot.until !== undefined && printed.includes(boot.until)) guest.stop();
    },
    storeObserver: storeTrace((_, line) => lines.push(line)),
  });
  const end = await guest.run();
  expect(end.message).toBe('');
  return lines.map((line) => line.replace(/^((?:UN)?WATCH(?:_EVENT)? \S+) \S+/, '$1 *'));
}

it('GRUB asks as it asks xenstored, to the last read', async () => {
  const image = join(
    debianPackage('grub-xen-host', 'amd64'),
    'usr/lib/grub-xen/grub-x86_64-xen.bin',
  );
  const lines = await storeLines({ image, memoryMib: 64, until: 'grub>' });
  const polls = `READ ${BACKEND}/state -> 2`;
  const opens = Array.from({ length: GRUB_OPENS }, () => grubOpen).flat();
  expect(lines.filter((line) => line !== polls)).toEqual([...grubStart, ...opens]);
});

/**
 * What happens at each node, in order, and how often transactions start and end, until the disk is closed: how far that comes before the
 * power is off depends on who is faster, as does how often events come. Answers about what the back-end offers are left out: it is
 * another one.
 */
function byNode(lines: readonly string[]): Record<string, string[]> {
  const nodes: Record<string, string[]> = {};
  const end = lines.indexOf('WRITE device/vbd/51712/state 5 -> OK');
  for (const line of lines.slice(0, end)) {
    const [, operation = '', path = '', rest = ''] = /^(\S+) (\S*)(.*)$/.exec(line) ?? [];
    const isOffer = path.startsWith(BACKEND) && !path.endsWith('/state');
    const isTransaction = operation.startsWith('TRANSACTION');
    const node = isTransaction ? operation : path;
    const entry = isTransaction ? path : operation + (isOffer ? '' : rest);
    nodes[node] ??= [];
    const entries = nodes[node];
    const mayRepeat = operation === 'WATCH_EVENT' || operation === 'DIRECTORY';
    if (!mayRepeat || !entries.includes(entry)) entries.push(entry);
  }
  return nodes;
}

it('Linux asks as it asks xenstored, at each node', async () => {
  const modules = debianPackage('linux-image-cloud-amd64', 'amd64');
  const driver = String(execFileSync('find', [modules, '-name', 'xen-blkfront.ko'])).trim();
  const ramdisk = busyboxInitramfs({
    architecture: 'amd64',
    init: `mkdir -p /proc /sys /dev
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
insmod /xen-blkfront.ko; sleep 1
dd if=/dev/xvda of=/dev/null bs=4k count=256
poweroff -f
`,
    files: [executable('xen-blkfront.ko', readFileSync(driver))],
  });
  const image = debianKernel('linux-image-cloud-amd64', 'amd64');
  const lines = await storeLines({ image, memoryMib: 256, ramdisk });
  expect(byNode(lines)).toEqual(byNode(linux));
});
