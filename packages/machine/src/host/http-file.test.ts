import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { blockBackendContract } from '../storage/block-backend.contract.js';
import { SECTOR_BYTES } from '../storage/block-backend.js';
import { OverlayDisk } from '../storage/overlay-disk.js';
import { createQcow2 } from '../storage/qcow2/create.js';
import { pattern } from '../storage/qcow2/testing-disk-steps.contract.js';
import { firstDifference } from '../storage/testing/difference.js';
import { MemoryFile } from '../storage/testing/memory-file.js';
import { openDiskImage } from './disk-image.js';
import { HttpFile } from './http-file.js';

type Answer = (request: IncomingMessage, response: ServerResponse) => boolean;

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

interface Site {
  readonly address: string;
  /** The ranges that were asked for. */
  readonly asked: string[];
  files: Record<string, Uint8Array>;
  etag: string;
  /** Answers instead of the site, if it returns true. */
  before: Answer;
}

async function serve(files: Record<string, Uint8Array>): Promise<Site> {
  const server = createServer((request, response) => {
    const range = request.headers.range ?? '';
    site.asked.push(range);
    if (site.before(request, response)) return;
    const bytes = site.files[request.url ?? ''];
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? [];
    if (!bytes) {
      response.writeHead(404).end();
      return;
    }
    const part = bytes.subarray(Number(first), Number(last) + 1);
    response.writeHead(206, {
      'content-range': `bytes ${first}-${Number(first) + part.byteLength - 1}/${bytes.byteLength}`,
      etag: site.etag,
    });
    response.end(part);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const site: Site = { address, asked: [], files, etag: '"1"', before: () => false };
  return site;
}

describe('a disk on an HTTP server', () => {
  blockBackendContract('under an overlay', async (contents) => {
    const { address } = await serve({ '/disk.img': contents });
    return new OverlayDisk(await openDiskImage(`${address}/disk.img`, { isReadOnly: true }));
  });
});

it('is fetched as it is read, each part once, and ahead of reads in a row', async () => {
  const contents = pattern(16384, 1);
  const site = await serve({ '/disk.img': contents });
  const file = await HttpFile.open(`${site.address}/disk.img`);
  const read = async (at: number, byteLength: number): Promise<void> => {
    const target = new Uint8Array(byteLength);
    expect(await file.read(at, target)).toBe(byteLength);
    expect(firstDifference(target, contents.subarray(at, at + byteLength))).toBe(-1);
  };
  await read(1_000_000, 4096);
  await read(1_010_000, 4096);
  expect(site.asked).toEqual(['bytes=0-0', 'bytes=786432-1048575']);
  await Promise.all([read(3_000_000, 100), read(3_000_100, 100)]);
  expect(site.asked).toHaveLength(3);
  await read(0, 8 << 20);
  expect(site.asked.length).toBeLessThan(9);
  const before = site.asked.length;
  for (let at = 0; at < 8 << 20; at += 65_536) await read(at, 65_536);
  expect(site.asked).toHaveLength(before);
  const short = new Uint8Array(4096);
  expect(await file.read((8 << 20) - 100, short)).toBe(100);
  await file.close();
});

it('keeps no more in memory than it is allowed', async () => {
  const contents = pattern(32768, 1);
  const site = await serve({ '/disk.img': contents });
  const file = await HttpFile.open(`${site.address}/disk.img`, { cacheBytes: 0 });
  const target = new Uint8Array(16 << 20);
  await file.read(0, target);
  expect(firstDifference(target, contents)).toBe(-1);
  const before = site.asked.length;
  await file.read(15 << 20, new Uint8Array(1 << 20));
  expect(site.asked).toHaveLength(before);
  await file.read(0, new Uint8Array(1 << 20));
  expect(site.asked.length).toBeGreaterThan(before);
  await file.close();
});

it('an error that passes is not seen, one that stays is, and may pass later', async () => {
  const site = await serve({ '/disk.img': pattern(4096, 1) });
  const file = await HttpFile.open(`${site.address}/disk.img`, { retryMs: 1 });
  let failures = 2;
  site.before = (_request, response) => {
    if (failures-- <= 0) return false;
    if (failures === 0) response.destroy();
    else response.writeHead(503).end();
    return true;
  };
  const target = new Uint8Array(512);
  expect(await file.read(0, target)).toBe(512);
  failures = 4;
  await expect(file.read(1 << 20, target)).rejects.toMatchObject({
    name: 'BlockError',
    kind: 'io',
  });
  expect(await file.read(1 << 20, target)).toBe(512);
  await file.close();
});

it('a file that changes on the server is an error, not a mixture', async () => {
  const site = await serve({ '/disk.img': pattern(4096, 1) });
  const file = await HttpFile.open(`${site.address}/disk.img`, { retryMs: 1 });
  await file.read(0, new Uint8Array(512));
  site.etag = '"2"';
  await expect(file.read(1 << 20, new Uint8Array(512))).rejects.toThrow(
    'has changed on the server',
  );
  await file.close();
});

it('what cannot be opened is refused with a reason', async () => {
  const site = await serve({});
  const address = `${site.address}/disk.img`;
  await expect(HttpFile.open(address)).rejects.toMatchObject({ kind: 'not-found' });
  await expect(openDiskImage(address)).rejects.toThrow('use it with ro or an overlay');
  for (const [status, message] of [
    [200, 'whole files only'],
    [403, 'answers 403'],
    [416, 'is empty'],
  ] as const) {
    site.before = (_request, response) => {
      response.writeHead(status).end('x');
      return true;
    };
    await expect(HttpFile.open(address)).rejects.toThrow(message);
  }
  site.before = (_request, response) => {
    response.writeHead(206, { 'content-range': 'bytes 0-0/512' }).end('xyz');
    return true;
  };
  await expect(HttpFile.open(address, { retryMs: 1 })).rejects.toThrow('another range');
});

it('a qcow2 image on a server has what is beneath it on the same server', async () => {
  const base = pattern(100, 4);
  const top = new MemoryFile();
  const backing = { path: '/bases/base.img', format: 'raw' };
  await createQcow2(top, { diskBytes: 100 * SECTOR_BYTES, backing });
  const site = await serve({ '/bases/base.img': base, '/top.qcow2': top.contents });
  const disk = await openDiskImage(`${site.address}/top.qcow2`, { isReadOnly: true });
  const bytes = new Uint8Array(100 * SECTOR_BYTES);
  await disk.read(0, bytes);
  expect(firstDifference(bytes, base)).toBe(-1);
  await disk.close();
});
