// What real guests ask here equals what they ask of real Xen: of xenstore GRUB line by line, Linux for each node; and the hypercalls of Linux
// in the order in which it first uses them.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AskedCall, MemoryDisk, openXenImage, storeTrace, XenGuest } from '@proxeny/machine';
import { cpuModel } from '@proxeny/vcpu-x86';
import { expect, it } from 'vitest';
import { debianKernel, debianPackage } from './debian-packages.js';
import { busyboxInitramfs, executable } from './initramfs.js';
import { linuxHypercalls } from './xen-hypercalls-recorded.js';
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

interface Asked {
  /** Of the store. */
  readonly lines: readonly string[];
  /** Hypercalls, and operations where the recording tells them, in the order of their first use. */
  readonly hypercalls: readonly string[];
}

/** Hypercalls whose operations Xen's trace tells. */
const WITH_OPERATION = ['vcpu_op', 'grant_table_op', 'sched_op'];

/** Runs a guest with an empty disk; what it asked. */
async function runGuest(boot: Boot): Promise<Asked> {
  if (!model) throw new Error('no such CPU');
  const lines: string[] = [];
  const hypercalls = new Set<string>();
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
    observer: {
      enter: (call) => {
        const { name, operation } = new AskedCall(call);
        const isInMulticall = call === call.vcpu.innerFrame;
        const what = WITH_OPERATION.includes(name) ? `${name} ${operation}` : name;
        hypercalls.add(isInMulticall ? `multicall: ${what}` : what);
      },
      leave: () => {},
    },
  });
  const end = await guest.run();
  expect(end.message).toBe('');
  const isWatch = /^((?:UN)?WATCH(?:_EVENT)? \S+) \S+/;
  return {
    lines: lines.map((line) => line.replace(isWatch, '$1 *')),
    hypercalls: [...hypercalls],
  };
}

it('GRUB asks as it asks xenstored, to the last read', async () => {
  const image = join(
    debianPackage('grub-xen-host', 'amd64'),
    'usr/lib/grub-xen/grub-x86_64-xen.bin',
  );
  const { lines } = await runGuest({ image, memoryMib: 64, until: 'grub>' });
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

async function runLinux(): Promise<Asked> {
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
  return runGuest({ image, memoryMib: 256, ramdisk });
}

it('Linux asks as it asks xenstored, at each node, and makes hypercalls in the order in which it makes them on Xen', async () => {
  const { lines, hypercalls } = await runLinux();
  expect(byNode(lines)).toEqual(byNode(linux));
  // The first one comes when an instruction faults whose fault the kernel expects: which that is, its processor decides.
  const withoutIret = (names: readonly string[]) => names.filter((name) => name !== 'iret');
  expect(withoutIret(hypercalls)).toEqual(withoutIret(linuxHypercalls));
  expect(hypercalls).toContain('iret');
});
