import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDiskImage } from '@proxeny/machine';
import { afterAll, afterEach, expect, it, vi } from 'vitest';
import { runCommandLine } from '../command-line.js';

const folder = mkdtempSync(join(tmpdir(), 'disk-command-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

let count = 0;
const fresh = (ending: string): string => join(folder, `${count++}${ending}`);

async function disk(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += String(text);
    return true;
  });
  const code = await runCommandLine(['disk', ...args]);
  vi.restoreAllMocks();
  return { code, out, err };
}

async function write(path: string, sector: number, value: number): Promise<void> {
  const opened = await openDiskImage(path);
  await opened.write(sector, new Uint8Array(512).fill(value));
  await opened.close();
}

async function read(path: string, sector: number): Promise<number> {
  const opened = await openDiskImage(path, { isReadOnly: true });
  const bytes = new Uint8Array(512);
  await opened.read(sector, bytes);
  await opened.close();
  return bytes[0] as number;
}

it('an image is made, raw or qcow2 by its name, and described', async () => {
  const raw = fresh('.img');
  const qcow2 = fresh('.qcow2');
  expect(await disk('create', raw, '64M')).toMatchObject({ code: 0, out: '', err: '' });
  expect(statSync(raw).size).toBe(64 << 20);
  expect((await disk('create', qcow2, '1.5G', '--cluster-size', '4K')).code).toBe(0);
  expect((await disk('info', raw)).out).toMatch(/format: +raw\ndisk: +64 MiB \(67108864 bytes\)/);
  const { images } = JSON.parse((await disk('info', '--json', qcow2)).out);
  expect(images).toMatchObject([
    {
      file: qcow2,
      format: 'qcow2',
      diskBytes: 1.5 * 2 ** 30,
      qcow2: { version: 3, clusterBytes: 4096, refcountBits: 16, snapshots: [], dirty: false },
    },
  ]);
});

it('an image over another is as large, shows it, and is described with it', async () => {
  const base = fresh('.img');
  writeFileSync(base, new Uint8Array(1 << 20).fill(3));
  const top = fresh('.qcow2');
  expect((await disk('create', top, '--backing', base)).code).toBe(0);
  expect(await read(top, 77)).toBe(3);
  const { out } = await disk('info', top);
  expect(out).toContain(`beneath it:   ${base}, raw`);
  expect(out).toContain(`image:        ${base}`);
  const missing = await disk('create', fresh('.qcow2'), '--backing', fresh('.none'));
  expect(missing.code).toBe(4);
  expect(missing.err).toMatch(/\.none: there is no such image/);
});

it('a disk is converted with what is beneath it, there and back', async () => {
  const base = fresh('.img');
  writeFileSync(base, new Uint8Array(3 << 20).fill(5));
  const top = fresh('.qcow2');
  await disk('create', top, '-b', base);
  await write(top, 100, 9);
  const alone = fresh('.qcow2');
  const back = fresh('.img');
  expect(await disk('convert', top, alone)).toMatchObject({ code: 0, err: '' });
  expect((await disk('convert', alone, back)).code).toBe(0);
  const expected = new Uint8Array(3 << 20).fill(5).fill(9, 51200, 51712);
  expect(readFileSync(back).equals(expected)).toBe(true);
  expect((await disk('info', alone)).out).not.toContain('beneath');
});

it('snapshots are taken, listed, applied, converted and deleted', async () => {
  const image = fresh('.qcow2');
  await disk('create', image, '10M');
  await write(image, 5, 1);
  expect((await disk('snapshot', 'create', image, 'before')).code).toBe(0);
  await write(image, 5, 2);
  expect((await disk('snapshot', 'ls', image)).out).toMatch(/^1\tbefore\t\d{4}-.*Z\t10 MiB\n$/);
  const old = fresh('.img');
  expect((await disk('convert', '--snapshot', 'before', image, old)).code).toBe(0);
  expect([await read(image, 5), await read(old, 5)]).toEqual([2, 1]);
  expect((await disk('snapshot', 'apply', image, 'before')).code).toBe(0);
  expect(await read(image, 5)).toBe(1);
  expect((await disk('snapshot', 'delete', image, 'before')).code).toBe(0);
  const gone = await disk('snapshot', 'apply', image, 'before');
  expect(gone).toMatchObject({ code: 4 });
  expect(gone.err).toContain("there is no snapshot 'before'; there is none");
  expect((await disk('check', image)).out).toMatch(/^no faults; \d+ of 160 clusters hold data\n$/);
});

it('a disk is made larger, and smaller only when asked for', async () => {
  const image = fresh('.qcow2');
  await disk('create', image, '10M');
  await write(image, 20_000, 4);
  expect((await disk('resize', image, '+10M')).code).toBe(0);
  expect(await read(image, 20_000)).toBe(4);
  const smaller = await disk('resize', image, '5M');
  expect(smaller.code).toBe(1);
  expect(smaller.err).toContain('has 20 MiB: to cut it off to 5 MiB say --shrink');
  expect((await disk('resize', image, '5M', '--shrink')).code).toBe(0);
  await disk('resize', image, '20M');
  expect(await read(image, 20_000)).toBe(0);
});

it('a check finds wrong counts, and a repair makes them right', async () => {
  const image = fresh('.qcow2');
  await disk('create', image, '10M');
  await write(image, 5, 1);
  const bytes = readFileSync(image);
  const block = Number(bytes.readBigUInt64BE(Number(bytes.readBigUInt64BE(48))));
  bytes.fill(0, block, block + 16);
  writeFileSync(image, bytes);
  const found = await disk('check', image);
  expect(found.code).toBe(1);
  expect(found.err).toContain('cluster 0 is referred to 1 times and counted 0');
  expect((await disk('check', '--repair', image)).code).toBe(0);
  expect((await disk('check', '--json', image)).out).toContain('"corruptionCount": 0');
});

it('what cannot be is refused in one line, with the code that says why', async () => {
  const image = fresh('.qcow2');
  await disk('create', image, '10M');
  const cases: [string[], number, RegExp][] = [
    [['create', image, '10M'], 5, /exists already/],
    [['create', fresh('.img')], 2, /give a size such as 10G/],
    [['create', fresh('.img'), '10'], 2, /has no unit/],
    [['create', fresh('.img'), '10M', '-f', 'vdi'], 2, /raw, qcow2/],
    [['create', fresh('.qcow2'), '10M', '--cluster-size', '3K'], 1, /power of two/],
    [['create', fresh('.img'), '-f', 'raw', '-b', image], 2, /--backing is for qcow2/],
    [['info', fresh('.none')], 4, /there is no such image/],
    [['convert', image, image], 5, /exists already/],
    [['snapshot', 'ls', join(folder, '0.img')], 1, /is no qcow2 image/],
    [['resize', image, '1.0001K'], 2, /is no whole number of bytes|multiple of 512/],
  ];
  for (const [args, code, message] of cases) {
    const result = await disk(...args);
    expect(result.err).toMatch(message);
    expect(result.err.split('\n')).toHaveLength(2);
    expect(result.code).toBe(code);
  }
  const inUse = await openDiskImage(image);
  expect(await disk('snapshot', 'create', image, 'x')).toMatchObject({ code: 5 });
  await inUse.close();
});
