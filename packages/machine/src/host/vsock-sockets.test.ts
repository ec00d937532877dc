// A guest's vsock as Unix sockets: the guest is the test.
import { once } from 'node:events';
import { link, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { VsockRequest, VsockStreamEvents } from '@proxeny/virtio';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { VsockSockets } from './vsock-sockets.js';

let folder: string;
let path: string;
let sockets: VsockSockets;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vsock-'));
  path = join(folder, 'v');
  sockets = await VsockSockets.listen(path);
});
afterEach(async () => {
  sockets.close();
  await rm(folder, { recursive: true });
});

/** Keeps what happens to a stream, in order. */
function recorded() {
  const log: string[] = [];
  const events: VsockStreamEvents = {
    onConnected: () => log.push('connected'),
    onData: (bytes) => log.push(new TextDecoder().decode(bytes)),
    onWritten: () => log.push('written'),
    onEnd: () => log.push('end'),
    onClosed: (failure) => log.push(`closed ${failure}`),
  };
  const until = (entry: string) => vi.waitFor(() => expect(log).toContain(entry), 5000);
  return { events, log, until };
}

async function listen(at: string, onSocket: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, onSocket).listen(at);
  await once(server, 'listening');
  return server;
}

describe('a port of the host’s', () => {
  it('is the socket with its number', async () => {
    const server = await listen(`${path}_52`, (socket) => {
      let heard = '';
      socket.on('data', (bytes) => {
        heard += bytes;
      });
      socket.on('end', () => socket.end(`echo ${heard}`));
    });
    const { events, log, until } = recorded();
    const stream = sockets.connect(52, events);
    await until('connected');
    stream.write(new TextEncoder().encode('hello'));
    await until('written');
    stream.end();
    await until('closed null');
    expect(log).toEqual(['connected', 'written', 'echo hello', 'end', 'closed null']);
    server.close();
  });

  it('refuses if nobody listens, and is let go of without an event', async () => {
    const nobody = recorded();
    sockets.connect(53, nobody.events);
    await vi.waitFor(() => expect(nobody.log).toHaveLength(1));
    expect(nobody.log[0]).toMatch(/^closed (?!null)/);
    let closed = 0;
    const server = await listen(`${path}_54`, (socket) =>
      socket.resume().on('end', () => socket.end(() => closed++)),
    );
    const reset = recorded();
    const stream = sockets.connect(54, reset.events);
    await reset.until('connected');
    stream.reset();
    server.close();
    await once(server, 'close');
    expect([closed, reset.log]).toEqual([1, ['connected']]);
  });
});

describe('a port of the guest’s', () => {
  /** Requests that the guest gets. */
  let requests: VsockRequest[];
  let left = 0;
  beforeEach(() => {
    requests = [];
    left = 0;
    sockets.listen((request) => {
      requests.push(request);
      return () => {
        left++;
      };
    });
  });
  const requested = () => vi.waitFor(() => expect(requests.length).toBeGreaterThan(0), 5000);

  it('is asked for in a line, and what follows is the guest’s', async () => {
    const socket = connect({ path, allowHalfOpen: true });
    socket.write('CONN');
    await new Promise((resolve) => setTimeout(resolve, 20));
    socket.end('ECT 4294967295\nhello guest');
    await requested();
    expect(requests[0].port).toBe(4294967295);
    const { events, log, until } = recorded();
    const stream = requests[0].accept(2 ** 30, events);
    await until('end');
    expect(log).toEqual(['hello guest', 'end']);
    stream.write(new TextEncoder().encode('hello host'));
    stream.end();
    expect(await text(socket)).toBe('OK 1073741824\nhello host');
    await until('closed null');
    expect(left).toBe(0);
  });

  it('is closed if the guest refuses, or the line is none', async () => {
    const refused = connect(path);
    refused.write('CONNECT 1\n');
    await requested();
    requests[0].refuse();
    expect(await text(refused)).toBe('');
    for (const line of ['CONNECT x\n', 'CONNECT 4294967296\n', `${'x'.repeat(100)}`, '\n']) {
      const socket = connect(path);
      socket.on('error', () => {});
      socket.write(line);
      await once(socket, 'close');
    }
    const silent = connect(path);
    silent.end('CONNECT 2');
    await once(silent.resume(), 'close');
    expect(requests).toHaveLength(1);
  });

  it('is forgotten if whoever asked goes first', async () => {
    const socket = connect(path);
    socket.write('CONNECT 1\n');
    await requested();
    sockets.listen(null);
    await vi.waitFor(() => expect(left).toBe(1));
    const nobody = connect(path);
    nobody.write('CONNECT 1\n');
    await once(nobody.resume(), 'close');
    expect(requests).toHaveLength(1);
  });
});

describe('the path', () => {
  it('is taken over from a process that died, and from nobody else', async () => {
    await expect(VsockSockets.listen(path)).rejects.toThrow('EADDRINUSE');
    await link(path, join(folder, 'old'));
    sockets.close();
    await vi.waitFor(async () => expect(await readdir(folder)).toEqual(['old']));
    sockets = await VsockSockets.listen(join(folder, 'old'));
    await writeFile(join(folder, 'file'), '');
    await expect(VsockSockets.listen(join(folder, 'file'))).rejects.toThrow('EADDRINUSE');
    await expect(VsockSockets.listen(join(folder, 'x'.repeat(80)))).rejects.toThrow('too long');
  });
});
