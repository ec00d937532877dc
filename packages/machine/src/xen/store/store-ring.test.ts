// The ring between a guest and the store: bytes in pieces, guests that break the protocol, and what waits for a slow reader.
import {
  XENSTORE_CONNECTED,
  XENSTORE_ERROR_NONE,
  XENSTORE_ERROR_PROTO,
  XENSTORE_ERROR_RINGIDX,
  XENSTORE_RECONNECT,
  XENSTORE_SERVER_FEATURE_ERROR,
  XENSTORE_SERVER_FEATURE_RECONNECTION,
  XS_READ,
  XS_WATCH,
  XS_WRITE,
  xenstore_domain_interface,
} from '@proxeny/abi';
import { beforeEach, describe, expect, it } from 'vitest';
import { StoreGuest } from '../testing/store-guest.js';
import type { StoreClient } from './store-client.js';
import { StoreService } from './store-service.js';
import { bytesOf } from './store-text.js';
import { encodeMessage } from './wire.js';

const { fields } = xenstore_domain_interface.of(64);

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
});

const error = () => guest.page.readU32(fields.error.offset);

describe('a ring', () => {
  it('is empty after connecting and says what the server can do', () => {
    expect(guest.page.readU32(fields.rsp_prod.offset)).toBe(0);
    expect(guest.page.readU32(fields.server_features.offset)).toBe(
      XENSTORE_SERVER_FEATURE_RECONNECTION | XENSTORE_SERVER_FEATURE_ERROR,
    );
    expect(guest.page.readU32(fields.connection.offset)).toBe(XENSTORE_CONNECTED);
    expect(error()).toBe(XENSTORE_ERROR_NONE);
  });

  it('tells a domain that waits for the store that it is there', () => {
    const waiting = new StoreGuest(new StoreService(), 5);
    waiting.page.writeU32(fields.connection.offset, XENSTORE_RECONNECT);
    new StoreService().connect(5, waiting.page, waiting.port);
    expect(waiting.page.readU32(fields.connection.offset)).toBe(XENSTORE_CONNECTED);
    expect(waiting.port.notifications).toBe(1);
  });

  it('takes a request a byte at a time', () => {
    const message = encodeMessage(XS_WRITE, 7, 0, bytesOf('a\0value'));
    for (const byte of message) {
      guest.put(Uint8Array.of(byte));
      guest.port.send();
    }
    expect(guest.take()).toEqual([
      { type: XS_WRITE, requestId: 7, transactionId: 0, text: 'OK\0' },
    ]);
    expect(host.read('/local/domain/3/a')).toBe('value');
  });

  it('answers several requests that came with one event in order, with one notification', () => {
    for (let id = 1; id <= 5; id++) guest.put(encodeMessage(XS_WRITE, id, 0, bytesOf(`a\0${id}`)));
    const before = guest.port.notifications;
    guest.port.send();
    expect(guest.take().map(({ requestId }) => requestId)).toEqual([1, 2, 3, 4, 5]);
    expect(guest.port.notifications).toBe(before + 1);
  });

  it('carries payloads longer than itself, both ways and across its end', () => {
    const value = 'v'.repeat(1900);
    for (let i = 0; i < 10; i++) {
      expect(guest.ask(XS_WRITE, `long\0${value}${i}`)).toBe('OK\0');
      expect(guest.ask(XS_READ, 'long\0')).toBe(value + i);
    }
  });

  it('works across the wrap-around of its counts', () => {
    const { page } = guest;
    for (const count of [fields.req_cons, fields.req_prod, fields.rsp_cons, fields.rsp_prod])
      page.writeU32(count.offset, 0xfffffff0);
    for (let i = 0; i < 5; i++) expect(guest.ask(XS_WRITE, `a\0${i}`)).toBe('OK\0');
    expect(page.readU32(fields.req_cons.offset)).toBeLessThan(1024);
  });

  it('does not notify a guest that sent an event for nothing', () => {
    const before = guest.port.notifications;
    guest.port.send();
    expect(guest.port.notifications).toBe(before);
  });
});

describe('a guest that breaks the protocol', () => {
  it('by a payload over 4096 bytes loses its connection, watches included', () => {
    guest.ask(XS_WATCH, 'a\0t\0');
    guest.takeEvents();
    const header = encodeMessage(XS_WRITE, 1, 0, new Uint8Array(0));
    new DataView(header.buffer).setUint32(12, 4097, true);
    guest.put(header);
    guest.port.send();
    expect(error()).toBe(XENSTORE_ERROR_PROTO);
    expect(guest.ring.isBroken).toBe(true);
    host.write('/local/domain/3/a', 'x');
    guest.port.send();
    expect(guest.take()).toEqual([]);
  });

  it('by counts too far apart loses its connection, on either side', () => {
    guest.page.writeU32(fields.req_prod.offset, 1025);
    guest.port.send();
    expect(error()).toBe(XENSTORE_ERROR_RINGIDX);

    guest = new StoreGuest(service, 3);
    expect(error()).toBe(XENSTORE_ERROR_NONE);
    guest.page.writeU32(fields.rsp_cons.offset, 1);
    guest.put(encodeMessage(XS_READ, 1, 0, bytesOf('a\0')));
    guest.port.send();
    expect(error()).toBe(XENSTORE_ERROR_RINGIDX);
  });

  it('gets a new connection when it asks for one, with nothing left of the old', () => {
    guest.ask(XS_WATCH, 'a\0t\0');
    guest.takeEvents();
    guest.page.writeU32(fields.req_prod.offset, 0x80000000);
    guest.port.send();
    expect(guest.ring.isBroken).toBe(true);
    guest.page.writeU32(fields.connection.offset, XENSTORE_RECONNECT);
    const before = guest.port.notifications;
    guest.port.send();
    expect(guest.port.notifications).toBe(before + 1);
    expect(guest.page.readU32(fields.connection.offset)).toBe(XENSTORE_CONNECTED);
    expect(error()).toBe(XENSTORE_ERROR_NONE);
    guest.take();
    expect(guest.ask(XS_WRITE, 'a\0x')).toBe('OK\0');
    expect(guest.takeEvents()).toEqual([]);
  });
});

describe('a guest that does not read', () => {
  it('has no request taken once twenty answers wait, and goes on when it reads', () => {
    const request = encodeMessage(XS_READ, 1, 0, bytesOf('long\0'));
    host.write('/local/domain/3/long', 'v'.repeat(2000));
    let taken = 0;
    for (let i = 0; i < 100; i++) {
      if (guest.put(request) < request.length) break;
      guest.port.send();
      taken = guest.page.readU32(fields.req_cons.offset);
    }
    expect(taken / request.length).toBe(20);
    expect(guest.ring.backlogBytes).toBeLessThan(20 * 2016);
    let answers = 0;
    for (let turns = 0; turns < 1000; turns++) {
      answers += guest.take().length;
      guest.port.send();
    }
    expect(answers).toBe((guest.page.readU32(fields.req_prod.offset) / request.length) | 0);
  });

  it('loses watch events beyond its limit of bytes, and nobody else does', () => {
    service = new StoreService({ limits: { bytes: 20_000 } });
    host = service.client();
    service.addDomain(3);
    host.make('/local/domain/3');
    host.setPermissions('/local/domain/3', ['n3']);
    guest = new StoreGuest(service, 3);
    guest.ask(XS_WATCH, '/local/domain/3\0t\0');
    for (let i = 0; i < 1000; i++) host.write(`/local/domain/3/${i}`, 'x');
    expect(guest.ring.backlogBytes).toBeLessThan(20_000);
    expect(guest.takeEvents().length).toBeGreaterThan(50);
    expect(guest.ask(XS_READ, '999\0')).toBe('x');
  });
});

describe('a closed ring', () => {
  it('leaves the page alone', () => {
    guest.ring.close();
    guest.page.bytes.fill(0xaa);
    guest.port.send();
    host.write('/local/domain/3/a', 'x');
    expect(guest.page.bytes.every((byte) => byte === 0xaa)).toBe(true);
  });
});
