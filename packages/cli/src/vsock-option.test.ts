import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CommandError } from './command-error.js';
import { openVsock } from './vsock-option.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vsock-option-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('--vsock', () => {
  it('listens at a path for a guest with an address', async () => {
    const path = join(folder, 'v');
    const first = await openVsock(path);
    expect(first.vsock?.guestCid).toBe(3);
    await expect(openVsock(`7:${path}`)).rejects.toThrow(/the path is in use; name another/);
    first.close();
    expect(existsSync(path)).toBe(false);
    const second = await openVsock(`7:${path}`);
    expect(second.vsock?.guestCid).toBe(7);
    second.close();
    expect((await openVsock(undefined)).vsock).toBeUndefined();
  });

  it.each([
    ['', /write it as PATH or CID:PATH/],
    ['2:/tmp/x', /a guest's address is 3 to 4294967294/],
    ['/none/such', /EACCES|ENOENT/],
    ['/tmp/'.padEnd(120, 'x'), /too long for a socket/],
  ])('refuses %j with what is wrong', async (text, message) => {
    await expect(openVsock(text)).rejects.toThrow(CommandError);
    await expect(openVsock(text)).rejects.toThrow(message);
  });

  it('never replaces a file', async () => {
    const path = join(folder, 'file');
    writeFileSync(path, '');
    await expect(openVsock(path)).rejects.toThrow(/the path is in use/);
  });
});
