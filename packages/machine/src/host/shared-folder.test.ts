import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileError, type FileNode, type OpenFile } from '@proxeny/virtio';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { IdRange } from './id-map.js';
import { SharedFolder } from './shared-folder.js';

const O_WRONLY = 1;
const EEXIST = 17;
const ENOENT = 2;
const EROFS = 30;
const ENOTDIR = 20;
const EOPNOTSUPP = 95;
const EINVAL = 22;
const EFBIG = 27;
const ESTALE = 116;
const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

let outside: string;
let folder: string;
let shared: SharedFolder;
let root: FileNode;

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

const text = (node: FileNode): string => {
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
    const made = root.create('new', O_WRONLY, 0o4755, owner);
    expect(made.file.write(3, new TextEncoder().encode('abc'))).toBe(3);
    expect(errnoOf(() => made.file.write(2 ** 60, Uint8Array.of(1)))).toBe(EFBIG);
    made.file.sync();
    made.file.close();
    expect(readFileSync(join(folder, 'new'), 'latin1')).toBe('\0\0\0abc');
    expect(statSync(join(folder, 'new')).mode & 0o7000).toBe(0);
    made.node.close();
    const dir = root.makeDirectory('dir', 0o755, owner);
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
    expect(errnoOf(() => root.create('out', O_WRONLY, 0o644, owner))).toBe(EEXIST);
    const mine = root.makeSymlink('mine', '/etc/passwd', owner);
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
    // The name that it was found by is something else: no second name of that.
    expect(errnoOf(() => root.link('second', file))).toBe(ESTALE);
    expect(existsSync(join(folder, 'second'))).toBe(false);
    const inner = sub.child('inner');
    expect(inner).toBe(file);
    root.link('second', file);
    expect(readFileSync(join(folder, 'second'), 'latin1')).toBe('hello');
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
      () => top.create('x', O_WRONLY, 0o644, owner),
      () => top.makeDirectory('x', 0o755, owner),
      () => top.makeSymlink('x', 'y', owner),
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
  it('is one node for one file, by whatever name, and gets further names by any of them', () => {
    const file = root.child('file');
    root.link('second', file);
    expect(root.child('second')).toBe(file);
    root.remove('file', false);
    root.link('third', file);
    const sub = root.child('sub');
    root.rename('third', sub, 'moved');
    root.remove('second', false);
    root.link('fourth', file);
    sub.link('fifth', file);
    expect(statSync(join(folder, 'sub/fifth')).nlink).toBe(3);
    for (const node of [file, file, sub]) node.close();
  });

  it('is let go when folders were turned round behind its back', () => {
    const descriptors = readdirSync('/proc/self/fd').length;
    const upper = root.makeDirectory('upper', 0o755, owner);
    const lower = upper.makeDirectory('lower', 0o755, owner);
    renameSync(join(folder, 'upper/lower'), join(folder, 'lower'));
    renameSync(join(folder, 'upper'), join(folder, 'lower/upper'));
    expect(lower.child('upper')).toBe(upper);
    for (const node of [upper, upper, lower]) node.close();
    expect(readdirSync('/proc/self/fd').length).toBe(descriptors);
  });

  it('of open files has a limit', () => {
    const file = root.child('file');
    const open: OpenFile[] = [];
    const openAll = (): void => {
      for (let i = 0; i < 20_000; i++) open.push(file.open(0));
    };
    expect(openAll).toThrow(FileError);
    expect(open.length).toBeGreaterThan(100);
    expect(open.length).toBeLessThan(8192);
    for (const each of open.splice(0)) each.close();
    file.open(0).close();
    file.close();
  });

  it('may be more files than are open, which are found again; those without a name stay open', () => {
    const nodes: FileNode[] = [];
    for (let i = 0; i < 40; i++) {
      root.makeDirectory(`dir ${i}`, 0o755, owner).close();
      const dir = root.child(`dir ${i}`);
      nodes.push(dir);
      for (let j = 0; j < 60; j++) {
        const { node, file } = dir.create(`file ${j}`, O_WRONLY, 0o644, owner);
        file.write(0, new TextEncoder().encode(`${i} ${j}`));
        file.close();
        nodes.push(node);
      }
    }
    const descriptors = readdirSync('/proc/self/fd').length;
    expect(descriptors).toBeLessThan(2500);
    const [first, firstFile] = nodes;
    root.rename('dir 0', root, 'renamed');
    first.remove('file 0', false);
    expect(text(firstFile)).toBe('0 0');
    expect(nodes.map((node) => node.attributes().inode).length).toBe(nodes.length);
    for (let i = 1; i < 60; i++) expect(text(nodes[1 + i])).toBe(`0 ${i}`);
    // By whom ever else a file is replaced, it is not what it was.
    rmSync(join(folder, 'dir 39/file 59'));
    writeFileSync(join(folder, 'dir 39/other'), 'other');
    renameSync(join(folder, 'dir 39/other'), join(folder, 'dir 39/file 59'));
    for (const node of nodes.slice(0, -1)) node.attributes();
    expect(errnoOf(() => nodes.at(-1)?.attributes())).toBe(ESTALE);
    for (const node of nodes) node.close();
    expect(readdirSync('/proc/self/fd').length).toBeLessThan(descriptors - 1900);
  });
});

describe('users of a shared folder', () => {
  it('are those of the map, and whoever is not in it is 65534', () => {
    const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
    const own = (host: number): IdRange[] => [{ host, guest: 7, count: 1 }];
    const other = new SharedFolder(folder, { users: own(uid), groups: own(gid) });
    const top = other.root();
    const made = top.create('made', O_WRONLY, 0o666, { uid: 7, gid: 7 });
    expect([made.node.attributes().uid, made.node.attributes().gid]).toEqual([7n, 7n]);
    expect(statSync(join(folder, 'made')).uid).toBe(uid);
    // What the guest masked is not masked again.
    expect(statSync(join(folder, 'made')).mode & 0o777).toBe(0o666);
    made.node.change({ uid: 7, gid: 7 });
    expect(errnoOf(() => made.node.change({ uid: 8 }))).toBe(EINVAL);
    const strangers = new SharedFolder(folder, { users: own(uid + 1) });
    const strange = strangers.root();
    expect(strange.attributes().uid).toBe(65534n);
    expect(() => new SharedFolder(folder, { users: [...own(1), ...own(2)] })).toThrow(/overlaps/);
    expect(() => new SharedFolder(folder, { users: own(-1) })).toThrow(/no range/);
    made.file.close();
    for (const each of [made.node, top, other, strange, strangers]) each.close();
  });

  it('have what they make, if we may give it away', () => {
    const theirs = { uid: 1234, gid: 5678 };
    const made = [
      root.makeDirectory('dir', 0o755, theirs),
      root.makeSymlink('link', '../secret', theirs),
    ];
    const ids = made.map((node) => [node.attributes().uid, node.attributes().gid].map(Number));
    const { uid, gid } = process.geteuid?.() === 0 ? theirs : owner;
    expect(ids).toEqual([
      [uid, gid],
      [uid, gid],
    ]);
    expect(statSync(join(outside, 'secret')).uid).toBe(owner.uid);
    for (const node of made) node.close();
  });

  it('get a symbolic link of their own to change', () => {
    const link = root.makeSymlink('link', '../secret', owner);
    link.change({ mtime: 1000, uid: owner.uid });
    expect(lstatSync(join(folder, 'link')).mtimeMs).toBe(1_000_000);
    expect(statSync(join(outside, 'secret')).mtimeMs).not.toBe(1_000_000);
    link.close();
  });
});
