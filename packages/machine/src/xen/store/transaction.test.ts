// Transactions: isolated, all or nothing, refused when something they looked at has changed.
import {
  XS_DIRECTORY,
  XS_MKDIR,
  XS_READ,
  XS_RM,
  XS_SET_PERMS,
  XS_TRANSACTION_END,
  XS_TRANSACTION_START,
  XS_WRITE,
} from '@proxeny/abi';
import { beforeEach, describe, expect, it } from 'vitest';
import { StoreGuest } from '../testing/store-guest.js';
import type { StoreClient } from './store-client.js';
import { StoreService } from './store-service.js';

let service: StoreService;
let host: StoreClient;
let guest: StoreGuest;

beforeEach(() => {
  service = new StoreService();
  host = service.client();
  service.addDomain(3);
  host.make('/local/domain/3');
  host.setPermissions('/local/domain/3', ['n3']);
  guest = new StoreGuest(service, 3);
  guest.ask(XS_WRITE, 'a\0old');
});

function start(): number {
  return Number.parseInt(guest.ask(XS_TRANSACTION_START, '\0'), 10);
}

describe('a transaction', () => {
  it('shows its changes to itself alone, until it is committed', () => {
    const id = start();
    guest.ask(XS_WRITE, 'a\0new', id);
    guest.ask(XS_WRITE, 'b/c\0new', id);
    expect(guest.ask(XS_READ, 'a\0', id)).toBe('new');
    expect(guest.ask(XS_READ, 'a\0')).toBe('old');
    expect(guest.ask(XS_READ, 'b/c\0')).toBe('ENOENT\0');
    expect(guest.ask(XS_TRANSACTION_END, 'T\0', id)).toBe('OK\0');
    expect(guest.ask(XS_READ, 'a\0')).toBe('new');
    expect(guest.ask(XS_READ, 'b/c\0')).toBe('new');
  });

  it('sees the store as it was when it started', () => {
    const id = start();
    host.write('/local/domain/3/a', 'newer');
    host.write('/local/domain/3/b', 'newer');
    expect(guest.ask(XS_READ, 'a\0', id)).toBe('old');
    expect(guest.ask(XS_DIRECTORY, '/local/domain/3\0', id)).toBe('a\0');
  });

  it('is thrown away by TRANSACTION_END F', () => {
    const id = start();
    guest.ask(XS_WRITE, 'a\0new', id);
    expect(guest.ask(XS_TRANSACTION_END, 'F\0', id)).toBe('OK\0');
    expect(guest.ask(XS_READ, 'a\0')).toBe('old');
    expect(guest.ask(XS_READ, 'a\0', id)).toBe('ENOENT\0');
  });

  it.each([
    ['read', (id: number) => guest.ask(XS_READ, 'a\0', id)],
    ['written', (id: number) => guest.ask(XS_WRITE, 'a\0new', id)],
    ['removed', (id: number) => guest.ask(XS_RM, 'a\0', id)],
  ])('is refused with EAGAIN, and gone, if a node that it has %s was written', (_, act) => {
    const id = start();
    act(id);
    host.write('/local/domain/3/a', 'newer');
    expect(guest.ask(XS_TRANSACTION_END, 'T\0', id)).toBe('EAGAIN\0');
    expect(guest.ask(XS_TRANSACTION_END, 'T\0', id)).toBe('ENOENT\0');
    expect(guest.ask(XS_READ, 'a\0')).toBe('newer');
  });

  it('is refused if what it did not find was made, or its permissions changed', () => {
    let id = start();
    guest.ask(XS_READ, 'b\0', id);
    host.write('/local/domain/3/b', 'x');
    expect(guest.ask(XS_TRANSACTION_END, 'T\0', id)).toBe('EAGAIN\0');
    id = start();
    guest.ask(XS_READ, 'b\0', id);
    guest.ask(XS_SET_PERMS, 'a\0r3\0');
    guest.ask(XS_READ, 'a\0', id);
    expect(guest.ask(XS_TRANSACTION_END, 'T\0', id)).toBe('EAGAIN\0');
  });

  it('is not disturbed by changes of what it did not look at', () => {
    host.write('/local/domain/3/b', 'old');
    const id = start();
    guest.ask(XS_WRITE, 'a\0new', id);
    host.write('/local/domain/3/b', 'new');
    expect(guest.ask(XS_TRANSACTION_END, 'T\0', id)).toBe('OK\0');
    expect(host.read('/local/domain/3/a')).toBe('new');
    expect(host.read('/local/domain/3/b')).toBe('new');
  });

  it('leaves children in the order in which it made them', () => {
    const id = start();
    guest.ask(XS_READ, 'z\0', id);
    for (const name of ['c', 'z', 'b']) guest.ask(XS_MKDIR, `${name}\0`, id);
    guest.ask(XS_RM, 'c\0', id);
    guest.ask(XS_MKDIR, 'c\0', id);
    expect(guest.ask(XS_DIRECTORY, '/local/domain/3\0', id)).toBe('a\0z\0b\0c\0');
    guest.ask(XS_TRANSACTION_END, 'T\0', id);
    expect(guest.ask(XS_DIRECTORY, '/local/domain/3\0')).toBe('a\0z\0b\0c\0');
  });

  it('may make and remove a node, which leaves nothing', () => {
    const id = start();
    guest.ask(XS_WRITE, 'b/c\0x', id);
    guest.ask(XS_RM, 'b\0', id);
    expect(guest.ask(XS_TRANSACTION_END, 'T\0', id)).toBe('OK\0');
    expect(host.list('/local/domain/3')).toEqual(['a']);
  });

  it('may replace a node with its children', () => {
    guest.ask(XS_WRITE, 'b/c/d\0x');
    const id = start();
    guest.ask(XS_RM, 'b\0', id);
    guest.ask(XS_WRITE, 'b/e\0y', id);
    expect(guest.ask(XS_TRANSACTION_END, 'T\0', id)).toBe('OK\0');
    expect(host.list('/local/domain/3/b')).toEqual(['e']);
  });
});

describe('TRANSACTION_START and TRANSACTION_END', () => {
  it('are EBUSY in a transaction and ENOENT without one', () => {
    const id = start();
    expect(guest.ask(XS_TRANSACTION_START, '\0', id)).toBe('EBUSY\0');
    expect(guest.ask(XS_TRANSACTION_START, '\0', id + 1)).toBe('ENOENT\0');
    expect(guest.ask(XS_TRANSACTION_END, 'T\0')).toBe('ENOENT\0');
    expect(guest.ask(XS_TRANSACTION_END, 'X\0', id)).toBe('EINVAL\0');
    expect(guest.ask(XS_TRANSACTION_END, 'T\0', id)).toBe('OK\0');
  });

  it("do not reach another session's transaction", () => {
    service.addDomain(4);
    const other = new StoreGuest(service, 4);
    const id = start();
    expect(other.ask(XS_READ, '/\0', id)).toBe('ENOENT\0');
  });
});

describe("the host's transactions", () => {
  it('take effect together, or not at all if the work throws', () => {
    host.transact((t) => {
      t.write('/x/a', '1');
      t.write('/x/b', '2');
      expect(host.list('/x')).toBeNull();
    });
    expect(host.list('/x')).toEqual(['a', 'b']);
    const fail = () =>
      host.transact((t) => {
        t.remove('/x');
        throw new Error('no');
      });
    expect(fail).toThrow('no');
    expect(host.list('/x')).toEqual(['a', 'b']);
  });

  it('tell by the result of commit whether somebody came between', () => {
    const transaction = host.begin();
    expect(transaction.read('/local/domain/3/a')).toBe('old');
    guest.ask(XS_WRITE, 'a\0new');
    transaction.write('/local/domain/3/a', 'ours');
    expect(transaction.commit()).toBe(false);
    expect(host.read('/local/domain/3/a')).toBe('new');
  });
});
