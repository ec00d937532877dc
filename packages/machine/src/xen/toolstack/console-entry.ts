// The entries of a guest's first console. docs/misc/console.txt.
import { XenbusStateInitialising } from '@proxeny/abi';
import type { StoreClient } from '../store/store-client.js';
import { homePath } from '../store/store-path.js';
import { writeWith } from './device-pair.js';
import { type GuestRing, makeWith, writeAll } from './domain-home.js';

/** Writes the console of a paravirtual guest: not under `device`, and not for the guest to change. */
export function addConsole(client: StoreClient, domain: number, ring: GuestRing): void {
  const frontend = `${homePath(domain)}/console`;
  const backend = `${homePath(0)}/backend/console/${domain}/0`;
  const readable = ['n0', `r${domain}`];
  client.transact((store) => {
    store.remove(frontend);
    makeWith(store, frontend, readable);
    store.write(`${frontend}/backend`, backend);
    writeWith(store, frontend, { 'backend-id': 0 }, [`n${domain}`, 'r0']);
    writeAll(store, frontend, {
      limit: 1048576,
      type: 'xenconsoled',
      output: 'pty',
      tty: '',
      port: ring.port,
      'ring-ref': ring.frame,
    });
    store.remove(backend);
    makeWith(store, backend, readable);
    writeAll(store, backend, {
      frontend,
      'frontend-id': domain,
      online: 1,
      state: XenbusStateInitialising,
      protocol: 'vt100',
    });
  });
}
