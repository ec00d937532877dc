// Watches as guests and host programs see them: which changes they hear of, in which order, by which name.
import {
  XS_MKDIR,
  XS_RESET_WATCHES,
  XS_RM,
  XS_SET_PERMS,
  XS_TRANSACTION_END,
  XS_TRANSACTION_START,
  XS_UNWATCH,
  XS_WATCH,
  XS_WRITE,
} from '@proxeny/abi';
import { beforeEach, describe, expect, it } from 'vitest';
import { StoreGuest } from '../testing/store-guest.js';
import type { StoreClient } from './store-client.js';
import { StoreService } from './store-service.js';

let service: StoreService;
let host: StoreClient;
let guest: StoreGuest;

function makeHome(id: number): StoreGuest {
  service.addDomain(id);
  host.make(`/local/domain/${id}`);
  host.setPermissions(`/local/domain/${id}`, [`n${id}`]);
  return new StoreGuest(service, id);
}

beforeEach(() => {
  service = new StoreService();
  host = service.client();
  guest = makeHome(3);
});

describe('a watch', () => {
  it('fires once when it is set, whether or not the node is there, after the answer', () => {
    expect(guest.ask(XS_WATCH, 'nothing\0token\0')).toBe('OK\0');
    expect(guest.takeEvents()).toEqual(['nothing token']);
  });

  it('names what changed, relative if the watch was', () => {
    guest.ask(XS_WATCH, 'a\0relative\0');
    guest.ask(XS_WATCH, '/local/domain/3/a\0absolute\0');
    guest.takeEvents();
    guest.ask(XS_WRITE, 'a/b\0x');
    expect(guest.takeEvents()).toEqual(['a/b relative', '/local/domain/3/a/b absolute']);
  });

  it('hears of a write that changes nothing, and not of an MKDIR of what is there', () => {
    guest.ask(XS_WRITE, 'a\0x');
    guest.ask(XS_WATCH, 'a\0t\0');
    guest.takeEvents();
    guest.ask(XS_WRITE, 'a\0x');
    expect(guest.takeEvents()).toEqual(['a t']);
    guest.ask(XS_MKDIR, 'a\0');
    expect(guest.takeEvents()).toEqual([]);
    guest.ask(XS_MKDIR, 'a/new\0');
    expect(guest.takeEvents()).toEqual(['a/new t']);
  });

  it('does not hear of a change above', () => {
    guest.ask(XS_WATCH, 'a/b\0t\0');
    guest.takeEvents();
    guest.ask(XS_WRITE, 'a\0x');
    expect(guest.takeEvents()).toEqual([]);
  });

  it('hears of a removal above by its own name, and above hears one event', () => {
    guest.ask(XS_WRITE, 'a/b/c\0x');
    guest.ask(XS_WATCH, 'a/b/c\0low\0');
    guest.ask(XS_WATCH, 'a/b/absent\0absent\0');
    guest.ask(XS_WATCH, '/local/domain/3\0high\0');
    guest.takeEvents();
    guest.ask(XS_RM, 'a\0');
    expect(guest.takeEvents()).toEqual(['a/b/c low', '/local/domain/3/a high']);
  });

  it('hears of new permissions, also if they forbid reading from now on', () => {
    const other = makeHome(4);
    guest.ask(XS_WRITE, 'a\0x');
    guest.ask(XS_SET_PERMS, 'a\0n3\0r4\0');
    other.ask(XS_WATCH, '/local/domain/3/a\0t\0');
    other.takeEvents();
    guest.ask(XS_SET_PERMS, 'a\0n3\0');
    expect(other.takeEvents()).toEqual(['/local/domain/3/a t']);
    guest.ask(XS_WRITE, 'a\0y');
    expect(other.takeEvents()).toEqual([]);
  });

  it('does not hear of what its domain may not read', () => {
    const other = makeHome(4);
    other.ask(XS_WATCH, '/local/domain/3\0t\0');
    other.takeEvents();
    guest.ask(XS_WRITE, 'a/b\0x');
    guest.ask(XS_RM, 'a\0');
    expect(other.takeEvents()).toEqual([]);
  });

  it('is told the same news once while it waits in the queue', () => {
    guest.ask(XS_WATCH, 'a\0t\0');
    guest.takeEvents();
    for (let i = 0; i < 200; i++) host.write('/local/domain/3/a', String(i));
    const events = guest.takeEvents();
    expect(events.every((event) => event === 'a t')).toBe(true);
    // Those that fit into the ring at once, and one that waited.
    expect(events.length).toBeLessThan(60);
    expect(events.length).toBeGreaterThan(30);
  });

  it('is EEXIST for a path and token that are watched already, and ends by UNWATCH', () => {
    expect(guest.ask(XS_WATCH, 'a\0t\0')).toBe('OK\0');
    expect(guest.ask(XS_WATCH, '/local/domain/3/a\0t\0')).toBe('EEXIST\0');
    expect(guest.ask(XS_UNWATCH, 'a\0other\0')).toBe('ENOENT\0');
    expect(guest.ask(XS_UNWATCH, 'a\0t\0')).toBe('OK\0');
    expect(guest.ask(XS_UNWATCH, 'a\0t\0')).toBe('ENOENT\0');
    guest.takeEvents();
    guest.ask(XS_WRITE, 'a\0x');
    expect(guest.takeEvents()).toEqual([]);
  });

  it('is EINVAL without a token, or with more than one', () => {
    for (const type of [XS_WATCH, XS_UNWATCH]) {
      expect(guest.ask(type, 'a\0')).toBe('EINVAL\0');
      expect(guest.ask(type, 'a\0t\0u\0')).toBe('EINVAL\0');
      expect(guest.ask(type, 'a//b\0t\0')).toBe('EINVAL\0');
    }
  });

  it('hears of changes in a transaction when it is committed, in the order of the first look', () => {
    guest.ask(XS_WATCH, 'a\0t\0');
    guest.ask(XS_WATCH, 'b\0t\0');
    guest.takeEvents();
    const id = Number.parseInt(guest.ask(XS_TRANSACTION_START, '\0'), 10);
    guest.ask(XS_WRITE, 'b\0x', id);
    guest.ask(XS_WRITE, 'a\0x', id);
    guest.ask(XS_WRITE, 'b\0y', id);
    expect(guest.takeEvents()).toEqual([]);
    guest.ask(XS_TRANSACTION_END, 'T\0', id);
    expect(guest.takeEvents()).toEqual(['b t', 'a t']);
  });

  it('does not hear of a transaction that is thrown away', () => {
    guest.ask(XS_WATCH, 'a\0t\0');
    guest.takeEvents();
    const id = Number.parseInt(guest.ask(XS_TRANSACTION_START, '\0'), 10);
    guest.ask(XS_WRITE, 'a\0x', id);
    guest.ask(XS_TRANSACTION_END, 'F\0', id);
    expect(guest.takeEvents()).toEqual([]);
  });

  it('ends with all others and all transactions by RESET_WATCHES', () => {
    guest.ask(XS_WATCH, 'a\0t\0');
    guest.takeEvents();
    const id = Number.parseInt(guest.ask(XS_TRANSACTION_START, '\0'), 10);
    expect(guest.ask(XS_RESET_WATCHES, '\0')).toBe('OK\0');
    guest.ask(XS_WRITE, 'a\0x');
    expect(guest.takeEvents()).toEqual([]);
    expect(guest.ask(XS_TRANSACTION_END, 'T\0', id)).toBe('ENOENT\0');
  });
});

describe('special watches', () => {
  it('tell the host of domains that come, shut down and go', () => {
    const heard: string[] = [];
    host.watch('@introduceDomain', (path) => heard.push(path));
    host.watch('@releaseDomain', (path) => heard.push(path));
    heard.length = 0;
    makeHome(4);
    expect(heard).toEqual(['@introduceDomain']);
    service.noteShutdown(4);
    service.noteShutdown(4);
    expect(heard).toEqual(['@introduceDomain', '@releaseDomain']);
    service.removeDomain(4);
    expect(heard).toEqual(['@introduceDomain', '@releaseDomain', '@releaseDomain']);
  });

  it('tell a guest only if the control domain allowed it', () => {
    guest.ask(XS_WATCH, '@releaseDomain\0t\0');
    guest.takeEvents();
    makeHome(4);
    service.removeDomain(4);
    expect(guest.takeEvents()).toEqual([]);
    expect(guest.ask(XS_SET_PERMS, '@releaseDomain\0r3\0')).toBe('EACCES\0');
    host.setPermissions('@releaseDomain', ['n0', 'r3']);
    makeHome(4);
    service.removeDomain(4);
    expect(guest.takeEvents()).toEqual(['@releaseDomain t']);
    expect(guest.ask(XS_UNWATCH, '@releaseDomain\0t\0')).toBe('OK\0');
  });
});

describe("the host's watches", () => {
  it('are called after the operation, and may use the store', () => {
    const heard: string[] = [];
    const stop = host.watch('/local/domain/3', (path) => {
      heard.push(path);
      if (path.endsWith('/ask')) host.write('/local/domain/3/answer', 'yes');
    });
    guest.ask(XS_WATCH, 'answer\0t\0');
    guest.takeEvents();
    guest.ask(XS_WRITE, 'ask\0x');
    expect(guest.takeEvents()).toEqual(['answer t']);
    expect(heard).toEqual(['', '/ask', '/answer'].map((end) => `/local/domain/3${end}`));
    stop();
    host.write('/local/domain/3/ask', 'x');
    expect(heard).toHaveLength(3);
  });
});
