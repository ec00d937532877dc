// Our NBD client against the servers that others use: nbdkit and qemu-nbd.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { openDiskImage } from '@proxeny/machine';
import { afterEach, expect, it } from 'vitest';
import { blockBackendContract } from '../../../packages/machine/src/storage/block-backend.contract.js';
import { pattern } from '../../../packages/machine/src/storage/qcow2/testing-disk-steps.contract.js';
import { firstDifference } from '../../../packages/machine/src/storage/testing/difference.js';
import { type DebianTool, debianTool } from '../../boot/debian-tools.js';
import {
  libraries,
  qemuCheck,
  qemuProgram,
  qemuTool,
  temporaryFolder,
} from '../qcow2/qemu-tools.js';

const folder = temporaryFolder();
const running: ChildProcess[] = [];
afterEach(stopServers);

async function stopServers(): Promise<void> {
  for (const child of running.splice(0)) {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill();
    if (child.exitCode === null) await ended;
  }
}

let count = 0;

/** Starts a server that listens on a socket. @returns its address */
async function serve(tool: DebianTool, args: (socket: string) => string[]): Promise<string> {
  const socket = join(folder, `${count++}.sock`);
  const child = spawn(tool.path, args(socket), {
    env: tool.env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  running.push(child);
  let complaint = '';
  child.stderr?.on('data', (text) => {
    complaint += text;
  });
  const state = async (): Promise<string> => ((await answers(socket)) ? 'up' : complaint);
  await expect.poll(state, { timeout: 20_000 }).toBe('up');
  return `nbd+unix:///?socket=${encodeURIComponent(socket)}`;
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = createConnection(socket);
    connection.once('error', () => resolve(false));
    connection.once('connect', () => {
      connection.destroy();
      resolve(true);
    });
  });
}

function nbdkit(image: string, ...options: string[]): Promise<string> {
  const tool = debianTool('nbdkit', 'nbdkit', [...libraries, 'libselinux1']);
  const folderOf = (kind: string): string =>
    tool.root === '' ? '' : join(tool.root, 'usr/lib/x86_64-linux-gnu/nbdkit', kind, 'nbdkit-');
  const part = (kind: string, name: string): string =>
    tool.root === '' ? name : `${folderOf(`${kind}s`)}${name}-${kind}.so`;
  const filters = options.map((name) => `--filter=${part('filter', name)}`);
  return serve(tool, (socket) => {
    return ['--foreground', '-U', socket, ...filters, part('plugin', 'file'), image];
  });
}

function image(contents: Uint8Array): string {
  const path = join(folder, `${count++}.img`);
  writeFileSync(path, contents);
  return path;
}

blockBackendContract('an export of nbdkit', async (contents, { isReadOnly }) => {
  return openDiskImage(await nbdkit(image(contents)), { isReadOnly });
});

it('what is written to nbdkit and flushed is in its file', async () => {
  const path = image(new Uint8Array(4 << 20));
  const disk = await openDiskImage(await nbdkit(path, 'noextents'));
  const source = pattern(6000, 3);
  await disk.write(1000, source);
  await disk.flush();
  await disk.writeZeroes(2000, 100);
  await disk.close();
  source.fill(0, 1000 * 512, 1100 * 512);
  const expected = new Uint8Array(4 << 20);
  expected.set(source, 1000 * 512);
  expect(firstDifference(readFileSync(path), expected)).toBe(-1);
});

it('qemu-nbd serves a qcow2 image as a disk, and as a file in which we keep a disk', async () => {
  const tool = qemuProgram('qemu-nbd', ['libfuse3-3', 'libselinux1']);
  const path = join(folder, 'served.qcow2');
  qemuTool('qemu-img', 'create', '-q', '-f', 'qcow2', path, '8M');
  const asDisk = await serve(tool, (socket) => ['-t', '-f', 'qcow2', '-k', socket, path]);
  const disk = await openDiskImage(asDisk);
  await disk.write(100, pattern(5000, 1));
  await disk.discard(200, 2000);
  await disk.flush();
  const bytes = new Uint8Array(disk.sectorCount * 512);
  await disk.read(0, bytes);
  await disk.close();
  await stopServers();
  expect(qemuCheck(path).corruptions).toBe(0);

  // The image's file has room to grow only as far as the export does.
  const grown = image(new Uint8Array(0));
  writeFileSync(grown, readFileSync(path));
  qemuTool('qemu-img', 'resize', '-q', '-f', 'raw', grown, '16M');
  const asFile = await serve(tool, (socket) => ['-t', '-f', 'raw', '-k', socket, grown]);
  const inside = await openDiskImage(asFile, { format: 'qcow2' });
  const seen = new Uint8Array(inside.sectorCount * 512);
  await inside.read(0, seen);
  expect(firstDifference(seen, bytes)).toBe(-1);
  await inside.write(10_000, pattern(1000, 2));
  await inside.close();
  await stopServers();
  expect(qemuCheck(grown)).toEqual({ corruptions: 0, leaks: 0 });
});
