// The protocol as a guest sees it: requests through its ring, on a store with a home for domain 3 as a toolstack lays it out.
import {
  XS_CONTROL,
  XS_DIRECTORY,
  XS_DIRECTORY_PART,
  XS_ERROR,
  XS_GET_DOMAIN_PATH,
  XS_GET_PERMS,
  XS_INTRODUCE,
  XS_IS_DOMAIN_INTRODUCED,
  XS_MKDIR,
  XS_READ,
  XS_RELEASE,
  XS_RESUME,
  XS_RM,
  XS_SET_PERMS,
  XS_SET_TARGET,
  XS_WATCH_EVENT,
  XS_WRITE,
} from '@proxeny/abi';
import { beforeEach, describe, expect, it } from 'vitest';
import { StoreGuest } from '../testing/store-guest.js';
import type { StoreClient } from './store-client.js';
import { StoreService } from './store-service.js';

let service: StoreService;
let host: StoreClient;
let guest: StoreGuest;

/** A home that its domain reads, with `data`, which it owns. */
function makeHome(id: number): StoreGuest {
  service.addDomain(id);
  host.write(`/local/domain/${id}/name`, `guest${id}`);
  host.setPermissions(`/local/domain/${id}`, ['n0', `r${id}`]);
  host.setPermissions(`/local/domain/${id}/name`, ['n0', `r${id}`]);
  host.make(`/local/domain/${id}/data`);
  host.setPermissions(`/local/domain/${id}/data`, [`n${id}`]);
  return new StoreGuest(service, id);
}

beforeEach(() => {
  service = new StoreService();
  host = service.client();
  guest = makeHome(3);
});

describe('READ, WRITE and MKDIR', () => {
  it('reads by absolute and by relative path', () => {
    expect(guest.ask(XS_READ, '/local/domain/3/name\0')).toBe('guest3');
    expect(guest.ask(XS_READ, 'name\0')).toBe('guest3');
  });

  it('writes any bytes, and makes what is missing above', () => {
    expect(guest.ask(XS_WRITE, 'data/a/b\0x\0y\xff')).toBe('OK\0');
    expect(guest.ask(XS_READ, 'data/a/b\0')).toBe('x\0y\xff');
    expect(guest.ask(XS_READ, 'data/a\0')).toBe('');
  });

  it('returns the request and transaction numbers, and the type, with the answer', () => {
    const answer = guest.request(XS_READ, 'name\0');
    expect(answer).toEqual({ type: XS_READ, requestId: 1, transactionId: 0, text: 'guest3' });
  });

  it('answers an error with its name, as type ERROR', () => {
    const answer = guest.request(XS_READ, 'nothing\0');
    expect([answer.type, answer.text]).toEqual([XS_ERROR, 'ENOENT\0']);
  });

  it('makes a node by MKDIR, and leaves an existing one its value', () => {
    expect(guest.ask(XS_MKDIR, 'data/new\0')).toBe('OK\0');
    guest.ask(XS_WRITE, 'data/new\0value');
    expect(guest.ask(XS_MKDIR, 'data/new\0')).toBe('OK\0');
    expect(guest.ask(XS_READ, 'data/new\0')).toBe('value');
  });

  it('is EACCES where the domain may not write, whether or not the node is there', () => {
    expect(guest.ask(XS_WRITE, 'name\0other')).toBe('EACCES\0');
    expect(guest.ask(XS_WRITE, 'nothing\0x')).toBe('EACCES\0');
    expect(guest.ask(XS_MKDIR, 'nothing\0')).toBe('EACCES\0');
    expect(host.read('/local/domain/3/name')).toBe('guest3');
    expect(host.read('/local/domain/3/nothing')).toBeNull();
  });

  it("does not tell a domain what is in another's home", () => {
    makeHome(4);
    expect(guest.ask(XS_READ, '/local/domain/4/name\0')).toBe('EACCES\0');
    expect(guest.ask(XS_READ, '/local/domain/4/nothing\0')).toBe('EACCES\0');
  });

  it.each([
    ['data/', 'a slash at the end'],
    ['data//a', 'a doubled slash'],
    ['data/a b', 'a space'],
    ['data/\u00e4', 'a character outside of ASCII'],
    ['', 'nothing'],
    ['@releaseDomain', 'the name of a special watch'],
    [`data/${'x'.repeat(2048)}`, 'more than 2048 bytes below its home'],
  ])('is EINVAL for a path %j: %s', (path) => {
    expect(guest.ask(XS_READ, `${path}\0`)).toBe('EINVAL\0');
    expect(guest.ask(XS_WRITE, `${path}\0x`)).toBe('EINVAL\0');
  });

  it('is EINVAL for a path without its zero byte, or with bytes after it', () => {
    expect(guest.ask(XS_READ, 'name')).toBe('EINVAL\0');
    expect(guest.ask(XS_READ, 'name\0x')).toBe('EINVAL\0');
    expect(guest.ask(XS_READ, '')).toBe('EINVAL\0');
    expect(guest.ask(XS_WRITE, 'data/a')).toBe('EINVAL\0');
  });
});

describe('DIRECTORY', () => {
  it('lists the children in the order in which they were made', () => {
    for (const name of ['z', 'a', 'm']) guest.ask(XS_WRITE, `data/${name}\0`);
    expect(guest.ask(XS_DIRECTORY, 'data\0')).toBe('z\0a\0m\0');
    expect(guest.ask(XS_DIRECTORY, 'data/z\0')).toBe('');
  });

  it('is E2BIG for a list that does not fit, which DIRECTORY_PART returns in parts', () => {
    const names = Array.from({ length: 500 }, (_, i) => `child-number-${i}`);
    for (const name of names) host.make(`/local/domain/3/many/${name}`);
    host.setPermissions('/local/domain/3/many', ['r0']);
    expect(guest.ask(XS_DIRECTORY, 'many\0')).toBe('E2BIG\0');
    let list = '';
    for (let isDone = false; !isDone; ) {
      const [generation, ...part] = guest
        .ask(XS_DIRECTORY_PART, `many\0${list.length}\0`)
        .split('\0');
      expect(generation).toMatch(/^\d+$/);
      isDone = part.at(-2) === '';
      list += part
        .filter((name) => name !== '')
        .map((name) => `${name}\0`)
        .join('');
    }
    expect(list).toBe(names.map((name) => `${name}\0`).join(''));
  });

  it('returns an empty name for an offset behind the list', () => {
    expect(guest.ask(XS_DIRECTORY_PART, 'data\x000\0')).toMatch(/^\d+\0\0$/);
    expect(guest.ask(XS_DIRECTORY_PART, 'data\0-1\0')).toMatch(/^\d+\0\0$/);
    expect(guest.ask(XS_DIRECTORY_PART, 'data\0')).toBe('EINVAL\0');
  });
});

describe('RM', () => {
  it('removes a node with all below it', () => {
    guest.ask(XS_WRITE, 'data/a/b/c\0x');
    expect(guest.ask(XS_RM, 'data/a\0')).toBe('OK\0');
    expect(guest.ask(XS_READ, 'data/a/b/c\0')).toBe('ENOENT\0');
    expect(guest.ask(XS_DIRECTORY, 'data\0')).toBe('');
  });

  it('is no error for what is not there, but is if what is above is not there either', () => {
    expect(guest.ask(XS_RM, 'data/a\0')).toBe('OK\0');
    expect(guest.ask(XS_RM, 'data/a/b\0')).toBe('ENOENT\0');
  });

  it('is EACCES for a node that the domain may not write, and EINVAL for the root', () => {
    expect(guest.ask(XS_RM, 'name\0')).toBe('EACCES\0');
    expect(() => host.remove('/')).toThrow('EINVAL');
  });
});

describe('permissions', () => {
  it('returns and sets the list', () => {
    expect(guest.ask(XS_GET_PERMS, 'name\0')).toBe('n0\0r3\0');
    expect(guest.ask(XS_SET_PERMS, 'data\0n3\0b0\0')).toBe('OK\0');
    expect(guest.ask(XS_GET_PERMS, 'data\0')).toBe('n3\0b0\0');
  });

  it('gives new nodes the permissions of what is above, and their maker as owner', () => {
    guest.ask(XS_SET_PERMS, 'data\0r3\0b0\0');
    guest.ask(XS_WRITE, 'data/a\0');
    expect(guest.ask(XS_GET_PERMS, 'data/a\0')).toBe('r3\0b0\0');
  });

  it('lets another domain read or write what an entry allows', () => {
    const other = makeHome(4);
    guest.ask(XS_WRITE, 'data/a\0x');
    expect(other.ask(XS_READ, '/local/domain/3/data/a\0')).toBe('EACCES\0');
    guest.ask(XS_SET_PERMS, 'data/a\0n3\0r4\0');
    expect(other.ask(XS_READ, '/local/domain/3/data/a\0')).toBe('x');
    expect(other.ask(XS_WRITE, '/local/domain/3/data/a\0y')).toBe('EACCES\0');
    guest.ask(XS_SET_PERMS, 'data/a\0n3\0w4\0');
    expect(other.ask(XS_READ, '/local/domain/3/data/a\0')).toBe('EACCES\0');
    expect(other.ask(XS_WRITE, '/local/domain/3/data/a\0y')).toBe('OK\0');
  });

  it('leaves changing them to the owner, and changing the owner to the control domain', () => {
    const other = makeHome(4);
    guest.ask(XS_SET_PERMS, 'data\0b3\0');
    expect(other.ask(XS_SET_PERMS, '/local/domain/3/data\0b3\0')).toBe('EACCES\0');
    expect(guest.ask(XS_SET_PERMS, 'data\0b4\0')).toBe('EPERM\0');
    host.setPermissions('/local/domain/3/data', ['n4']);
    expect(host.permissions('/local/domain/3/data')).toEqual(['n4']);
  });

  it('is EINVAL for what is no permission, and ENOENT for an owner that is no domain', () => {
    expect(guest.ask(XS_SET_PERMS, 'data\0x3\0')).toBe('EINVAL\0');
    expect(guest.ask(XS_SET_PERMS, 'data\0r\0')).toBe('EINVAL\0');
    expect(guest.ask(XS_SET_PERMS, 'data\0')).toBe('EINVAL\0');
    expect(guest.ask(XS_SET_PERMS, 'data\0r99\0')).toBe('ENOENT\0');
  });

  it('does not let a new domain have what was given to an earlier one of its number', () => {
    const other = makeHome(4);
    guest.ask(XS_WRITE, 'data/a\0x');
    guest.ask(XS_SET_PERMS, 'data/a\0n3\0r4\0');
    expect(other.ask(XS_READ, '/local/domain/3/data/a\0')).toBe('x');
    service.removeDomain(4);
    expect(makeHome(4).ask(XS_READ, '/local/domain/3/data/a\0')).toBe('EACCES\0');
    guest.ask(XS_SET_PERMS, 'data/a\0n3\0r4\0');
    expect(new StoreGuest(service, 4).ask(XS_READ, '/local/domain/3/data/a\0')).toBe('x');
  });

  it('gives a domain the rights of its target while that is there', () => {
    const other = makeHome(4);
    guest.ask(XS_WRITE, 'data/a\0x');
    const control = new StoreGuest(service, 0);
    expect(control.ask(XS_SET_TARGET, '4\x003\0')).toBe('OK\0');
    expect(other.ask(XS_READ, '/local/domain/3/data/a\0')).toBe('x');
    expect(other.ask(XS_SET_PERMS, '/local/domain/3/data/a\0n3\0r9\0')).toBe('OK\0');
    service.removeDomain(3);
    expect(makeHome(3).ask(XS_WRITE, 'data/a\0x')).toBe('OK\0');
    expect(other.ask(XS_READ, '/local/domain/3/data/a\0')).toBe('EACCES\0');
  });
});

describe('domains', () => {
  it("takes a domain's nodes away with it, and all below them", () => {
    guest.ask(XS_WRITE, 'data/a/b\0x');
    host.write('/local/domain/3/data/a/ours', 'x');
    host.write('/elsewhere/a/b', 'x');
    host.setPermissions('/elsewhere/a', ['r3']);
    service.removeDomain(3);
    expect(host.list('/local/domain/3')).toEqual(['name']);
    expect(host.list('/elsewhere')).toEqual([]);
  });

  it('tells the control domain whether a domain is connected', () => {
    const control = new StoreGuest(service, 0);
    service.addDomain(4);
    expect(control.ask(XS_IS_DOMAIN_INTRODUCED, '3\0')).toBe('T\0');
    expect(control.ask(XS_IS_DOMAIN_INTRODUCED, '4\0')).toBe('F\0');
    expect(control.ask(XS_RELEASE, '4\0')).toBe('ENOENT\0');
    expect(control.ask(XS_RELEASE, '0\0')).toBe('EINVAL\0');
    expect(control.ask(XS_RELEASE, '3\0')).toBe('OK\0');
    expect(control.ask(XS_IS_DOMAIN_INTRODUCED, '3\0')).toBe('F\0');
    expect(() => guest.ask(XS_READ, 'name\0')).toThrow('no answer');
  });

  it('tells the home of any domain', () => {
    expect(guest.ask(XS_GET_DOMAIN_PATH, '17\0')).toBe('/local/domain/17\0');
  });

  it('is EACCES when a guest asks for what only the control domain may', () => {
    for (const type of [
      XS_CONTROL,
      XS_INTRODUCE,
      XS_RELEASE,
      XS_IS_DOMAIN_INTRODUCED,
      XS_RESUME,
      XS_SET_TARGET,
    ])
      expect(guest.ask(type, '3\0')).toBe('EACCES\0');
  });

  it('is ENOSYS for types that are none, and for those that are only answers', () => {
    for (const type of [XS_WATCH_EVENT, XS_ERROR, 20, 23, 0xffff, 0xffffffff])
      expect(guest.ask(type, 'name\0')).toBe('ENOSYS\0');
  });
});
