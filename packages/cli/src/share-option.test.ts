import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CommandError } from './command-error.js';
import { openShares } from './share-option.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'share-option-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('--share', () => {
  it('opens folders under their tags', () => {
    const { shares, close } = openShares([`${folder}:host`, `${folder}:data,ro`]);
    expect(shares.map(({ tag }) => tag)).toEqual(['host', 'data']);
    const root = shares[1].files.root();
    expect(() => root.makeDirectory('x', 0o755, { uid: 0, gid: 0 })).toThrow(/read-only/);
    root.close();
    close();
  });

  it('takes a protocol, and users', () => {
    const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
    const ids = `uid=${uid}:7,gid=${gid}:100:50`;
    const { shares, close } = openShares([`${folder}:one,fs=virtiofs`, `${folder}:two,${ids}`]);
    expect(shares.map(({ protocol }) => protocol)).toEqual(['virtiofs', '9p']);
    const root = shares[1].files.root();
    expect([root.attributes().uid, root.attributes().gid]).toEqual([7n, 100n]);
    root.close();
    close();
  });

  it.each([
    ['folder', /write it as FOLDER:TAG/],
    [':tag', /write it as FOLDER:TAG/],
    [`.:${'é'.repeat(16)}`, /a tag has at most 31 bytes/],
    ['/none/such:tag', /no such file or directory/],
    ['/dev/null:tag', /not a directory/],
    ['.:tag,rw', /'rw' is not known; use ro, fs=9p\|virtiofs, uid=/],
    ['.:tag,fs=nfs', /'fs=nfs' is not known/],
    ['.:tag,uid=1000', /'uid=1000' is not known; write uid=1000:0/],
    ['.:tag,uid=0:5000000000', /0:5000000000:1 is no range of users/],
    ['.:tag,gid=0:0:10,gid=5:20', /5:20:1 overlaps another range/],
  ])('refuses %s with what is wrong', (text, message) => {
    const open = () => openShares([text]);
    expect(open).toThrow(CommandError);
    expect(open).toThrow(message);
  });

  it('refuses one tag for two folders', () => {
    expect(() => openShares([`${folder}:a`, `${folder}:a,ro`])).toThrow(/a is another folder/);
  });
});
