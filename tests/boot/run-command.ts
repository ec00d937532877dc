// Runs the proxeny command as a user does: a process of its own with its own pipes.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assemble } from '@proxeny/vcpu-x86/asm';
import { root } from '../contracts/source-tree.js';

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandInput {
  /** What standard input holds; `open`: nothing, and no end. Default: nothing. */
  readonly input?: string | { readonly open: true };
  /** The process is killed after this time; its code is null then. Default: a minute. */
  readonly limitMs?: number;
  /** Told what has been printed so far, each time something was. */
  readonly onOutput?: (stdout: string, child: ChildProcess) => void;
}

/** Guests leave compiled code there, not in the cache folder of whoever runs the tests. */
const caches = mkdtempSync(join(tmpdir(), 'proxeny-cache-'));
process.on('exit', () => rmSync(caches, { recursive: true, force: true }));

/** The command as it is built. */
export function runCommand(
  args: readonly string[],
  options: CommandInput = {},
): Promise<CommandResult> {
  const main = join(root, 'packages/cli/dist/main.js');
  const child = spawn(process.execPath, [main, ...args], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, XDG_CACHE_HOME: caches },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('latin1').on('data', (text: string) => {
    stdout += text;
    // A second signal, while it ends, would be more than the test asked for.
    if (!child.killed) options.onOutput?.(stdout, child);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // The command may end before it has read everything.
  child.stdin.on('error', () => {});
  if (typeof options.input !== 'object') child.stdin.end(options.input ?? '');
  // No test leaves a process behind.
  const timer = setTimeout(() => child.kill('SIGKILL'), options.limitMs ?? 60_000);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, stdout, stderr });
    });
  });
}

const folder = join(root, 'tests/.cache/boot-guests');

/** Writes a file for a test; returns its path. */
export function writeTestFile(name: string, bytes: Uint8Array | string): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

const MULTIBOOT_MAGIC = 0x1badb002;
const ADDRESSES_VALID = 0x10000;

/** A Multiboot kernel of a few lines of 32-bit assembly text, without segments or stack of its own. */
export function smallKernel(code: string): Uint8Array {
  const checksum = -(MULTIBOOT_MAGIC + ADDRESSES_VALID) >>> 0;
  const header = `image: dd ${MULTIBOOT_MAGIC}, ${ADDRESSES_VALID}, ${checksum}, image, image, 0, 0, start`;
  return assemble(`${header}\nstart:\nmov esp, 0x200000\n${code}`, { bits: 32, origin: 0x100000 })
    .bytes;
}
