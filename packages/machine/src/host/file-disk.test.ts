import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { blockBackendContract } from '../storage/block-backend.contract.js';
import { FileDisk } from './file-disk.js';

const folder = mkdtempSync(join(tmpdir(), 'file-disk-'));
afterAll(() => rmSync(folder, { recursive: true }));

let count = 0;
function image(contents: Uint8Array | number): string {
  const path = join(folder, `disk-${count++}.img`);
  writeFileSync(path, typeof contents === 'number' ? new Uint8Array(contents) : contents);
  return path;
}

blockBackendContract('a raw file', async (contents, options) =>
  FileDisk.open(image(contents), options),
);

it('a raw file holds what was written after it is closed', async () => {
  const path = image(8192);
  const disk = await FileDisk.open(path);
  await disk.write(2, new Uint8Array(512).fill(7));
  await disk.close();
  const bytes = readFileSync(path);
  expect(bytes.subarray(1024, 1536).every((byte) => byte === 7)).toBe(true);
  expect(bytes.byteLength).toBe(8192);
});

it('an image that is written is locked for others, under every name, until it is closed', async () => {
  const path = image(4096);
  const link = `${path}.link`;
  symlinkSync(path, link);
  const disk = await FileDisk.open(path);
  await expect(FileDisk.open(link)).rejects.toMatchObject({ kind: 'locked' });
  await expect(FileDisk.open(path, { isReadOnly: true })).rejects.toThrow(/another machine/);
  await disk.close();
  await (await FileDisk.open(link)).close();
});

it('an image is open to many readers', async () => {
  const path = image(4096);
  const readers = await Promise.all([1, 2, 3].map(() => FileDisk.open(path, { isReadOnly: true })));
  expect(readers.map((disk) => disk.sectorCount)).toEqual([8, 8, 8]);
  for (const disk of readers) await disk.close();
});

it("a process' lock ends when it is killed", async () => {
  const path = image(4096);
  const { dev, ino } = statSync(path);
  const child = spawn(process.execPath, [
    '-e',
    `require('node:net').createServer().listen('\\0proxeny/image/${dev}:${ino}', () => console.log('locked'))`,
  ]);
  await new Promise((resolve) => child.stdout.once('data', resolve));
  await expect(FileDisk.open(path)).rejects.toMatchObject({ kind: 'locked' });
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  await (await FileDisk.open(path)).close();
});

it('what is no image is refused with its path and a reason', async () => {
  await expect(FileDisk.open(join(folder, 'none'))).rejects.toMatchObject({ kind: 'not-found' });
  await expect(FileDisk.open(folder, { isReadOnly: true })).rejects.toMatchObject({
    kind: 'bad-image',
  });
  await expect(FileDisk.open(image(1000))).rejects.toThrow(/1000 bytes are not whole sectors/);
});

it('an image that was cut short behind our back gives an error for the rest', async () => {
  const path = image(8192);
  const disk = await FileDisk.open(path);
  writeFileSync(path, new Uint8Array(4096));
  const target = new Uint8Array(1024);
  await expect(disk.read(7, target)).rejects.toMatchObject({ kind: 'io' });
  await disk.close();
});

/** Whether this host can punch holes in files of the temporary folder. */
function canPunch(): boolean {
  const path = image(1 << 17);
  try {
    execFileSync('fallocate', ['--punch-hole', '--offset', '0', '--length', '131072', path], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}

it('a discard gives the blocks back to the host where it can', async () => {
  const path = image(new Uint8Array(1 << 20).fill(1));
  const disk = await FileDisk.open(path);
  const before = statSync(path).blocks;
  await disk.discard(8, 2000);
  await disk.flush();
  const after = statSync(path).blocks;
  if (canPunch()) expect(after).toBeLessThan(before - 1900);
  else expect(after).toBe(before);
  expect(statSync(path).size).toBe(1 << 20);
  await disk.close();
});
