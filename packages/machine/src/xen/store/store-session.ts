// StoreSession: one caller of the store with its watches and transactions: a domain through its ring, or a program of the host's.

import type { StoreDomain } from './store-domain.js';
import { homePath } from './store-path.js';
import type { Transaction } from './transaction.js';
import type { Watch } from './watch-table.js';

/** Where a session's events and wake-ups go. */
export interface SessionSink {
  /** A watch matched. Called in the midst of an operation: note it, do nothing else. */
  event(path: string, watch: Watch): void;
  /** Called once, after an operation that caused events; may use the store. */
  flush(): void;
}

export class StoreSession {
  readonly domain: StoreDomain;
  /** May do everything. Limits do not count for it. */
  readonly isPrivileged: boolean;
  /** Where its relative paths start. */
  readonly home: string;
  /** A domain whose rights it has as well. */
  target: StoreDomain | null = null;
  /** By path and token. */
  readonly watches: Map<string, Watch> = new Map();
  readonly transactions: Map<number, Transaction> = new Map();
  readonly sink: SessionSink;
  /** Nothing of it is served any more. */
  isClosed = false;
  #nextTransaction = 1;

  constructor(domain: StoreDomain, isPrivileged: boolean, sink: SessionSink) {
    this.domain = domain;
    this.isPrivileged = isPrivileged;
    this.home = homePath(domain.id);
    this.sink = sink;
  }

  /** A number that no transaction of the session has, and that is not 0. */
  newTransactionId(): number {
    for (;;) {
      const id = this.#nextTransaction;
      this.#nextTransaction = id >= 0xffffffff ? 1 : id + 1;
      if (!this.transactions.has(id)) return id;
    }
  }
}
