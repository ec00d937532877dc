// What a PC's guest and its host agree on under Linux' own drivers, beside disks and networks: a balloon, and sockets.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VsockSockets } from '@proxeny/machine';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { debianKernel } from './debian-packages.js';
import { GuestConsole } from './guest-console.js';
import { busyboxInitramfs } from './initramfs.js';
import { kernelModules, virtioModules } from './kernel-modules.js';
import { vsockConnect, vsockListen } from './vsock-program.js';

const KERNEL = 'linux-image-686';
const MIB = 1 << 20;

const HOST_PORT = 52;
const GUEST_PORT = 1234;

const folder = mkdtempSync(join(tmpdir(), 'vsock-'));
const path = join(folder, 'v');
let sockets: VsockSockets;
let guest: GuestConsole;
/** Bytes that the guest gave back, in pieces of one page and of more. */
const released = { pages: 0, runs: 0 };

beforeAll(async () => {
  const modules = kernelModules(KERNEL, 'i386', [
    ...[...virtioModules, 'virtio_balloon', 'vsock'],
    ...['vmw_vsock_virtio_transport_common', 'vmw_vsock_virtio_transport'],
  ]);
  sockets = await VsockSockets.listen(path);
  guest = new GuestConsole({
    image: debianKernel(KERNEL, 'i386'),
    initrd: busyboxInitramfs({
      architecture: 'i386',
      files: [
        ...modules.files,
        vsockConnect('to-host', HOST_PORT),
        vsockConnect('to-nobody', HOST_PORT + 1),
        vsockListen('from-host', GUEST_PORT),
      ],
      init: `
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
${modules.load}
while :; do /from-host 'exec cat'; done &
export PS1='guest# '
exec sh
`,
    }),
    commandLine: 'console=ttyS0 quiet',
    // Linux reports free memory while 32 pieces of the largest size are left: 128 MiB.
    memoryMib: 320,
    vsock: { guestCid: 7, host: sockets },
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
  sockets.close();
  rmSync(folder, { recursive: true });
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

/** Bytes that are no other place's. */
const contents = Uint8Array.from({ length: 3_000_001 }, (_, i) => (i * 31 + (i >>> 7) * 17) & 0xff);
const sum = createHash('sha256').update(contents).digest('hex');

/** Somebody at a port of the host's. */
async function listen(onSocket: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, onSocket).listen(`${path}_${HOST_PORT}`);
  await once(server, 'listening');
  return server;
}

async function textOf(socket: Socket): Promise<Buffer> {
  const pieces: Buffer[] = [];
  socket.on('data', (bytes) => pieces.push(bytes));
  await once(socket, 'end');
  return Buffer.concat(pieces);
}

it('its programs reach the host, as many as like to, and whole', async () => {
  const heard: string[] = [];
  let isFirst = true;
  const server = await listen(async (socket) => {
    socket.end(isFirst ? contents : contents.subarray(0, 1000));
    isFirst = false;
    heard.push(String(await textOf(socket)));
  });
  const one = await guest.command("/to-host 'sha256sum'", 120);
  expect(one.exitCode).toBe(0);
  await until(() => heard.length === 1);
  expect(heard).toEqual([`${sum}  -\n`]);
  await guest.command("for i in 1 2 3 4 5 6 7 8; do /to-host 'wc -c' & done", 120);
  await until(() => heard.length === 9);
  expect(heard.slice(1)).toEqual(new Array(8).fill('1000\n'));
  server.close();
  const refused = await guest.command('/to-nobody true');
  // ECONNRESET, as Linux has it.
  expect(refused.exitCode).toBe(104);
});

/** Sends bytes to a port of the guest's; what comes back until the end, or null if nobody is there. */
async function exchange(port: number, bytes: Uint8Array): Promise<Buffer | null> {
  const socket = connect({ path, allowHalfOpen: true }).on('error', () => {});
  socket.write(`CONNECT ${port}\n`);
  socket.end(bytes);
  const answer = await textOf(socket).catch(() => null);
  return answer?.length ? answer : null;
}

it('the host reaches its programs, and gets back what it sends', async () => {
  for (const bytes of [contents, contents.subarray(0, 10)]) {
    let answer = await exchange(GUEST_PORT, bytes);
    // Between two connections nobody listens for a moment.
    for (let tries = 0; !answer && tries < 100; tries++) {
      await guest.command('sleep 0.1');
      answer = await exchange(GUEST_PORT, bytes);
    }
    if (!answer) throw new Error('nobody listens');
    const line = answer.indexOf('\n') + 1;
    expect(String(answer.subarray(0, line))).toMatch(/^OK \d+\n$/);
    expect(Buffer.compare(answer.subarray(line), bytes)).toBe(0);
  }
  expect(await exchange(99, contents)).toBeNull();
});
