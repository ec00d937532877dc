// Guests that try to get out of a shared folder: random 9P and FUSE messages with names and links that lead up, over a folder of the
// host's.
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FuseServer, type MessageServer, P9Server } from '@proxeny/virtio';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SharedFolder } from './shared-folder.js';

const SECRET = 'not for guests';
const FIDS = 6;

/** What a message is made of: a fid, a name, a link's target, numbers. */
interface Step {
  readonly type: number;
  readonly from: number;
  readonly to: number;
  readonly name: string;
  readonly other: string;
  readonly value: number;
}

class Message {
  readonly #bytes: number[] = [0, 0, 0, 0];

  number(value: number, count: number): this {
    for (let i = 0; i < count; i++) this.#bytes.push(Math.floor(value / 256 ** i) & 0xff);
    return this;
  }

  text(value: string): this {
    const bytes = new TextEncoder().encode(value);
    this.number(bytes.length, 2);
    this.#bytes.push(...bytes);
    return this;
  }

  terminated(value: string): this {
    this.#bytes.push(...new TextEncoder().encode(value), 0);
    return this;
  }

  get bytes(): Uint8Array {
    const bytes = Uint8Array.from(this.#bytes);
    new DataView(bytes.buffer).setUint32(0, bytes.length, true);
    return bytes;
  }
}

/** The bytes of a step: a message of 9P2000.L by its number. */
function p9Message({ type, from, to, name, other, value }: Step): Uint8Array {
  const message = new Message().number(type, 1).number(1, 2).number(from, 4);
  switch (type) {
    case 12: // lopen
      return message.number(value & 0x203, 4).bytes;
    case 14: // lcreate
      return message.text(name).number(2, 4).number(0o6777, 4).number(0, 4).bytes;
    case 16: // symlink
      return message.text(name).text(other).number(0, 4).bytes;
    case 26: // setattr: mode, size
      return message
        .number(1 | 8, 4)
        .number(0o6777, 4)
        .number(0, 8)
        .number(value, 8)
        .number(0, 32).bytes;
    case 70: // link
      return message.number(to, 4).text(name).bytes;
    case 72: // mkdir
      return message.text(name).number(0o777, 4).number(0, 4).bytes;
    case 74: // renameat
      return message.text(name).number(to, 4).text(other).bytes;
    case 76: // unlinkat
      return message.text(name).number(value & 1 ? 0x200 : 0, 4).bytes;
    case 110: // walk
      return message
        .number(to, 4)
        .number(other === '' ? 1 : 2, 2)
        .text(name)
        .text(other).bytes;
    case 116: // read
      return message.number(0, 8).number(100, 4).bytes;
    case 118: // write
      return message.number(value, 8).number(4, 4).number(0x21212121, 4).bytes;
    case 120: // clunk
      return new Message().number(type, 1).number(1, 2).number(to, 4).bytes;
    default:
      return message.bytes;
  }
}

/** The bytes of a step: a FUSE request by its number. Nodes are from 1, and so are open files. */
function fuseRequest({ type, from, to, name, other, value }: Step): Uint8Array {
  const message = fuseHeader(type, from + 1);
  switch (type) {
    case 1: // lookup
    case 10: // unlink
    case 11: // rmdir
      return message.terminated(name).bytes;
    case 2: // forget
      return message.number(1, 8).bytes;
    case 4: // setattr: mode, size
      return message
        .number(1 | 8, 4)
        .number(0, 12)
        .number(value, 8)
        .number(0, 44)
        .number(0o6777, 4)
        .number(0, 16).bytes;
    case 6: // symlink
      return message.terminated(name).terminated(other).bytes;
    case 8: // mknod
      return message.number(0o106777, 4).number(0, 12).terminated(name).bytes;
    case 9: // mkdir
      return message.number(0o6777, 4).number(0, 4).terminated(name).bytes;
    case 12: // rename
      return message
        .number(to + 1, 8)
        .terminated(name)
        .terminated(other).bytes;
    case 13: // link
      return message.number(to + 1, 8).terminated(name).bytes;
    case 14: // open
      return message.number(value & 0x203, 4).number(0, 4).bytes;
    case 15: // read
    case 28: // readdir
    case 44: // readdirplus
      return message.number(to, 8).number(0, 8).number(2000, 4).number(0, 20).bytes;
    case 16: // write
      return message.number(to, 8).number(value, 8).number(4, 4).number(0, 20).number(0x21212121, 4)
        .bytes;
    case 18: // release
      return message.number(to, 8).number(0, 16).bytes;
    case 35: // create
      return message.number(2, 4).number(0o6777, 4).number(0, 8).terminated(name).bytes;
    default:
      return message.number(0, 16).bytes;
  }
}

const fuseHeader = (opcode: number, node: number): Message =>
  new Message().number(opcode, 4).number(1, 8).number(node, 8).number(0, 16);

/** A protocol: how a client begins, what it asks, and when that was done. */
interface HostileProtocol {
  readonly types: readonly number[];
  readonly start: Uint8Array;
  serve(shared: SharedFolder): MessageServer;
  messageOf(step: Step): Uint8Array;
  isDone(answer: Uint8Array): boolean;
}

const attach = new Message().number(104, 1).number(1, 2).number(0, 4).number(0xffff_ffff, 4);
const protocols: Readonly<Record<string, HostileProtocol>> = {
  '9P': {
    types: [12, 14, 16, 22, 24, 26, 40, 70, 72, 74, 76, 110, 110, 110, 116, 118, 120],
    start: attach.text('').text('').number(0, 4).bytes,
    serve: (shared) => new P9Server(shared),
    messageOf: p9Message,
    isDone: (answer) => answer[4] !== 7,
  },
  FUSE: {
    types: [1, 1, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 27, 28, 35, 44],
    start: fuseHeader(26, 0).number(7, 4).number(36, 4).number(0, 8).bytes,
    serve: (shared) => new FuseServer(shared),
    messageOf: fuseRequest,
    isDone: (answer) => new DataView(answer.buffer).getUint32(4, true) === 0,
  },
};

it.each(Object.entries(protocols))(
  'by %s, nothing outside of a shared folder is read, changed, made or removed, whatever a guest asks',
  (_, protocol) => {
    const outside = mkdtempSync(join(tmpdir(), 'hostile-shares-'));
    const good = fc.constantFrom('a', 'b', 'c', 'up', 'secret');
    const name = fc.oneof(
      { weight: 5, arbitrary: good },
      fc.constantFrom('..', '.', 'a/b', '../secret'),
    );
    const target = fc.constantFrom('..', '../secret', '/', '/proc/self/root', outside, 'a', '');
    const step: fc.Arbitrary<Step> = fc.record({
      type: fc.constantFrom(...protocol.types),
      // The folder itself stays fid 0.
      from: fc.oneof(fc.constant(0), fc.nat(FIDS)),
      ...{ to: fc.integer({ min: 1, max: FIDS }), name },
      other: fc.oneof(fc.constant(''), name, target),
      value: fc.nat(0xffff),
    });
    let done = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 150, size: 'max' }), (steps) => {
        const folder = join(outside, 'shared');
        mkdirSync(join(folder, 'a'), { recursive: true });
        writeFileSync(join(outside, 'secret'), SECRET, { mode: 0o600 });
        symlinkSync('..', join(folder, 'up'));
        writeFileSync(join(folder, 'b'), 'inside');
        const shared = new SharedFolder(folder);
        const server = protocol.serve(shared);
        const answer = new Uint8Array(8192);
        server.handle(protocol.start, answer);
        for (const each of steps) {
          const byteLength = server.handle(protocol.messageOf(each), answer);
          if (byteLength > 0 && protocol.isDone(answer)) done++;
          const text = new TextDecoder('latin1').decode(answer.subarray(0, byteLength));
          expect(text).not.toContain(SECRET);
        }
        server.reset();
        shared.close();
        expect(readdirSync(outside).sort()).toEqual(['secret', 'shared']);
        expect(readFileSync(join(outside, 'secret'), 'latin1')).toBe(SECRET);
        expect(statSync(join(outside, 'secret')).mode & 0o7777).toBe(0o600);
        rmSync(folder, { recursive: true });
      }),
      { numRuns: 150 },
    );
    // That it got somewhere.
    expect(done).toBeGreaterThan(1000);
    rmSync(outside, { recursive: true });
  },
);
