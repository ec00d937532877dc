// StoreRing: a domain's connection to the store, through the page it shares: two rings of bytes with free-running counts.
// docs/misc/xenstore-ring.txt, io/xs_wire.h. The domain may write anything at any time. Counts that cannot be, or a message that says
// it is too long, end the connection; the page then says why, and the domain may ask for a new one (XENSTORE_RECONNECT).
// What waits for the domain is bounded: while too many answers do, no request is read, and events beyond its limit of bytes are lost.
import {
  XENSTORE_CONNECTED,
  XENSTORE_ERROR_NONE,
  XENSTORE_ERROR_PROTO,
  XENSTORE_ERROR_RINGIDX,
  XENSTORE_PAYLOAD_MAX,
  XENSTORE_RECONNECT,
  XENSTORE_RING_SIZE,
  XENSTORE_SERVER_FEATURE_ERROR,
  XENSTORE_SERVER_FEATURE_RECONNECTION,
  XS_WATCH_EVENT,
  xenstore_domain_interface,
} from '@proxeny/abi';
import type { EventPort, SharedPage } from '../shared-page.js';
import { noteIntroduced } from './domain-operations.js';
import { handleRequest } from './request.js';
import type { Store } from './store.js';
import { isSpecial } from './store-path.js';
import type { StoreSession } from './store-session.js';
import { bytesOf } from './store-text.js';
import type { Watch } from './watch-table.js';
import { decodeHeader, encodeMessage, HEADER_BYTES, type MessageHeader } from './wire.js';

const { fields } = xenstore_domain_interface.of(64);
const FEATURES = XENSTORE_SERVER_FEATURE_RECONNECTION | XENSTORE_SERVER_FEATURE_ERROR;

/** What a waiting message takes beside its bytes. */
const MESSAGE_OVERHEAD = 128;

/** A message that waits for room in the ring. */
interface Outgoing {
  readonly bytes: Uint8Array;
  /** For a watch event: what tells it from others. */
  readonly eventKey: string | null;
}

export class StoreRing {
  readonly domain: number;
  readonly #store: Store;
  readonly #page: SharedPage;
  readonly #port: EventPort;
  #session: StoreSession;
  #isBroken = false;
  #isClosed = false;
  readonly #headerBytes: Uint8Array = new Uint8Array(HEADER_BYTES);
  #headerLength = 0;
  #header: MessageHeader | null = null;
  #payload: Uint8Array = new Uint8Array(0);
  #payloadLength = 0;
  readonly #outgoing: Outgoing[] = [];
  /** Bytes of the first outgoing message that are in the ring already. */
  #sent = 0;
  #waitingAnswers = 0;
  readonly #waitingEvents: Set<string> = new Set();
  /** The domain has something new to see. */
  #hasMoved = false;

  /** Connects a domain: its ring becomes empty, and whoever waits for domains hears of it. */
  constructor(store: Store, domain: number, page: SharedPage, port: EventPort) {
    this.domain = domain;
    this.#store = store;
    this.#page = page;
    this.#port = port;
    const earlier = store.sessionOf(domain);
    if (earlier) store.closeSession(earlier);
    this.#session = this.#openSession();
    this.#clearPage();
    port.onEvent(() => this.service());
    store.perform(() => noteIntroduced(store, domain));
  }

  /** Whether the connection has ended because of what the domain did. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Bytes that wait for room in the domain's ring. */
  get backlogBytes(): number {
    return this.#outgoing.reduce((sum, { bytes }) => sum + bytes.length, -this.#sent);
  }

  /** The domain may have sent requests, or made room: does what can be done now. */
  service(): void {
    if (this.#isOver) return;
    this.#store.perform(() => {
      if (this.#page.readU32(fields.connection.offset) === XENSTORE_RECONNECT) this.#reconnect();
      this.#send();
      while (!this.#isBroken && this.#waitingAnswers < this.#store.limits.waitingAnswers) {
        if (!this.#receive()) break;
        this.#send();
      }
    });
    this.#notify();
  }

  /** Ends the connection and touches the page no more. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#drop();
    this.#store.closeSession(this.#session);
  }

  /** Closed by us, or the control domain has released the domain. */
  get #isOver(): boolean {
    return this.#isClosed || this.#session.isClosed;
  }

  #openSession(): StoreSession {
    return this.#store.openDomainSession(this.domain, {
      event: (path, watch) => this.#queueEvent(path, watch),
      flush: () => {
        this.#send();
        this.#notify();
      },
    });
  }

  #clearPage(): void {
    const page = this.#page;
    for (const count of [fields.req_cons, fields.req_prod, fields.rsp_cons, fields.rsp_prod])
      page.writeU32(count.offset, 0);
    page.writeU32(fields.server_features.offset, FEATURES);
    page.writeU32(fields.error.offset, XENSTORE_ERROR_NONE);
    const isWaiting = page.readU32(fields.connection.offset) === XENSTORE_RECONNECT;
    page.writeU32(fields.connection.offset, XENSTORE_CONNECTED);
    if (isWaiting) this.#port.notify();
  }

  #reconnect(): void {
    this.#drop();
    this.#store.resetSession(this.#session);
    this.#isBroken = false;
    this.#clearPage();
  }

  /** Forgets messages on their way. */
  #drop(): void {
    for (const { bytes } of this.#outgoing) this.#account(-bytes.length - MESSAGE_OVERHEAD);
    this.#outgoing.length = 0;
    this.#sent = 0;
    this.#waitingAnswers = 0;
    this.#waitingEvents.clear();
    this.#headerLength = 0;
    this.#header = null;
  }

  /** The domain broke the protocol. */
  #fail(reason: number): void {
    this.#isBroken = true;
    this.#drop();
    this.#store.resetSession(this.#session);
    this.#page.writeU32(fields.error.offset, reason);
    this.#hasMoved = true;
  }

  #notify(): void {
    if (!this.#hasMoved || this.#isOver) return;
    this.#hasMoved = false;
    this.#port.notify();
  }

  // ── requests

  /** Takes bytes of one message, and answers it if it is complete. False when there is nothing more to take. */
  #receive(): boolean {
    if (!this.#header) {
      const taken = this.#take(this.#headerBytes, this.#headerLength);
      this.#headerLength += taken;
      if (this.#headerLength < HEADER_BYTES) return false;
      const header = decodeHeader(this.#headerBytes);
      if (header.length > XENSTORE_PAYLOAD_MAX) {
        this.#fail(XENSTORE_ERROR_PROTO);
        return false;
      }
      this.#header = header;
      this.#payload = new Uint8Array(header.length);
      this.#payloadLength = 0;
    }
    const header = this.#header;
    const payload = this.#payload;
    this.#payloadLength += this.#take(payload, this.#payloadLength);
    if (this.#isBroken || this.#payloadLength < payload.length) return false;
    this.#header = null;
    this.#headerLength = 0;
    handleRequest(this.#store, this.#session, header, payload, (answer) => {
      const { requestId, transactionId, type } = header;
      this.#store.observer?.request(this.domain, type, payload, answer.type, answer.payload);
      this.#waitingAnswers++;
      this.#queue(encodeMessage(answer.type, requestId, transactionId, answer.payload), null);
    });
    return true;
  }

  /** Moves bytes from the ring to `target`, from `from` to its end at most. */
  #take(target: Uint8Array, from: number): number {
    const page = this.#page;
    const consumer = page.readU32(fields.req_cons.offset);
    const available = (page.readU32(fields.req_prod.offset) - consumer) >>> 0;
    if (available > XENSTORE_RING_SIZE) {
      this.#fail(XENSTORE_ERROR_RINGIDX);
      return 0;
    }
    const count = Math.min(available, target.length - from);
    if (count === 0) return 0;
    const at = consumer % XENSTORE_RING_SIZE;
    const first = Math.min(count, XENSTORE_RING_SIZE - at);
    page.copyFrom(fields.req.offset + at, target.subarray(from, from + first));
    page.copyFrom(fields.req.offset, target.subarray(from + first, from + count));
    page.writeU32(fields.req_cons.offset, (consumer + count) >>> 0);
    this.#hasMoved = true;
    return count;
  }

  // ── answers and events

  #queueEvent(path: string, watch: Watch): void {
    if (this.#isBroken) return;
    const payload = bytesOf(`${path}\0${watch.token}\0`);
    if (payload.length > XENSTORE_PAYLOAD_MAX) return;
    // The same news once more is no news while it waits; domains that come and go are.
    const eventKey = isSpecial(path) ? null : `${path}\0${watch.token}`;
    if (eventKey !== null && this.#waitingEvents.has(eventKey)) return;
    const { domain, isPrivileged } = this.#session;
    const bytes = encodeMessage(XS_WATCH_EVENT, 0, 0, payload);
    const all = domain.bytes + bytes.length + MESSAGE_OVERHEAD;
    if (!isPrivileged && all > this.#store.limits.bytes) return;
    if (eventKey !== null) this.#waitingEvents.add(eventKey);
    this.#store.observer?.event(this.domain, path, watch.token);
    this.#queue(bytes, eventKey ?? '');
  }

  #queue(bytes: Uint8Array, eventKey: string | null): void {
    this.#account(bytes.length + MESSAGE_OVERHEAD);
    this.#outgoing.push({ bytes, eventKey });
  }

  #account(bytes: number): void {
    this.#session.domain.bytes += bytes;
  }

  /** Moves what waits to the ring, as far as there is room. */
  #send(): void {
    while (!this.#isBroken && !this.#isOver) {
      const next = this.#outgoing[0];
      if (!next) return;
      this.#sent += this.#put(next.bytes.subarray(this.#sent));
      if (this.#isBroken || this.#sent < next.bytes.length) return;
      this.#sent = 0;
      this.#outgoing.shift();
      this.#account(-next.bytes.length - MESSAGE_OVERHEAD);
      if (next.eventKey === null) this.#waitingAnswers--;
      else this.#waitingEvents.delete(next.eventKey);
    }
  }

  /** Writes to the ring as much of `source` as there is room for; how much that was. */
  #put(source: Uint8Array): number {
    const page = this.#page;
    const producer = page.readU32(fields.rsp_prod.offset);
    const used = (producer - page.readU32(fields.rsp_cons.offset)) >>> 0;
    if (used > XENSTORE_RING_SIZE) {
      this.#fail(XENSTORE_ERROR_RINGIDX);
      return 0;
    }
    const count = Math.min(XENSTORE_RING_SIZE - used, source.length);
    if (count === 0) return 0;
    const at = producer % XENSTORE_RING_SIZE;
    const first = Math.min(count, XENSTORE_RING_SIZE - at);
    page.copyTo(fields.rsp.offset + at, source.subarray(0, first));
    page.copyTo(fields.rsp.offset, source.subarray(first, count));
    page.writeU32(fields.rsp_prod.offset, (producer + count) >>> 0);
    this.#hasMoved = true;
    return count;
  }
}
