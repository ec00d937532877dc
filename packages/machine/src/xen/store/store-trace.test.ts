// The trace of what guests ask of the store.
import { XS_READ, XS_WATCH, XS_WRITE } from '@proxeny/abi';
import { describe, expect, it } from 'vitest';
import { StoreGuest } from '../testing/store-guest.js';
import { StoreService } from './store-service.js';
import { storeTrace } from './store-trace.js';

describe('a trace', () => {
  it('has a line for each request with its answer, and for each event, in order', () => {
    const lines: string[] = [];
    const observer = storeTrace((domain, line) => lines.push(`${domain} ${line}`));
    const service = new StoreService({ observer });
    service.addDomain(3);
    const host = service.client();
    host.make('/local/domain/3');
    host.setPermissions('/local/domain/3', ['n3']);
    const guest = new StoreGuest(service, 3);
    guest.ask(XS_WRITE, 'a\0x\0\x1b[2J\\');
    guest.ask(XS_READ, 'b\0');
    guest.ask(XS_WATCH, 'a\0t\0');
    guest.ask(99, '');
    expect(lines).toEqual([
      '3 WRITE a x \\033[2J\\134 -> OK',
      '3 READ b -> ENOENT',
      '3 WATCH a t -> OK',
      '3 WATCH_EVENT a t',
      '3 99  -> ENOSYS',
    ]);
  });
});
