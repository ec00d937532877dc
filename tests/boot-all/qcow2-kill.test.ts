// A Linux guest writes files to a qcow2 disk over a base; our process is killed at random instants. What the guest had seen flushed is there,
// its file system needs no more than its journal, and the image is without corruption. It goes on where it was killed.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { expect, it } from 'vitest';
import { debianKernel } from '../boot/debian-packages.js';
import { ext4Image, readExt4File } from '../boot/disk-image.js';
import { busyboxInitramfs } from '../boot/initramfs.js';
import { ext4Modules, kernelModules, virtioModules } from '../boot/kernel-modules.js';
import { runCommand, writeTestFile } from '../boot/run-command.js';
import { qemuCheck } from '../conformance/qcow2/qemu-tools.js';

const KERNEL = 'linux-image-686';
const KILLS = 4;
const LINES = 2000;

/** File `n` holds the numbers from n on. Every tenth one is removed again. */
const init = (load: string): string => `
mkdir -p /proc /sys /dev /mnt
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
${load}
until [ -b /dev/vda ]; do sleep 1; done
mount -t ext4 /dev/vda /mnt && cd /mnt && echo MOUNTED
n=$(cat /mnt/next)
while true; do
  seq $n $((n + ${LINES - 1})) > file$n; echo $((n + 1)) > next; sync; echo "SYNCED $n."
  [ $((n % 10)) -ne 9 ] || rm file$((n - 5))
  n=$((n + 1))
done
`;

it('keeps what a guest flushed, and a good image, wherever our process is killed', async () => {
  const base = writeTestFile('kill-base.img', ext4Image({ next: '0\n' }, 64));
  const overlay = writeTestFile('kill.qcow2', '');
  const raw = writeTestFile('kill.img', '');
  rmSync(overlay);
  const modules = kernelModules(KERNEL, 'i386', [...virtioModules, 'virtio_blk', ...ext4Modules]);
  const initrd = writeTestFile(
    'kill.initrd',
    busyboxInitramfs({ architecture: 'i386', files: modules.files, init: init(modules.load) }),
  );
  let last = -1;
  for (let kill = 0; kill < KILLS; kill++) {
    const syncs = 3 + Math.floor(Math.random() * 12);
    const delayMs = Math.random() * 400;
    let isEnding = false;
    const { stdout } = await runCommand(
      [
        ...['run', '-m', '96M', '--disk', `${base},overlay=${overlay}`],
        ...['-i', initrd, '-a', 'console=ttyS0 quiet panic=1', debianKernel(KERNEL, 'i386')],
      ],
      {
        limitMs: 200_000,
        onOutput: (text, child) => {
          if (isEnding || text.split('SYNCED').length <= syncs) return;
          isEnding = true;
          setTimeout(() => child.kill('SIGKILL'), delayMs);
        },
      },
    );
    const synced = [...stdout.matchAll(/SYNCED (\d+)\./g)].map(([, n]) => Number(n));
    expect(stdout).toContain('MOUNTED');
    expect(synced.length).toBeGreaterThanOrEqual(syncs);
    // It went on where it had been flushed.
    expect(synced[0]).toBeGreaterThan(last);
    last = synced.at(-1) as number;
    expect(qemuCheck(overlay).corruptions).toBe(0);
    rmSync(raw);
    expect((await runCommand(['disk', 'convert', overlay, raw])).code).toBe(0);
    const environment = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
    const fsck = spawnSync('e2fsck', ['-p', raw], { env: environment, encoding: 'utf8' });
    // 1: the journal was replayed.
    expect([0, 1], fsck.stdout).toContain(fsck.status);
    for (const n of synced) {
      if (n % 10 === 4) continue;
      const lines = Array.from({ length: LINES }, (_, i) => `${n + i}\n`).join('');
      expect(new TextDecoder().decode(readExt4File(raw, `file${n}`)), `file${n}`).toBe(lines);
    }
  }
});
