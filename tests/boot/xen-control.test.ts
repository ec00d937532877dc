// Questions to a paravirtual guest that runs in another process: its xenstore and the hypervisor's messages.
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { debianPackage } from './debian-packages.js';
import { type CommandResult, runCommand } from './run-command.js';

const image = join(debianPackage('grub-xen-host', 'amd64'), 'usr/lib/grub-xen/grub-x86_64-xen.bin');
const run = ['run', image, '--type', 'pv', '--memory', '64M', '--name', 'grub'];
const folder = mkdtempSync(join(tmpdir(), 'pxb-'));
let guest: ChildProcess;
let ended: Promise<CommandResult>;

beforeAll(async () => {
  vi.stubEnv('PROXENY_RUNTIME_DIR', folder);
  await new Promise<void>((resolve, reject) => {
    ended = runCommand(run, {
      input: { open: true },
      limitMs: 600_000,
      onOutput: (stdout, child) => {
        guest = child;
        if (stdout.includes('grub>')) resolve();
      },
    });
    ended.then(({ stderr }) => reject(new Error(stderr)), reject);
  });
}, 60_000);
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

describe('a guest that runs', () => {
  it('has its home in the store, which xs shows and changes', async () => {
    const read = await runCommand(['xs', 'read', '/local/domain/1/name', '/local/domain/1/domid']);
    expect(read).toMatchObject({ code: 0, stdout: 'grub\n1\n', stderr: '' });
    const write = await runCommand(['xs', 'write', '/local/domain/1/data/note', 'hello']);
    expect(write).toMatchObject({ code: 0, stdout: '', stderr: '' });
    const list = await runCommand(['xs', 'ls', '-fp', '/local/domain/1/data']);
    expect(list.stdout).toBe('/local/domain/1/data/note = "hello"   (n1)\n');
  });

  it('is named in the messages of the hypervisor', async () => {
    const { code, stdout } = await runCommand(['dmesg', '--machine', 'grub']);
    expect(code).toBe(0);
    expect(stdout).toBe('(XEN) domain 1 (grub): grub-x86_64-xen.bin, 64 MiB, 1 vCPU\n');
  });

  it('keeps its name to itself', async () => {
    const second = await runCommand(run);
    expect(second).toMatchObject({ code: 5, stdout: '' });
    expect(second.stderr).toMatch(
      /^proxeny: a machine 'grub' runs already; choose another name\n$/,
    );
  });

  it('is not found any more once it has ended', async () => {
    guest.kill('SIGTERM');
    expect((await ended).code).toBe(143);
    expect(readdirSync(folder)).toEqual([]);
    const { code, stderr } = await runCommand(['xs', 'ls']);
    expect([code, stderr]).toEqual([4, 'proxeny: no machine runs\n']);
  });
});
