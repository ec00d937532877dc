import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { deviceContract } from '../device/device.contract.js';
import { MessageReader } from '../files/message.js';
import * as E from '../spec/errno.js';
import * as F from '../spec/fuse.js';
import { MemoryNode, MemoryTree } from '../testing/memory-tree.js';
import { type Part, packParts, terminated } from '../testing/message-parts.js';
import { MockDriver } from '../testing/mock-driver.js';
import { FsDevice } from './fs-device.js';
import { FuseServer } from './fuse-server.js';

const make = () => new FsDevice({ tag: 'host', files: new MemoryTree() });
deviceContract('a file system', make);

const ROOT = F.FUSE_ROOT_ID;
const UNIQUE = 0x1234_5678_9abc;
const u32 = (...values: readonly number[]): Part[] => values.map((value) => [value, 4]);
const u64 = (...values: readonly number[]): Part[] => values.map((value) => [value, 8]);

let tree: MemoryTree;
let server: FuseServer;

function request(opcode: number, node: number, parts: readonly Part[]): Uint8Array {
  const body = packParts(parts);
  const length = F.FUSE_IN_HEADER_BYTES + body.length;
  return packParts([...u32(length, opcode), ...u64(UNIQUE, node), ...u32(0, 0, 0, 0), body]);
}

/** The error, and a reader behind the header. */
function ask(opcode: number, node: number, ...parts: readonly Part[]): [number, MessageReader] {
  const answer = new Uint8Array(8192);
  const byteLength = server.handle(request(opcode, node, parts), answer);
  const reader = new MessageReader(answer.subarray(0, byteLength), 0);
  expect(reader.u32()).toBe(byteLength);
  const errno = 0 - (reader.u32() | 0);
  expect(reader.u64()).toBe(UNIQUE);
  if (errno !== 0) expect(byteLength).toBe(F.FUSE_OUT_HEADER_BYTES);
  return [errno, reader];
}

const errnoOf = (...asked: Parameters<typeof ask>): number => ask(...asked)[0];
const answerOf = (...asked: Parameters<typeof ask>): MessageReader => {
  const [errno, reader] = ask(...asked);
  expect(errno).toBe(0);
  return reader;
};

const init = (minor = 36, flags = 0xffff_ffff): MessageReader =>
  answerOf(F.FUSE_INIT, 0, ...u32(7, minor, 65536, flags));
const lookup = (name: string, directory = ROOT): number =>
  answerOf(F.FUSE_LOOKUP, directory, terminated(name)).u64();
const forget = (node: number, lookups: number): void => {
  expect(server.handle(request(F.FUSE_FORGET, node, u64(lookups)), new Uint8Array(99))).toBe(0);
};
const open = (node: number): number => answerOf(F.FUSE_OPEN, node, ...u32(2, 0)).u64();
const readParts = (handle: number, offset: number, size: number): Part[] => [
  ...u64(handle, offset),
  ...u32(size, 0, 0, 0, 0, 0),
];
const textOf = (reader: MessageReader, count: number): string =>
  new TextDecoder().decode(reader.bytes(count));

beforeEach(() => {
  tree = new MemoryTree();
  server = new FuseServer(tree);
  const file = tree.top.add('file', new MemoryNode('file'));
  file.bytes = new TextEncoder().encode('contents');
  const dir = tree.top.add('dir', new MemoryNode('directory'));
  for (let i = 0; i < 100; i++) dir.add(`entry ${i}`, new MemoryNode('file'));
  init();
});

describe('a FUSE server', () => {
  it('agrees on a version and on what it can do, and starts anew with each', () => {
    lookup('file');
    const reader = init(38, F.FUSE_DO_READDIRPLUS | F.FUSE_MAX_PAGES | (1 << 16));
    expect([reader.u32(), reader.u32(), reader.u32()]).toEqual([7, 31, 65536]);
    expect(reader.u32()).toBe(F.FUSE_DO_READDIRPLUS | F.FUSE_MAX_PAGES);
    reader.skip(4);
    expect([reader.u32(), reader.u32(), reader.u16()]).toEqual([256 * 1024, 1, 64]);
    expect(tree.top.children.get('file')?.users).toBe(0);
    expect(errnoOf(F.FUSE_INIT, 0, ...u32(7, 30, 0, 0))).toBe(E.EPROTO);
    expect(errnoOf(F.FUSE_INIT, 0, ...u32(6, 40, 0, 0))).toBe(E.EPROTO);
    expect(errnoOf(F.FUSE_DESTROY, 0)).toBe(0);
    expect(tree.top.users).toBe(0);
    expect(errnoOf(F.FUSE_LOOKUP, ROOT, terminated('file'))).toBe(E.ESTALE);
  });

  it('counts what the client knows, and forgets it', () => {
    const file = tree.top.children.get('file');
    const node = lookup('file');
    expect(lookup('file')).toBe(node);
    expect(file?.users).toBe(1);
    forget(node, 1);
    expect(errnoOf(F.FUSE_GETATTR, node, ...u32(0, 0), ...u64(0))).toBe(0);
    const list = [...u32(3, 0), ...u64(node, 1, ROOT, 99, 77, 1)];
    expect(server.handle(request(F.FUSE_BATCH_FORGET, 0, list), new Uint8Array(99))).toBe(0);
    expect(file?.users).toBe(0);
    expect(errnoOf(F.FUSE_GETATTR, node)).toBe(E.ESTALE);
    // The same number, and another file.
    const first = answerOf(F.FUSE_LOOKUP, ROOT, terminated('dir'));
    expect(first.u64()).toBe(node);
    expect(first.u64()).toBeGreaterThan(1);
    forget(ROOT, 1e9);
    expect(lookup('file')).not.toBe(node);
  });

  it('opens, reads and writes', () => {
    const handle = open(lookup('file'));
    const reader = answerOf(F.FUSE_READ, ROOT, ...readParts(handle, 3, 100));
    expect(textOf(reader, 5)).toBe('tents');
    const added = new TextEncoder().encode(' and more');
    const write = [...readParts(handle, 8, added.length), added];
    expect(answerOf(F.FUSE_WRITE, ROOT, ...write).u32()).toBe(9);
    expect(errnoOf(F.FUSE_WRITE, ROOT, ...readParts(handle, 0, 9))).toBe(E.EINVAL);
    for (const opcode of [F.FUSE_FLUSH, F.FUSE_FSYNC, F.FUSE_FSYNCDIR])
      expect(errnoOf(opcode, ROOT, ...u64(handle, 0, 0))).toBe(0);
    const file = tree.top.children.get('file');
    expect(new TextDecoder().decode(file?.bytes)).toBe('contents and more');
    forget(2, 1);
    expect(file?.users).toBe(1);
    expect(errnoOf(F.FUSE_RELEASE, ROOT, ...u64(handle, 0, 0))).toBe(0);
    expect([file?.users, file?.openFiles]).toEqual([0, 0]);
    expect(errnoOf(F.FUSE_READ, ROOT, ...readParts(handle, 0, 1))).toBe(E.EBADF);
  });

  it('makes files, directories and links, renames and removes them', () => {
    const created = answerOf(F.FUSE_CREATE, ROOT, ...u32(1, 0o644, 0, 0), terminated('new'));
    const node = created.u64();
    created.skip(120);
    const handle = created.u64();
    const write = [...readParts(handle, 0, 1), Uint8Array.of(65)];
    expect(answerOf(F.FUSE_WRITE, node, ...write).u32()).toBe(1);
    const made = answerOf(F.FUSE_MKDIR, ROOT, ...u32(0o755, 0), terminated('made')).u64();
    const linked = [terminated('sym'), terminated('../up')];
    const sym = answerOf(F.FUSE_SYMLINK, ROOT, ...linked).u64();
    expect(textOf(answerOf(F.FUSE_READLINK, sym), 5)).toBe('../up');
    expect(answerOf(F.FUSE_LINK, ROOT, ...u64(node), terminated('second')).u64()).toBe(node);
    const names = [terminated('new'), terminated('moved')];
    expect(errnoOf(F.FUSE_RENAME2, ROOT, ...u64(made), ...u32(1, 0), ...names)).toBe(E.EINVAL);
    expect(errnoOf(F.FUSE_RENAME2, ROOT, ...u64(made), ...u32(0, 0), ...names)).toBe(0);
    const back = [terminated('moved'), terminated('back')];
    expect(errnoOf(F.FUSE_RENAME, made, ...u64(ROOT), ...back)).toBe(0);
    expect(errnoOf(F.FUSE_UNLINK, ROOT, terminated('second'))).toBe(0);
    const mknod = (mode: number) =>
      errnoOf(F.FUSE_MKNOD, made, ...u32(mode, 0, 0, 0), terminated('plain'));
    expect([mknod(0o010644), mknod(0o100644), mknod(0o100644)]).toEqual([
      E.EOPNOTSUPP,
      0,
      E.EEXIST,
    ]);
    expect([...tree.top.children.keys()]).toEqual(['file', 'dir', 'made', 'sym', 'back']);
    expect([...(tree.top.children.get('made')?.children.keys() ?? [])]).toEqual(['plain']);
    expect(errnoOf(F.FUSE_RMDIR, made, terminated('none'))).toBe(E.ENOENT);
  });

  it.each([F.FUSE_READDIR, F.FUSE_READDIRPLUS])(
    'lists a directory in pieces, each entry once (%i)',
    (opcode) => {
      const isPlus = opcode === F.FUSE_READDIRPLUS;
      const dir = lookup('dir');
      const handle = answerOf(F.FUSE_OPENDIR, dir, ...u32(0, 0)).u64();
      const names: string[] = [];
      const nodes: number[] = [];
      for (let offset = 0, isMore = true; isMore; ) {
        const answer = new Uint8Array(8192);
        const asked = request(opcode, dir, readParts(handle, offset, 1000));
        const end = server.handle(asked, answer);
        expect(end).toBeLessThanOrEqual(1016);
        isMore = end > F.FUSE_OUT_HEADER_BYTES;
        const reader = new MessageReader(answer.subarray(0, end), F.FUSE_OUT_HEADER_BYTES);
        for (let at = F.FUSE_OUT_HEADER_BYTES; at < end; ) {
          if (isPlus) {
            nodes.push(reader.u64());
            reader.skip(120);
          }
          reader.skip(8);
          offset = reader.u64();
          const byteLength = reader.u32();
          expect(reader.u32()).toBe(names.length < 2 ? 4 : 8);
          names.push(textOf(reader, byteLength));
          reader.skip(-byteLength & 7);
          at += ((24 + byteLength + 7) & ~7) + (isPlus ? 128 : 0);
        }
      }
      expect(names).toEqual(['.', '..', ...Array.from({ length: 100 }, (_, i) => `entry ${i}`)]);
      const entries = [...(tree.top.children.get('dir')?.children.values() ?? [])];
      expect(entries.filter(({ users }) => users === 1).length).toBe(isPlus ? 100 : 0);
      expect(nodes.filter((id) => id === 0).length).toBe(isPlus ? 2 : 0);
      expect(errnoOf(F.FUSE_READ, dir, ...readParts(handle, 0, 1))).toBe(E.EBADF);
      expect(errnoOf(F.FUSE_RELEASEDIR, dir, ...u64(handle, 0, 0))).toBe(0);
    },
  );

  it('tells and changes attributes', () => {
    const node = lookup('file');
    const reader = answerOf(F.FUSE_GETATTR, node, ...u32(0, 0), ...u64(0));
    reader.skip(24);
    expect([reader.u64(), reader.u64(), reader.u64()]).toEqual([8, 1, 1]);
    reader.skip(16);
    expect([reader.u32(), reader.u32(), reader.u32()]).toEqual([500_000_000, 0, 0]);
    expect([reader.u32(), reader.u32(), reader.u32(), reader.u32()]).toEqual([0o100644, 1, 7, 8]);
    const times = [...u64(5, 2 ** 64 - 1, 0), ...u32(0, 500_000_000, 0)];
    const valid = F.FATTR_MODE | F.FATTR_SIZE | F.FATTR_ATIME | F.FATTR_ATIME_NOW | F.FATTR_MTIME;
    const values = [...u64(0, 99, 0), ...times, ...u32(0o600, 0, 1, 2, 0)];
    expect(errnoOf(F.FUSE_SETATTR, node, ...u32(valid, 0), ...values)).toBe(0);
    const file = tree.top.children.get('file');
    expect(file?.changes).toMatchObject({ mode: 0o600, size: 99, atime: 'now' });
    expect(errnoOf(F.FUSE_SETATTR, node, ...u32(1, 0))).toBe(E.EINVAL);
    const volume = answerOf(F.FUSE_STATFS, ROOT);
    expect([volume.u64(), volume.u64()]).toEqual([9, 9]);
  });

  it('takes no name that leads elsewhere', () => {
    for (const name of ['..', '.', '', 'a/b', '/', 'dir/../..']) {
      const bytes = terminated(name);
      expect(errnoOf(F.FUSE_LOOKUP, ROOT, bytes)).toBe(E.EINVAL);
      expect(errnoOf(F.FUSE_MKDIR, ROOT, ...u32(0, 0), bytes)).toBe(E.EINVAL);
      expect(errnoOf(F.FUSE_UNLINK, ROOT, bytes)).toBe(E.EINVAL);
      expect(errnoOf(F.FUSE_RENAME, ROOT, ...u64(ROOT), terminated('file'), bytes)).toBe(E.EINVAL);
    }
    expect(errnoOf(F.FUSE_LOOKUP, ROOT, new TextEncoder().encode('file'))).toBe(E.EINVAL);
  });

  it('answers what cannot be with an error', () => {
    expect(errnoOf(F.FUSE_LOOKUP, ROOT, terminated('none'))).toBe(E.ENOENT);
    expect(errnoOf(F.FUSE_LOOKUP, lookup('file'), terminated('x'))).toBe(E.ENOTDIR);
    for (const opcode of [0, 21, 34, 46, 47, 48, 50, 51, 52, 4096])
      expect(errnoOf(opcode, ROOT)).toBe(E.ENOSYS);
    const handle = open(lookup('file'));
    expect(errnoOf(F.FUSE_READDIR, ROOT, ...readParts(handle, 0, 99))).toBe(E.ENOTDIR);
    const answer = new Uint8Array(100);
    expect(server.handle(new Uint8Array(39), answer)).toBe(0);
    expect(server.handle(request(F.FUSE_INTERRUPT, 0, u64(1)), answer)).toBe(0);
    expect(server.handle(request(F.FUSE_GETATTR, ROOT, []), new Uint8Array(15))).toBe(0);
    // No room for more than an error.
    expect(server.handle(request(F.FUSE_STATFS, ROOT, []), answer.subarray(0, 20))).toBe(16);
    expect(new DataView(answer.buffer).getInt32(4, true)).toBe(-E.EIO);
    const wrong = request(F.FUSE_GETATTR, ROOT, []);
    wrong[0]++;
    expect(server.handle(wrong, answer)).toBe(16);
    expect(new DataView(answer.buffer).getInt32(4, true)).toBe(-E.EINVAL);
  });

  it('gives a client a bounded number of open files', () => {
    const node = lookup('file');
    let given = 0;
    while (errnoOf(F.FUSE_OPEN, node, ...u32(0, 0)) === 0) given++;
    expect(given).toBe(4096);
    const file = tree.top.children.get('file');
    expect(file?.openFiles).toBe(4096);
    server.reset();
    expect([file?.openFiles, file?.users, tree.top.users]).toEqual([0, 0, 0]);
  });

  it('survives any messages, and lets go of everything after them', () => {
    const part: fc.Arbitrary<Part> = fc.oneof(
      fc.tuple(fc.nat(4), fc.constantFrom(4 as const, 8 as const)),
      fc.constantFrom('file', 'dir', 'x', '..').map(terminated),
      fc.uint8Array({ maxLength: 20 }),
    );
    const opcodes = Object.entries(F).flatMap(([name, value]) =>
      name.startsWith('FUSE_') && value < 64 ? [value] : [],
    );
    const one = fc.tuple(
      fc.constantFrom(...opcodes, 63, 255),
      fc.integer({ min: 0, max: 5 }),
      fc.array(part, { maxLength: 10 }),
    );
    fc.assert(
      fc.property(
        fc.array(one, { maxLength: 60 }),
        fc.integer({ min: 16, max: 8192 }),
        (all, room) => {
          for (const [opcode, node, parts] of all) {
            const byteLength = server.handle(request(opcode, node, parts), new Uint8Array(room));
            expect(byteLength === 0 || byteLength >= F.FUSE_OUT_HEADER_BYTES).toBe(true);
            expect(byteLength).toBeLessThanOrEqual(room);
          }
          server.reset();
          expect(tree.top.users).toBe(0);
          for (const { users, openFiles } of tree.top.children.values())
            expect([users, openFiles]).toEqual([0, 0]);
          init();
        },
      ),
      { numRuns: 300 },
    );
  });
});

it('a file system device has its tag and its queues in configuration space, and answers in the buffer it gets', () => {
  const driver = new MockDriver(make()).start();
  const { registers } = driver;
  const tag = [0, 1, 2, 3, 4].map((at) => String.fromCharCode(registers.readConfig(at, 1)));
  expect([tag.join(''), registers.readConfig(36, 4)]).toEqual(['host\0', 1]);
  const room = driver.range(100);
  const asked = request(F.FUSE_INIT, 0, u32(7, 31, 0, 0));
  driver.add(1, [driver.range(asked)], [room]);
  expect(driver.queues[1].take()?.written).toBe(80);
  expect(driver.bytes(room)[16]).toBe(7);
  for (const wrong of ['', 'x'.repeat(37)])
    expect(() => new FsDevice({ tag: wrong, files: new MemoryTree() })).toThrow(RangeError);
});
