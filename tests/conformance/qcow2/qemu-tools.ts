// QEMU's disk tools, with which our images are compared: the host's own, or Debian's package with the libraries it needs.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { debianPackage } from '../../boot/debian-packages.js';

/** What the tools load beside the C library. */
const libraries = [
  ...[
    'libaio1',
    'liburing2',
    'libglib2.0-0',
    'libgnutls30',
    'libnettle8',
    'libhogweed6',
    'libgmp10',
  ],
  ...[
    'libidn2-0',
    'libunistring2',
    'libtasn1-6',
    'libp11-kit0',
    'libffi8',
    'libpcre2-8-0',
    'libnuma1',
  ],
  ...['libzstd1', 'zlib1g'],
];

interface Tools {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
}

let found: Tools | null = null;

function tools(): Tools {
  found ??= locate();
  return found;
}

function locate(): Tools {
  if (spawnSync('qemu-img', ['--version']).status === 0) return { folder: '', env: process.env };
  const folder = join(debianPackage('qemu-utils', 'amd64'), 'usr/bin');
  const paths = libraries.flatMap((name) => {
    const unpacked = debianPackage(name, 'amd64');
    return ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu'].map((path) => join(unpacked, path));
  });
  return { folder, env: { ...process.env, LD_LIBRARY_PATH: paths.join(':') } };
}

/** What a command printed. @throws Error with what it printed when it fails */
export function qemuTool(name: 'qemu-img' | 'qemu-io', ...args: readonly string[]): string {
  const { folder, env } = tools();
  return execFileSync(folder === '' ? name : join(folder, name), args, {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

export interface CheckReport {
  readonly corruptions: number;
  readonly leaks: number;
}

/** What `qemu-img check` finds. */
export function qemuCheck(path: string): CheckReport {
  const { folder, env } = tools();
  const args = ['check', '-f', 'qcow2', '--output=json', path];
  const { stdout, stderr } = spawnSync(
    folder === '' ? 'qemu-img' : join(folder, 'qemu-img'),
    args,
    {
      env,
      encoding: 'utf8',
    },
  );
  const start = stdout.indexOf('{');
  if (start < 0) throw new Error(`qemu-img check ${path}: ${stderr}`);
  const report = JSON.parse(stdout.slice(start)) as Record<string, number>;
  if ((report['check-errors'] ?? 0) > 0) throw new Error(`qemu-img check ${path}: ${stderr}`);
  return { corruptions: report.corruptions ?? 0, leaks: report.leaks ?? 0 };
}

/** A folder that goes away when the test file is done. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'qcow2-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
