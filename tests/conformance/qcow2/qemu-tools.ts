// QEMU's disk tools, with which our images are compared: the host's own, or Debian's package with the libraries it needs.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DebianTool, debianTool } from '../../boot/debian-tools.js';

/** What the tools load beside the C library. */
export const libraries: readonly string[] = [
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

/** @param more packages of libraries that only this one needs */
export function qemuProgram(name: string, more: readonly string[] = []): DebianTool {
  return debianTool(name, 'qemu-utils', [...libraries, ...more]);
}

/** What a command printed. @throws Error with what it printed when it fails */
export function qemuTool(name: 'qemu-img' | 'qemu-io', ...args: readonly string[]): string {
  const { path: program, env } = qemuProgram(name);
  return execFileSync(program, args, {
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
  const { path: program, env } = qemuProgram('qemu-img');
  const args = ['check', '-f', 'qcow2', '--output=json', path];
  const { stdout, stderr } = spawnSync(program, args, { env, encoding: 'utf8' });
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
