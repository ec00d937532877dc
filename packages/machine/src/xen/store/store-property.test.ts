// Random operations of three domains, in transactions and outside, against a model that copies everything: answers and contents agree.
// And hostile rings: whatever a guest writes into its page, no exception, no unbounded memory, and no harm to another domain.
import {
  XS_DIRECTORY,
  XS_GET_PERMS,
  XS_MKDIR,
  XS_READ,
  XS_RESET_WATCHES,
  XS_RM,
  XS_SET_PERMS,
  XS_TRANSACTION_END,
  XS_TRANSACTION_START,
  XS_TYPE_COUNT,
  XS_UNWATCH,
  XS_WATCH,
  XS_WRITE,
} from '@proxeny/abi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StoreGuest } from '../testing/store-guest.js';
import { StoreService } from './store-service.js';
import { bytesOf } from './store-text.js';
import { encodeMessage } from './wire.js';

const DOMAINS = [1, 2, 3];

/** A node of the model. */
interface ModelNode {
  value: string;
  /** As on the wire. */
  permissions: string[];
}

/** Nodes by path, in no order; a change of a node or of its list of children counts. */
class Model {
  nodes: Map<string, ModelNode>;
  versions: Map<string, number>;

  constructor(nodes: Map<string, ModelNode>, versions: Map<string, number>) {
    this.nodes = nodes;
    this.versions = versions;
  }

  copy(): Model {
    const nodes = new Map([...this.nodes].map(([path, node]) => [path, { ...node }]));
    return new Model(nodes, new Map(this.versions));
  }
  children(path: string): string[] {
    const prefix = path === '/' ? '/' : `${path}/`;
    return [...this.nodes.keys()]
      .filter((other) => other !== '/' && other.startsWith(prefix))
      .map((other) => other.slice(prefix.length))
      .filter((name) => !name.includes('/'))
      .sort();
  }
}

const parent = (path: string) => path.slice(0, path.lastIndexOf('/')) || '/';

function may(node: ModelNode, domain: number, letter: 'r' | 'w'): boolean {
  const [first = '', ...others] = node.permissions;
  if (Number(first.slice(1)) === domain) return true;
  const own = others.find((other) => Number(other.slice(1)) === domain) ?? first;
  return own[0] === letter || own[0] === 'b';
}

/** Plays the protocol on a model; `looked` collects what a transaction depends on, with its version. */
class ModelView {
  readonly model: Model;
  readonly domain: number;
  readonly looked: Map<string, number | undefined> = new Map();
  readonly changed: Set<string> = new Set();
  #version: () => number;

  constructor(model: Model, domain: number, version: () => number) {
    this.model = model;
    this.domain = domain;
    this.#version = version;
  }

  look(path: string): ModelNode | undefined {
    if (!this.looked.has(path)) this.looked.set(path, this.model.versions.get(path));
    return this.model.nodes.get(path);
  }
  #touch(path: string): void {
    this.changed.add(path);
    if (this.model.nodes.has(path)) this.model.versions.set(path, this.#version());
    else this.model.versions.delete(path);
  }
  #allowed(path: string, letter: 'r' | 'w'): ModelNode | 'EACCES' | 'ENOENT' {
    const node = this.look(path);
    if (node && may(node, this.domain, letter)) return node;
    let at = path;
    let above: ModelNode | undefined;
    while (!above) {
      at = parent(at);
      above = this.look(at);
    }
    if (!may(above, this.domain, letter)) return 'EACCES';
    return node ? 'EACCES' : 'ENOENT';
  }

  read(path: string): string {
    const node = this.#allowed(path, 'r');
    return typeof node === 'string' ? `${node}\0` : node.value;
  }
  list(path: string): string {
    const node = this.#allowed(path, 'r');
    return typeof node === 'string' ? `${node}\0` : this.model.children(path).join(' ');
  }
  permissions(path: string): string {
    const node = this.#allowed(path, 'r');
    return typeof node === 'string' ? `${node}\0` : node.permissions.map((p) => `${p}\0`).join('');
  }
  write(path: string, value: string | null): string {
    const node = this.#allowed(path, 'w');
    if (node === 'EACCES') return 'EACCES\0';
    if (node === 'ENOENT') this.#create(path, value ?? '');
    else if (value !== null) {
      (node as ModelNode).value = value;
      this.#touch(path);
    }
    return 'OK\0';
  }
  #create(path: string, value: string): void {
    const above = parent(path);
    if (!this.look(above)) this.#create(above, '');
    const [first = '', ...others] = this.model.nodes.get(above)?.permissions ?? [];
    this.model.nodes.set(path, { value, permissions: [`${first[0]}${this.domain}`, ...others] });
    this.#touch(path);
    this.#touch(above);
  }
  remove(path: string): string {
    const node = this.#allowed(path, 'w');
    if (node === 'EACCES') return 'EACCES\0';
    if (node === 'ENOENT') return this.look(parent(path)) ? 'OK\0' : 'ENOENT\0';
    for (const other of [...this.model.nodes.keys()]) {
      if (other !== path && !other.startsWith(`${path}/`)) continue;
      this.look(other);
      this.model.nodes.delete(other);
      this.#touch(other);
    }
    this.look(parent(path));
    this.#touch(parent(path));
    return 'OK\0';
  }
  setPermissions(path: string, permissions: string[]): string {
    const node = this.look(path);
    const isOwner = node && Number(node.permissions[0]?.slice(1)) === this.domain;
    if (!isOwner) {
      // Not the owner: an entry never makes one, so the error is as for a place without access.
      let at = path;
      let above: ModelNode | undefined;
      while (!above) {
        at = parent(at);
        above = this.look(at);
      }
      const isOpen =
        may(above, this.domain, 'w') || Number(above.permissions[0]?.slice(1)) === this.domain;
      return node || !isOpen ? 'EACCES\0' : 'ENOENT\0';
    }
    if (Number(permissions[0]?.slice(1)) !== this.domain) return 'EPERM\0';
    node.permissions = permissions;
    this.#touch(path);
    return 'OK\0';
  }
}

const names = fc.constantFrom('a', 'b', 'c');
const paths = fc.array(names, { maxLength: 3 }).map((parts) => ['/s', ...parts].join('/'));
const permission = fc.record({
  letter: fc.constantFrom('n', 'r', 'w', 'b'),
  domain: fc.constantFrom(...DOMAINS),
});
const step = fc.record({
  client: fc.nat(DOMAINS.length - 1),
  /** Whether to use the client's transaction, if it has one. */
  isInside: fc.boolean(),
  kind: fc.constantFrom(
    'read',
    'list',
    'perms',
    'write',
    'write',
    'make',
    'remove',
    'set',
    'start',
    'commit',
    'commit',
    'abort',
  ),
  path: paths,
  value: fc.string({ maxLength: 4 }).map((text) => text.replace(/[^ -~]/g, '?')),
  permissions: fc.array(permission, { minLength: 1, maxLength: 3 }),
});

describe('three domains that do as they like', () => {
  it('get the answers of a store that copies everything for each transaction', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const service = new StoreService();
        const host = service.client();
        for (const id of DOMAINS) service.addDomain(id);
        host.make('/s');
        host.setPermissions('/s', ['b0']);
        const clients = DOMAINS.map((id) => new StoreGuest(service, id));
        let version = 0;
        const next = () => ++version;
        const model = new Model(
          new Map([
            ['/', { value: '', permissions: ['n0'] }],
            ['/s', { value: '', permissions: ['b0'] }],
          ]),
          new Map([
            ['/', 0],
            ['/s', 0],
          ]),
        );
        const open = new Map<number, { id: number; view: ModelView; start: Map<string, number> }>();
        for (const { client, isInside, kind, path, value, permissions } of steps) {
          const guest = clients[client] as StoreGuest;
          const domain = DOMAINS[client] as number;
          const current = open.get(client);
          const inside = isInside ? current : undefined;
          const view = inside?.view ?? new ModelView(model, domain, next);
          const tx = inside?.id ?? 0;
          const texts = permissions.map(({ letter, domain: other }) => letter + other);
          if (kind === 'start') {
            if (current) continue;
            const id = Number.parseInt(guest.ask(XS_TRANSACTION_START, '\0'), 10);
            open.set(client, {
              id,
              view: new ModelView(model.copy(), domain, next),
              start: new Map(model.versions),
            });
          } else if (kind === 'commit' || kind === 'abort') {
            if (!current) continue;
            open.delete(client);
            const answer = guest.ask(
              XS_TRANSACTION_END,
              kind === 'commit' ? 'T\0' : 'F\0',
              current.id,
            );
            const isStale = [...current.view.looked.keys()].some(
              (at) => model.versions.get(at) !== current.start.get(at),
            );
            const isRefused = kind === 'commit' && isStale;
            expect(answer).toBe(isRefused ? 'EAGAIN\0' : 'OK\0');
            if (kind === 'abort' || isRefused) continue;
            for (const at of current.view.changed) {
              const node = current.view.model.nodes.get(at);
              if (node) {
                model.nodes.set(at, node);
                model.versions.set(at, next());
              } else {
                model.nodes.delete(at);
                model.versions.delete(at);
              }
            }
          } else if (kind === 'read')
            expect(guest.ask(XS_READ, `${path}\0`, tx)).toBe(view.read(path));
          else if (kind === 'list') {
            const answer = guest.request(XS_DIRECTORY, `${path}\0`, tx);
            const list =
              answer.type === XS_DIRECTORY
                ? answer.text.split('\0').slice(0, -1).sort().join(' ')
                : answer.text;
            expect(list).toBe(view.list(path));
          } else if (kind === 'perms')
            expect(guest.ask(XS_GET_PERMS, `${path}\0`, tx)).toBe(view.permissions(path));
          else if (kind === 'write')
            expect(guest.ask(XS_WRITE, `${path}\0${value}`, tx)).toBe(view.write(path, value));
          else if (kind === 'make')
            expect(guest.ask(XS_MKDIR, `${path}\0`, tx)).toBe(view.write(path, null));
          else if (kind === 'remove')
            expect(guest.ask(XS_RM, `${path}\0`, tx)).toBe(view.remove(path));
          else
            expect(guest.ask(XS_SET_PERMS, `${path}\0${texts.join('\0')}\0`, tx)).toBe(
              view.setPermissions(path, texts),
            );
        }
        for (const [path, node] of model.nodes) {
          if (path === '/') continue;
          expect(host.read(path)).toBe(node.value);
          expect(host.permissions(path)).toEqual(node.permissions);
          expect([...(host.list(path) ?? [])].sort()).toEqual(model.children(path));
        }
        for (const id of DOMAINS) {
          const owned = [...model.nodes.values()].filter(
            ({ permissions: [first] }) => Number(first?.slice(1)) === id,
          );
          expect(service.store.domain(id)?.nodes).toBe(owned.length);
        }
        for (const { id } of open.values()) expect(id).toBeGreaterThan(0);
        for (const guest of clients) guest.ask(XS_RESET_WATCHES, '\0');
        host.remove('/s');
        for (const id of DOMAINS)
          expect(service.store.domain(id)).toMatchObject({ nodes: 0, bytes: 0 });
      }),
      { numRuns: 300 },
    );
  });
});

/** What a hostile guest does to its page: counts, bytes anywhere, or a request that looks like one. */
const attack = fc.oneof(
  fc.record({
    at: fc.constantFrom(2048, 2052, 2056, 2060, 2064, 2068, 2072),
    word: fc.oneof(fc.nat(0xffffffff), fc.nat(3), fc.nat(1100)),
  }),
  fc.record({ at: fc.nat(4095), bytes: fc.uint8Array({ maxLength: 64 }) }),
  fc.record({
    type: fc.oneof(
      fc.nat(XS_TYPE_COUNT),
      fc.nat(0xffffffff),
      fc.constantFrom(XS_WATCH, XS_WRITE, XS_TRANSACTION_START),
    ),
    transaction: fc.oneof(fc.constant(0), fc.nat(5), fc.nat(0xffffffff)),
    payload: fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      fc
        .array(
          fc.constantFrom('a', 'data', '/', '@releaseDomain', 't', 'T', '5', 'n5', 'r0', '0'),
          { maxLength: 4 },
        )
        .map((parts) => bytesOf(parts.map((part) => `${part}\0`).join(''))),
    ),
    length: fc.option(fc.oneof(fc.nat(5000), fc.nat(0xffffffff))),
  }),
  fc.constant('read' as const),
);

describe('a hostile guest', () => {
  it('raises no exception, takes no unbounded memory, and disturbs nobody', () => {
    fc.assert(
      fc.property(fc.array(attack, { maxLength: 60 }), (attacks) => {
        const service = new StoreService({ limits: { bytes: 50_000 } });
        const host = service.client();
        for (const id of [5, 6]) {
          service.addDomain(id);
          host.make(`/local/domain/${id}/data`);
          host.setPermissions(`/local/domain/${id}/data`, [`n${id}`]);
        }
        const victim = new StoreGuest(service, 6);
        victim.ask(XS_WRITE, 'data/mine\0value');
        victim.ask(XS_WATCH, 'data\0t\0');
        victim.takeEvents();
        const guest = new StoreGuest(service, 5);
        for (const act of attacks) {
          if (act === 'read') {
            guest.page.writeU32(2056, guest.page.readU32(2060));
          } else if ('word' in act) guest.page.writeU32(act.at, act.word);
          else if ('bytes' in act) guest.page.copyTo(act.at, act.bytes.subarray(0, 4096 - act.at));
          else {
            const message = encodeMessage(act.type, 1, act.transaction, act.payload);
            if (act.length !== null) new DataView(message.buffer).setUint32(12, act.length, true);
            const at = guest.page.readU32(2052);
            message.forEach((byte, i) => {
              guest.page.bytes[(at + i) % 1024] = byte;
            });
            guest.page.writeU32(2052, (at + message.length) >>> 0);
          }
          guest.port.send();
          expect(guest.ring.backlogBytes).toBeLessThan(50_000 + 20 * 4200);
        }
        expect(service.store.domain(5)?.bytes).toBeLessThan(50_000 + 20 * 4300);
        expect(victim.takeEvents()).toEqual([]);
        expect(victim.ask(XS_READ, 'data/mine\0')).toBe('value');
        expect(victim.ask(XS_UNWATCH, 'data\0t\0')).toBe('OK\0');
        host.remove('/local/domain/5');
        service.removeDomain(5);
        expect(service.store.domain(5)).toBeNull();
        expect(host.list('/local/domain')).toEqual(['6']);
      }),
      { numRuns: 500 },
    );
  });
});
