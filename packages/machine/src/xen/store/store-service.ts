// StoreService: the store of one machine, as whoever builds domains uses it: domains come, are connected by their rings, and go.
import type { EventPort, SharedPage } from '../shared-page.js';
import { noteShutdown, releaseDomain } from './domain-operations.js';
import { Store, type StoreOptions } from './store.js';
import { StoreClient } from './store-client.js';
import { StoreRing } from './store-ring.js';

export class StoreService {
  readonly store: Store;
  readonly #rings: Map<number, StoreRing> = new Map();

  constructor(options: StoreOptions = {}) {
    this.store = new Store(options);
    const client = this.client();
    client.make('/tool/xenstored');
    client.close();
  }

  /** The store for a program of the host's. */
  client(): StoreClient {
    return new StoreClient(this.store);
  }

  /** The domain exists from now on: nodes can be given to it. */
  addDomain(id: number): void {
    this.store.noteDomain(id);
  }

  /**
   * Connects a domain through the page of its ring (GNTTAB_RESERVED_XENSTORE, HVM_PARAM_STORE_PFN), which becomes empty, and its event
   * channel; an earlier connection ends. Whoever watches @introduceDomain hears of a first one.
   */
  connect(id: number, page: SharedPage, port: EventPort): StoreRing {
    this.#rings.get(id)?.close();
    const ring = new StoreRing(this.store, id, page, port);
    this.#rings.set(id, ring);
    return ring;
  }

  /** The domain has shut down or crashed; it still exists. Whoever watches @releaseDomain hears of it. */
  noteShutdown(id: number): void {
    this.store.perform(() => noteShutdown(this.store, id));
  }

  /** The domain is gone: its connection ends and its nodes go. Its home, which is the control domain's, is the toolstack's to remove. */
  removeDomain(id: number): void {
    this.#rings.get(id)?.close();
    this.#rings.delete(id);
    this.store.perform(() => releaseDomain(this.store, id));
  }
}
