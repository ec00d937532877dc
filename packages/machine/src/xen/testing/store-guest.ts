// StoreGuest: a guest's side of the store's ring, for tests: it sends requests as a driver does and collects what comes back.
import {
  XENSTORE_RING_SIZE,
  XS_WATCH_EVENT,
  xenstore_domain_interface,
  xenstore_message_names,
} from '@proxeny/abi';
import type { StoreRing } from '../store/store-ring.js';
import type { StoreService } from '../store/store-service.js';
import { bytesOf, textOf } from '../store/store-text.js';
import { decodeHeader, encodeMessage, HEADER_BYTES } from '../store/wire.js';
import { TestPage, TestPort } from './shared-memory.js';

const { fields } = xenstore_domain_interface.of(64);

export interface Received {
  readonly type: number;
  readonly requestId: number;
  readonly transactionId: number;
  readonly text: string;
}

export class StoreGuest {
  readonly page: TestPage = new TestPage();
  readonly port: TestPort = new TestPort();
  readonly ring: StoreRing;
  /** Events that came and were not looked at: path and token, each ended by a zero byte. */
  readonly events: string[] = [];
  #received: Uint8Array = new Uint8Array(0);
  #requests = 0;

  constructor(service: StoreService, domain: number) {
    this.ring = service.connect(domain, this.page, this.port);
  }

  /** Puts bytes into the request ring, without an event; how many there was room for. */
  put(bytes: Uint8Array): number {
    const { page } = this;
    const producer = page.readU32(fields.req_prod.offset);
    const room = XENSTORE_RING_SIZE - (producer - page.readU32(fields.req_cons.offset));
    const count = Math.min(room, bytes.length);
    for (let i = 0; i < count; i++) {
      page.bytes[fields.req.offset + ((producer + i) % XENSTORE_RING_SIZE)] = bytes[i] as number;
    }
    page.writeU32(fields.req_prod.offset, producer + count);
    return count;
  }

  /** Takes all bytes from the response ring; returns the messages that are whole now. */
  take(): Received[] {
    const { page } = this;
    const producer = page.readU32(fields.rsp_prod.offset);
    const consumer = page.readU32(fields.rsp_cons.offset);
    const bytes = [...this.#received];
    for (let at = consumer; at !== producer; at = (at + 1) >>> 0) {
      bytes.push(page.bytes[fields.rsp.offset + (at % XENSTORE_RING_SIZE)] as number);
    }
    page.writeU32(fields.rsp_cons.offset, producer);
    let left = Uint8Array.from(bytes);
    const messages: Received[] = [];
    while (left.length >= HEADER_BYTES) {
      const { type, requestId, transactionId, length } = decodeHeader(left);
      if (left.length < HEADER_BYTES + length) break;
      const text = textOf(left.subarray(HEADER_BYTES, HEADER_BYTES + length));
      messages.push({ type, requestId, transactionId, text });
      left = left.slice(HEADER_BYTES + length);
    }
    this.#received = left;
    return messages;
  }

  /** Sends a whole request and returns its answer; events go to {@link events}. */
  request(type: number, payload: string | Uint8Array, transaction = 0): Received {
    const id = ++this.#requests;
    const bytes = typeof payload === 'string' ? bytesOf(payload) : payload;
    let left = encodeMessage(type, id, transaction, bytes);
    let answer: Received | null = null;
    for (let turns = 0; turns < 1000 && (left.length > 0 || !answer); turns++) {
      left = left.subarray(this.put(left));
      this.port.send();
      for (const message of this.take()) {
        if (message.type === XS_WATCH_EVENT) this.events.push(message.text);
        else answer = message;
      }
    }
    if (answer?.requestId !== id)
      throw new Error(`no answer to ${xenstore_message_names[type] ?? type}`);
    return answer;
  }

  /** The answer's text, an error as its name alone. */
  ask(type: number, payload: string | Uint8Array, transaction = 0): string {
    return this.request(type, payload, transaction).text;
  }

  /** All events so far, `path token`. */
  takeEvents(): string[] {
    for (let more = true; more; ) {
      const messages = this.take();
      this.port.send();
      more = messages.length > 0;
      for (const message of messages)
        if (message.type === XS_WATCH_EVENT) this.events.push(message.text);
    }
    return this.events.splice(0).map((text) => text.split('\0').slice(0, 2).join(' '));
  }
}
