// What a PC's guest and its host agree on under Linux' own drivers, beside disks and networks: a balloon.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { debianKernel } from './debian-packages.js';
import { GuestConsole } from './guest-console.js';
import { busyboxInitramfs } from './initramfs.js';
import { kernelModules, virtioModules } from './kernel-modules.js';

const KERNEL = 'linux-image-686';
const MIB = 1 << 20;

let guest: GuestConsole;
/** Bytes that the guest gave back, in pieces of one page and of more. */
const released = { pages: 0, runs: 0 };

beforeAll(async () => {
  const modules = kernelModules(KERNEL, 'i386', [...virtioModules, 'virtio_balloon']);
  guest = new GuestConsole({
    image: debianKernel(KERNEL, 'i386'),
    initrd: busyboxInitramfs({
      architecture: 'i386',
      files: modules.files,
      init: `
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
${modules.load}
export PS1='guest# '
exec sh
`,
    }),
    commandLine: 'console=ttyS0 quiet',
    // Linux reports free memory while 32 pieces of the largest size are left: 128 MiB.
    memoryMib: 320,
    balloon: {
      release: (at, bytes) => {
        if (at % 4096 !== 0) throw new Error(`released from ${at} on`);
        if (bytes.length === 4096) released.pages += bytes.length;
        else released.runs += bytes.length;
      },
    },
  });
  await guest.waitFor(/^guest# /m, 120);
}, 180_000);
afterAll(async () => {
  guest.type('poweroff -f\n');
  expect(await guest.ended).toMatchObject({ reason: 'poweroff' });
});

/** Waits until it is so, while the guest runs. */
async function until(isSo: () => boolean, seconds = 60): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`not within ${seconds} s: ${isSo}`);
    await guest.command('sleep 0.1');
  }
}

it('its balloon takes memory, gives it back, and tells of the rest', async () => {
  const { balloon } = guest.machine;
  if (!balloon) throw new Error('there is no balloon');
  await until(() => released.runs >= 32 * MIB);
  const before = await balloon.readStatistics();
  expect(before.totalBytes).toBeGreaterThan(64 * MIB);
  expect(before.freeBytes).toBeGreaterThan(32 * MIB);
  balloon.setTarget(24 * MIB);
  await until(() => balloon.device.actualBytes === 24 * MIB);
  expect(released.pages + released.runs).toBeGreaterThan(56 * MIB);
  const during = await balloon.readStatistics();
  expect(during.freeBytes).toBeLessThan(Number(before.freeBytes) - 20 * MIB);
  balloon.setTarget(0);
  await until(() => balloon.device.actualBytes === 0);
  const after = await balloon.readStatistics();
  expect(after.freeBytes).toBeGreaterThan(Number(during.freeBytes) + 20 * MIB);
});

it('its balloon shrinks when the guest would run out of memory', async () => {
  const { balloon } = guest.machine;
  if (!balloon) throw new Error('there is no balloon');
  const { freeBytes = 0 } = await balloon.readStatistics();
  const wanted = Math.floor(freeBytes / MIB) - 8;
  balloon.setTarget(wanted * MIB);
  await until(() => balloon.device.actualBytes === wanted * MIB);
  const filled = await guest.command(
    'mount -t tmpfs -o size=90% none /tmp; dd if=/dev/zero of=/tmp/x bs=1M count=32',
  );
  expect(filled.exitCode).toBe(0);
  expect(balloon.device.actualBytes).toBeLessThan(wanted * MIB);
  balloon.setTarget(0);
  await guest.command('rm /tmp/x');
});
