import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { P9Error, type P9Node } from '@proxeny/virtio';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SharedFolder } from './shared-folder.js';

const O_WRONLY = 1;
const EEXIST = 17;
const ENOENT = 2;
const EROFS = 30;
const ENOTDIR = 20;
const EOPNOTSUPP = 95;

let outside: string;
let folder: string;
let shared: SharedFolder;
let root: P9Node;

beforeEach(() => {
  outside = mkdtempSync(join(tmpdir(), 'shared-folder-'));
  folder = join(outside, 'shared');
  mkdirSync(join(folder, 'sub'), { recursive: true });
  writeFileSync(join(outside, 'secret'), 'not for guests');
  writeFileSync(join(folder, 'file'), 'hello');
  shared = new SharedFolder(folder);
  root = shared.root();
});

afterEach(() => {
  root.close();
  shared.close();
  rmSync(outside, { recursive: true });
});

const errnoOf = (what: () => unknown): number | undefined => {
  try {
    what();
  } catch (error) {
    return (error as { errno?: number }).errno;
  }
  return undefined;
};

const text = (node: P9Node): string => {
  const file = node.open(0);
  const target = new Uint8Array(100);
  const count = file.read(0, target);
  file.close();
  return new TextDecoder().decode(target.subarray(0, count));
};

describe('a shared folder', () => {
  it('shows and changes files', () => {
    const file = root.child('file');
    expect(text(file)).toBe('hello');
    expect(file.attributes().size).toBe(5n);
    file.change({ size: 2, mode: 0o4640, mtime: 1000 });
    const { size, mode, mtimeMs } = statSync(join(folder, 'file'));
    expect([size, mode & 0o7777, mtimeMs]).toEqual([2, 0o640, 1_000_000]);
    const made = root.create('new', O_WRONLY, 0o4755);
    expect(made.file.write(3, new TextEncoder().encode('abc'))).toBe(3);
    made.file.sync();
    made.file.close();
    expect(readFileSync(join(folder, 'new'), 'latin1')).toBe('\0\0\0abc');
    expect(statSync(join(folder, 'new')).mode & 0o7000).toBe(0);
    made.node.close();
    root.makeDirectory('dir', 0o755);
    const dir = root.child('dir');
    root.rename('new', dir, 'moved');
    root.link('second', file);
    expect(statSync(join(folder, 'second')).nlink).toBe(2);
    expect(dir.list().map(({ name, type }) => [name, type])).toEqual([['moved', 8]]);
    expect(errnoOf(() => root.remove('dir', true))).toBe(39);
    dir.remove('moved', false);
    root.remove('dir', true);
    expect(existsSync(join(folder, 'dir'))).toBe(false);
    expect(root.volume().blocks).toBeGreaterThan(0n);
    for (const node of [file, dir]) node.close();
  });

  it('never follows a symbolic link: it is the guest that does', () => {
    symlinkSync('../secret', join(folder, 'out'));
    symlinkSync('/', join(folder, 'top'));
    const out = root.child('out');
    expect(out.readLink()).toBe('../secret');
    expect(errnoOf(() => out.open(0))).toBe(EOPNOTSUPP);
    expect(errnoOf(() => out.change({ mode: 0o777 }))).toBe(EOPNOTSUPP);
    expect(errnoOf(() => out.child('x'))).not.toBeUndefined();
    const top = root.child('top');
    expect(errnoOf(() => top.child('etc'))).toBe(ENOTDIR);
    expect(errnoOf(() => root.create('out', O_WRONLY, 0o644))).toBe(EEXIST);
    root.makeSymlink('mine', '/etc/passwd');
    const mine = root.child('mine');
    expect(mine.readLink()).toBe('/etc/passwd');
    root.remove('out', false);
    expect(readFileSync(join(outside, 'secret'), 'latin1')).toBe('not for guests');
    for (const node of [out, top, mine]) node.close();
  });

  it('stays with the file it found, whatever takes its name', () => {
    const sub = root.child('sub');
    const file = root.child('file');
    renameSync(join(folder, 'sub'), join(folder, 'gone'));
    symlinkSync(outside, join(folder, 'sub'));
    renameSync(join(folder, 'file'), join(folder, 'gone', 'inner'));
    symlinkSync('../secret', join(folder, 'file'));
    expect(text(file)).toBe('hello');
    expect(errnoOf(() => sub.child('secret'))).toBe(ENOENT);
    const inner = sub.child('inner');
    expect(text(inner)).toBe('hello');
    // The name that it was found by is something else: no second name of that.
    expect(errnoOf(() => root.link('second', file))).not.toBeUndefined();
    expect(existsSync(join(folder, 'second'))).toBe(false);
    for (const node of [sub, file, inner]) node.close();
  });

  it('opens regular files only', () => {
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    const pipe = root.child('pipe');
    expect(errnoOf(() => pipe.open(0))).toBe(EOPNOTSUPP);
    pipe.close();
  });

  it('read-only, refuses every change', () => {
    const other = new SharedFolder(folder, { isReadOnly: true });
    const top = other.root();
    const file = top.child('file');
    for (const change of [
      () => file.open(O_WRONLY),
      () => file.change({ mode: 0o777 }),
      () => top.create('x', O_WRONLY, 0o644),
      () => top.makeDirectory('x', 0o755),
      () => top.makeSymlink('x', 'y'),
      () => top.link('x', file),
      () => top.rename('file', top, 'x'),
      () => top.remove('file', false),
    ])
      expect(errnoOf(change)).toBe(EROFS);
    expect(text(file)).toBe('hello');
    for (const each of [file, top, other]) each.close();
  });

  it('cannot be what is no folder', () => {
    expect(() => new SharedFolder(join(folder, 'file'))).toThrow(/ENOTDIR/);
    expect(() => new SharedFolder(join(folder, 'none'))).toThrow(/ENOENT/);
  });
});

describe('what a guest holds of it', () => {
  it('has a limit, and is let go however much it is', () => {
    const held: P9Node[] = [];
    const holdAll = (): void => {
      for (let i = 0; i < 20_000; i++) held.push(root.child('file'));
    };
    expect(holdAll).toThrow(P9Error);
    expect(held.length).toBeGreaterThan(100);
    expect(held.length).toBeLessThan(8192);
    for (const node of held.splice(0)) node.close();
    root.child('file').close();
  });
});
