import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { blockBackendContract } from '../storage/block-backend.contract.js';
import { RawDisk } from '../storage/raw-disk.js';
import { firstDifference } from '../storage/testing/difference.js';
import { openNbdFile, parseNbdAddress } from './nbd-socket.js';
import { NbdServer, type NbdServerOptions } from './testing-nbd-server.contract.js';

const servers: NbdServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

async function serve(options: NbdServerOptions): Promise<{ server: NbdServer; address: string }> {
  const server = new NbdServer(options);
  servers.push(server);
  return { server, address: await server.listen() };
}

const kinds: readonly (readonly [string, Partial<NbdServerOptions>])[] = [
  ['an NBD export', {}],
  ['an NBD export with structured replies', { hasStructuredReplies: true }],
  ['an NBD export of an old server that can neither flush nor trim', { hasGo: false, flags: 1 }],
];

describe.each(kinds)('%s', (name, options) => {
  blockBackendContract(name, async (contents, { isReadOnly }) => {
    const { address } = await serve({ ...options, bytes: contents.slice() });
    return new RawDisk(await openNbdFile(address, { isReadOnly }));
  });
});

it('addresses name a host or a socket, and an export', () => {
  expect(parseNbdAddress('nbd://box')).toEqual({
    connect: { host: 'box', port: 10809 },
    exportName: '',
  });
  expect(parseNbdAddress('nbd://[::1]:99/a%20b/c')).toEqual({
    connect: { host: '::1', port: 99 },
    exportName: 'a b/c',
  });
  expect(parseNbdAddress('nbd+unix:///x?socket=/run/nbd.sock')).toEqual({
    connect: { path: '/run/nbd.sock' },
    exportName: 'x',
  });
  for (const wrong of ['nbd:box:10', 'nbd+unix:///x', 'nbds://box/x', 'nbd://box:port/'])
    expect(() => parseNbdAddress(wrong)).toThrow(/write nbd:\/\/host:port\/export/);
});

it('transfers keep to what the server takes, and flush, trim and zeroes are passed on', async () => {
  const { server, address } = await serve({ bytes: new Uint8Array(1 << 20).fill(1) });
  const file = await openNbdFile(address, { isReadOnly: false });
  await file.write(512, new Uint8Array(150_000).fill(2));
  await file.flush();
  await file.writeZeroes(0, 1 << 19);
  await file.discard(1 << 19, 4096);
  await file.close();
  await expect.poll(() => server.seen.length).toBe(7);
  expect(server.seen.map(({ type, at, byteLength }) => [type, at, byteLength])).toEqual([
    [1, 512, 65536],
    [1, 66048, 65536],
    [1, 131584, 18928],
    [3, 0, 0],
    [6, 0, 1 << 19],
    [4, 1 << 19, 4096],
    [2, 0, 0],
  ]);
});

it.each([false, true])(
  'errors of the server are those of the request (structured: %s)',
  async (hasStructuredReplies) => {
    const bytes = new Uint8Array(8192);
    for (const [errno, kind] of [
      [5, 'io'],
      [28, 'no-space'],
      [1, 'read-only'],
    ] as const) {
      const { address } = await serve({ bytes, errno, hasStructuredReplies });
      const file = await openNbdFile(address, { isReadOnly: false });
      await expect(file.write(4096, new Uint8Array(512))).rejects.toMatchObject({ kind });
      await expect(file.read(4096, new Uint8Array(512))).rejects.toThrow(`error ${errno}`);
      await file.write(0, new Uint8Array(512));
      await file.close();
    }
  },
);

it('what cannot be opened is refused with a reason', async () => {
  const bytes = new Uint8Array(4096);
  const { address } = await serve({ bytes });
  const other = address.replace('disk', 'other');
  await expect(openNbdFile(other, { isReadOnly: true })).rejects.toMatchObject({
    kind: 'not-found',
  });
  await expect(openNbdFile(other, { isReadOnly: true })).rejects.toThrow('look elsewhere');
  const readOnly = await serve({ bytes, flags: 3 });
  await expect(openNbdFile(readOnly.address, { isReadOnly: false })).rejects.toMatchObject({
    kind: 'read-only',
  });
  const coarse = await serve({ bytes, minBlockBytes: 4096 });
  await expect(openNbdFile(coarse.address, { isReadOnly: true })).rejects.toThrow(/4096/);
  await readOnly.server.stop();
  servers.splice(servers.indexOf(readOnly.server), 1);
  await expect(openNbdFile(readOnly.address, { isReadOnly: true })).rejects.toThrow('ECONNREFUSED');
});

it('after a lost connection requests connect anew, and the next flush says that writes may be lost', async () => {
  const bytes = new Uint8Array(65536).fill(1);
  const { server, address } = await serve({ bytes });
  const file = await openNbdFile(address, { isReadOnly: false });
  await file.write(0, new Uint8Array(512).fill(2));
  server.isSilent = true;
  const cut = file.read(0, new Uint8Array(512));
  const failure = expect(cut).rejects.toThrow('the connection is lost');
  await expect.poll(() => server.seen.length).toBe(2);
  server.dropConnections();
  await failure;
  server.isSilent = false;
  const target = new Uint8Array(1024);
  expect(await file.read(0, target)).toBe(1024);
  expect(firstDifference(target, bytes.subarray(0, 1024))).toBe(-1);
  await expect(file.flush()).rejects.toThrow('may be lost');
  await file.flush();
  server.dropConnections();
  await expect.poll(() => file.read(0, target).catch(() => 0)).toBe(1024);
  await file.flush();
  await file.close();
});

it('another disk at the same address is not taken for the old one', async () => {
  const { server, address } = await serve({ bytes: new Uint8Array(65536) });
  const file = await openNbdFile(address, { isReadOnly: false });
  const { port } = server;
  await server.stop();
  const other = new NbdServer({ bytes: new Uint8Array(4096) });
  await other.listen(port);
  servers.splice(0, 1, other);
  const target = new Uint8Array(512);
  await expect.poll(() => file.read(0, target).catch(String)).toMatch('is another disk');
  await file.close();
});

it('a server that does not answer, or speaks something else, is given up', async () => {
  const { server, address } = await serve({ bytes: new Uint8Array(4096) });
  const file = await openNbdFile(address, { isReadOnly: true, patienceMs: 50 });
  server.isSilent = true;
  await expect(file.read(0, new Uint8Array(512))).rejects.toThrow('does not answer');
  await file.close();
  for (const [greeting, message] of [
    ['HTTP/1.1 400 Bad Request\r\n\r\n', 'is no NBD server'],
    ['NBDMAGIC\0\0\x42\x02\x81\x86\x12\x53\0\x01', 'only the old NBD handshake'],
    ['', 'does not answer'],
  ] as const) {
    const stranger = createServer((socket) =>
      socket.on('error', () => {}).write(Buffer.from(greeting, 'latin1')),
    );
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    const { port } = stranger.address() as { port: number };
    const opening = openNbdFile(`nbd://127.0.0.1:${port}`, { isReadOnly: true, patienceMs: 200 });
    await expect(opening).rejects.toThrow(message);
    stranger.close();
  }
});
