import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { deviceContract } from '../device/device.contract.js';
import { MessageReader } from '../files/message.js';
import * as E from '../spec/errno.js';
import * as P from '../spec/p9.js';
import { MemoryNode, MemoryTree } from '../testing/memory-tree.js';
import { type Part, packParts } from '../testing/message-parts.js';
import { MockDriver } from '../testing/mock-driver.js';
import { P9Device } from './p9-device.js';
import { P9Server } from './p9-server.js';

const make = () => new P9Device({ tag: 'host', files: new MemoryTree() });
deviceContract('9P', make);

const NOFID = 0xffff_ffff;

let tree: MemoryTree;
let server: P9Server;

function message(type: number, tag: number, parts: readonly Part[]): Uint8Array {
  const body = packParts(parts);
  const header: Part[] = [
    [body.length + P.P9_HEADER_BYTES, 4],
    [type, 1],
    [tag, 2],
  ];
  return packParts([...header, body]);
}

/** The answer's type, and a reader behind its header. */
function ask(type: number, ...parts: readonly Part[]): { type: number; reader: MessageReader } {
  const answer = new Uint8Array(8192);
  const byteLength = server.handle(message(type, 0x1234, parts), answer);
  const reader = new MessageReader(answer.subarray(0, byteLength), 0);
  expect(reader.u32()).toBe(byteLength);
  const answered = reader.u8();
  expect(reader.u16()).toBe(0x1234);
  return { type: answered, reader };
}

const errnoOf = (type: number, ...parts: readonly Part[]): number => {
  const answer = ask(type, ...parts);
  return answer.type === P.P9_RLERROR ? answer.reader.u32() : 0;
};

const fid = (number: number): Part => [number, 4];
const walk = (from: number, to: number, ...names: string[]): number =>
  errnoOf(P.P9_TWALK, fid(from), fid(to), [names.length, 2], ...names);

beforeEach(() => {
  tree = new MemoryTree();
  server = new P9Server(tree);
  const file = tree.top.add('file', new MemoryNode('file'));
  file.bytes = new TextEncoder().encode('contents');
  const dir = tree.top.add('dir', new MemoryNode('directory'));
  for (let i = 0; i < 100; i++) dir.add(`entry ${i}`, new MemoryNode('file'));
  expect(errnoOf(P.P9_TVERSION, [8192, 4], P.P9_VERSION)).toBe(0);
  expect(errnoOf(P.P9_TATTACH, fid(0), fid(NOFID), 'root', '', [0, 4])).toBe(0);
});

describe('a 9P server', () => {
  it('agrees on a version, and starts anew with each', () => {
    const { reader } = ask(P.P9_TVERSION, [1 << 30, 4], P.P9_VERSION);
    expect([reader.u32(), reader.text()]).toEqual([128 * 1024 + 24, P.P9_VERSION]);
    expect(ask(P.P9_TVERSION, [8192, 4], '9P2000').reader.bytes(13).slice(6)).toEqual(
      new TextEncoder().encode('unknown'),
    );
    expect(walk(0, 1)).toBe(E.EBADF);
    expect(tree.top.users).toBe(0);
  });

  it('walks, opens, reads and writes', () => {
    expect(walk(0, 1, 'file')).toBe(0);
    expect(ask(P.P9_TLOPEN, fid(1), [2, 4]).reader.u8()).toBe(P.P9_QTFILE);
    const { reader } = ask(P.P9_TREAD, fid(1), [3, 8], [100, 4]);
    expect(new TextDecoder().decode(reader.bytes(reader.u32()))).toBe('tents');
    const added = new TextEncoder().encode(' and more');
    expect(ask(P.P9_TWRITE, fid(1), [8, 8], [9, 4], added).reader.u32()).toBe(9);
    expect(errnoOf(P.P9_TFSYNC, fid(1), [0, 4])).toBe(0);
    const file = tree.top.children.get('file');
    expect(new TextDecoder().decode(file?.bytes)).toBe('contents and more');
    expect(errnoOf(P.P9_TCLUNK, fid(1))).toBe(0);
    expect([file?.users, file?.openFiles]).toEqual([0, 0]);
    expect(errnoOf(P.P9_TREAD, fid(1), [0, 8], [1, 4])).toBe(E.EBADF);
  });

  it('makes files, directories and links, renames and removes them', () => {
    walk(0, 1);
    expect(errnoOf(P.P9_TLCREATE, fid(1), 'new', [1, 4], [0o644, 4], [0, 4])).toBe(0);
    expect(errnoOf(P.P9_TWRITE, fid(1), [0, 8], [1, 4], Uint8Array.of(65))).toBe(0);
    expect(errnoOf(P.P9_TMKDIR, fid(0), 'made', [0o755, 4], [0, 4])).toBe(0);
    expect(ask(P.P9_TSYMLINK, fid(0), 'sym', '../up', [0, 4]).reader.u8()).toBe(P.P9_QTSYMLINK);
    walk(0, 2, 'sym');
    expect(ask(P.P9_TREADLINK, fid(2)).reader.text()).toBe('../up');
    expect(errnoOf(P.P9_TLINK, fid(0), fid(1), 'second')).toBe(0);
    walk(0, 3, 'made');
    expect(errnoOf(P.P9_TRENAMEAT, fid(0), 'new', fid(3), 'moved')).toBe(0);
    expect(errnoOf(P.P9_TUNLINKAT, fid(0), 'second', [0, 4])).toBe(0);
    expect([...tree.top.children.keys()]).toEqual(['file', 'dir', 'made', 'sym']);
    expect([...(tree.top.children.get('made')?.children.keys() ?? [])]).toEqual(['moved']);
    expect(errnoOf(P.P9_TREMOVE, fid(3))).toBe(E.EOPNOTSUPP);
    expect(walk(3, 4)).toBe(E.EBADF);
  });

  it('lists a directory in pieces, each entry once', () => {
    walk(0, 1, 'dir');
    ask(P.P9_TLOPEN, fid(1), [0, 4]);
    const names: string[] = [];
    for (let offset = 0, isMore = true; isMore; ) {
      const { reader } = ask(P.P9_TREADDIR, fid(1), [offset, 8], [500, 4]);
      const end = reader.u32();
      expect(end).toBeLessThanOrEqual(500);
      isMore = end > 0;
      for (let done = 0; done < end; done += 24 + (names.at(-1)?.length ?? 0)) {
        reader.bytes(13);
        offset = reader.u64();
        reader.u8();
        names.push(reader.text());
      }
    }
    expect(names).toEqual(['.', '..', ...Array.from({ length: 100 }, (_, i) => `entry ${i}`)]);
  });

  it('tells and changes attributes', () => {
    walk(0, 1, 'file');
    const { reader } = ask(P.P9_TGETATTR, fid(1), [0x3fff, 8]);
    expect(reader.u64()).toBe(P.P9_GETATTR_BASIC);
    reader.bytes(13);
    expect([reader.u32(), reader.u32(), reader.u32()]).toEqual([0o100644, 7, 8]);
    expect([reader.u64(), reader.u64(), reader.u64()]).toEqual([1, 0, 8]);
    reader.bytes(16);
    expect([reader.u64(), reader.u64()]).toEqual([1, 500_000_000]);
    const values: Part[] = [
      [0o600, 4],
      [1, 4],
      [2, 4],
      [99, 8],
      [5, 8],
      [0, 8],
      [6, 8],
      [0, 8],
    ];
    const file = tree.top.children.get('file');
    expect(errnoOf(P.P9_TSETATTR, fid(1), [1 | 8 | 16 | 32 | 256, 4], ...values)).toBe(0);
    expect(file?.changes).toEqual({ mode: 0o600, size: 99, atime: 'now', mtime: 6 });
    expect(ask(P.P9_TSTATFS, fid(1)).reader.u32()).toBe(0x01021997);
    expect(ask(P.P9_TLOCK, fid(1), [0, 1]).reader.u8()).toBe(P.P9_LOCK_SUCCESS);
  });

  it('takes no name that leads elsewhere', () => {
    for (const name of ['..', '.', '', 'a/b', '/', 'dir/../..', 'a\0b']) {
      expect(walk(0, 9, name)).toBe(E.EINVAL);
      expect(errnoOf(P.P9_TMKDIR, fid(0), name, [0, 4], [0, 4])).toBe(E.EINVAL);
      expect(errnoOf(P.P9_TRENAMEAT, fid(0), 'file', fid(0), name)).toBe(E.EINVAL);
      expect(errnoOf(P.P9_TUNLINKAT, fid(0), name, [0, 4])).toBe(E.EINVAL);
    }
  });

  it('answers what cannot be with an error', () => {
    expect(walk(0, 9, 'none')).toBe(E.ENOENT);
    expect(walk(0, 9, 'file', 'x')).toBe(20);
    expect(walk(0, 0, 'dir')).toBe(0);
    expect(walk(0, NOFID)).toBe(E.ENFILE);
    expect(errnoOf(P.P9_TGETATTR)).toBe(E.EINVAL);
    expect(errnoOf(P.P9_TSETATTR, fid(0), [1, 4])).toBe(E.EINVAL);
    expect(tree.top.changes).toEqual({});
    expect(errnoOf(99, fid(0))).toBe(E.EOPNOTSUPP);
    expect(server.handle(new Uint8Array(3), new Uint8Array(100))).toBe(0);
    expect(server.handle(message(P.P9_TCLUNK, 1, [fid(9)]), new Uint8Array(5))).toBe(0);
  });

  it('gives a client a bounded number of files', () => {
    let given = 0;
    while (walk(0, given + 1) === 0) given++;
    expect(given).toBe(4095);
    expect(tree.top.users).toBe(4096);
    server.reset();
    expect(tree.top.users).toBe(0);
  });

  it('survives any messages, and lets go of everything after them', () => {
    const part = fc.oneof(
      fc.tuple(fc.nat(4), fc.constantFrom(1 as const, 2 as const, 4 as const, 8 as const)),
      fc.constantFrom('file', 'dir', 'x', '..'),
      fc.uint8Array({ maxLength: 20 }),
    );
    const types = Object.entries(P)
      .filter(([name]) => name.startsWith('P9_T'))
      .map(([, value]) => value as number);
    const one = fc.tuple(fc.constantFrom(...types, 0, 255), fc.array(part, { maxLength: 8 }));
    fc.assert(
      fc.property(
        fc.array(one, { maxLength: 60 }),
        fc.integer({ min: 11, max: 8192 }),
        (all, room) => {
          for (const [type, parts] of all) {
            const byteLength = server.handle(message(type, 1, parts), new Uint8Array(room));
            expect(byteLength).toBeGreaterThanOrEqual(7);
            expect(byteLength).toBeLessThanOrEqual(room);
          }
          server.reset();
          expect(tree.top.users).toBe(0);
          server.handle(
            message(P.P9_TATTACH, 1, [fid(0), fid(NOFID), '', '', [0, 4]]),
            new Uint8Array(99),
          );
        },
      ),
      { numRuns: 300 },
    );
  });
});

it('a 9P device has its tag in configuration space, and answers in the buffer it gets', () => {
  const driver = new MockDriver(make()).start();
  const { registers } = driver;
  const tag = [2, 3, 4, 5].map((at) => String.fromCharCode(registers.readConfig(at, 1)));
  expect([registers.readConfig(0, 2), tag.join('')]).toEqual([4, 'host']);
  const room = driver.range(100);
  driver.add(0, [driver.range(message(P.P9_TVERSION, 7, [[8192, 4], P.P9_VERSION]))], [room]);
  expect(driver.queues[0].take()?.written).toBe(21);
  expect(driver.bytes(room)[4]).toBe(P.P9_TVERSION + 1);
  expect(() => new P9Device({ tag: '', files: new MemoryTree() })).toThrow(RangeError);
});
