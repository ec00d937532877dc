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

  it.each([
    ['folder', /write it as FOLDER:TAG/],
    [':tag', /write it as FOLDER:TAG/],
    ['/none/such:tag', /no such file or directory/],
    ['/dev/null:tag', /not a directory/],
    ['.:tag,rw', /'rw' is not known; use ro/],
  ])('refuses %s with what is wrong', (text, message) => {
    const open = () => openShares([text]);
    expect(open).toThrow(CommandError);
    expect(open).toThrow(message);
  });

  it('refuses one tag for two folders', () => {
    expect(() => openShares([`${folder}:a`, `${folder}:a,ro`])).toThrow(/a is another folder/);
  });
});
