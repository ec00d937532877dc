import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { makeCable } from '../network/cable.js';
import { type NetworkPort, plainFrame } from '../network/network-port.js';
import { readPcapng } from '../network/testing-pcapng.contract.js';
import { CaptureFile } from './capture-file.js';
import { connectStreamNetwork, listenStreamNetwork, type StreamAddress } from './stream-network.js';

const folder = mkdtempSync(join(tmpdir(), 'stream-network-'));
const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});
afterAll(() => rmSync(folder, { recursive: true }));

function frame(from: number, byteLength = 60): ReturnType<typeof plainFrame> {
  const bytes = new Uint8Array(byteLength).fill(from);
  bytes.set([255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, from]);
  return plainFrame(bytes);
}

/** What arrives, by the station it came from. */
function heard(port: NetworkPort): number[] {
  const all: number[] = [];
  port.listen(({ bytes }) => all.push(bytes[11] as number));
  return all;
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

vi.setConfig({ testTimeout: 60_000 });

describe('a network over stream sockets', () => {
  it.each([
    ['TCP', { host: '127.0.0.1', port: 0 }],
    ['a Unix socket', { path: join(folder, 'network') }],
  ])('joins three by %s, one of which listens', async (_, address: StreamAddress) => {
    const hub = await listenStreamNetwork(address);
    closers.push(() => hub.close());
    const [one, two] = await Promise.all([1, 2].map(() => connectStreamNetwork(hub.address)));
    closers.push(() => one?.close());
    closers.push(() => two?.close());
    const all = [hub.port, one, two].map((port) => heard(port as NetworkPort));
    // Until both are plugged in, what they send may come too early.
    while (all.some((each) => each.length === 0)) {
      hub.port.send(frame(9));
      one?.send(frame(8, 1514));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    for (const each of all) each.length = 0;
    hub.port.send(frame(1));
    one?.send(frame(2));
    two?.send(frame(3, 1514));
    await until(() => all.every((each) => each.filter((from) => from < 8).length === 2));
    expect(all.map((each) => each.filter((from) => from < 8).sort())).toEqual([
      [2, 3],
      [1, 3],
      [1, 2],
    ]);
  });

  it('is QEMU’s on the wire: lengths of four bytes, and one that cannot be ends the connection', async () => {
    const hub = await listenStreamNetwork({ host: '127.0.0.1', port: 0 });
    closers.push(() => hub.close());
    const got = heard(hub.port);
    const socket = connect(hub.address as { host: string; port: number });
    const bytes = frame(7).bytes;
    socket.write(Buffer.concat([Uint8Array.of(0, 0, 0, 60), bytes]));
    await until(() => got.length === 1);
    hub.port.send(frame(6, 64));
    const [answer] = (await once(socket, 'data')) as [Uint8Array];
    expect([...answer.subarray(0, 4)]).toEqual([0, 0, 0, 64]);
    socket.write(Uint8Array.of(0x7f, 0, 0, 0));
    await once(socket, 'close');
  });

  it('comes back when whoever listens does, and loses frames meanwhile', async () => {
    const address = { path: join(folder, 'again') };
    const first = await listenStreamNetwork(address);
    const port = await connectStreamNetwork(address);
    closers.push(() => port.close());
    first.close();
    await new Promise((resolve) => setTimeout(resolve, 50));
    port.send(frame(1));
    const second = await listenStreamNetwork(address);
    closers.push(() => second.close());
    const got = heard(second.port);
    while (got.length === 0) {
      port.send(frame(2));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(got[0]).toBe(2);
  });

  it('does not keep what a peer does not take', async () => {
    const server = createServer((socket) => socket.pause()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    closers.push(() => server.close());
    const { port: number } = server.address() as { port: number };
    const port = await connectStreamNetwork({ host: '127.0.0.1', port: number });
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 100_000; i++) port.send(frame(1, 1514));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100 << 20);
    port.close();
  });

  it('says when nobody is there', async () => {
    await expect(connectStreamNetwork({ path: join(folder, 'nobody') })).rejects.toThrow('ENOENT');
  });
});

describe('a capture file', () => {
  it('holds the frames of its ports, with the time of the day', () => {
    const path = join(folder, 'capture.pcapng');
    const capture = new CaptureFile(path, () => {});
    const [near, far] = makeCable();
    const port = capture.through(near, 'net0');
    heard(port);
    port.send(frame(1));
    far.send(frame(2, 1514));
    capture.close();
    port.send(frame(3));
    const { interfaces, packets } = readPcapng(new Uint8Array(readFileSync(path)));
    expect(interfaces).toEqual(['net0']);
    expect(packets.map(({ bytes }) => bytes.byteLength)).toEqual([60, 1514]);
    expect(packets.map(({ isInbound }) => isInbound)).toEqual([false, true]);
    const ageMs = Date.now() - Number((packets[0]?.timeNs ?? 0n) / 1_000_000n);
    expect(Math.abs(ageMs)).toBeLessThan(60_000);
  });
});
