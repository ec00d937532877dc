// BackRing: the back-end's half of a ring in granted pages. io/ring.h.
// The shared indexes are the guest's to forge: what is out of bounds breaks the ring, which then holds nothing more for good.
// Invariants, modulo 2^32: responses ≤ requests taken ≤ requests produced ≤ responses + size. So a request that was taken has a slot
// for its response, and no more than `size` requests are ever in work.
import { SRING_HEADER_BYTES, sring_header, sring_size } from '@proxeny/abi';
import type { GrantedPages } from './granted-pages.js';

const { req_prod, req_event, rsp_prod, rsp_event } = sring_header.of(64).fields;

export class BackRing {
  /** Slots. */
  readonly size: number;
  /** The indexes are impossible: the guest's front-end is broken or hostile. */
  isBroken = false;
  readonly #pages: GrantedPages;
  readonly #slotBytes: number;
  /** Requests taken so far. */
  #taken: number;
  /** Responses written so far, and how many of them the guest can see. */
  #answered: number;
  #published: number;

  /** Joins where the ring stands: a new one at 0, one from before a reconnection after its last response. */
  constructor(pages: GrantedPages, slotBytes: number) {
    this.#pages = pages;
    this.#slotBytes = slotBytes;
    this.size = sring_size(pages.byteLength, slotBytes);
    this.#answered = pages.readU32(rsp_prod.offset);
    this.#published = this.#answered;
    this.#taken = this.#answered;
  }

  /** Requests that wait. */
  get waiting(): number {
    if (this.isBroken) return 0;
    const produced = this.#pages.readU32(req_prod.offset);
    if ((produced - this.#answered) >>> 0 > this.size) {
      this.isBroken = true;
      return 0;
    }
    const waiting = (produced - this.#taken) | 0;
    // An index that went back behind what was taken: nothing waits.
    return Math.max(0, waiting);
  }

  /** Copies the next request's first bytes to `target` and takes it; false if none waits. */
  take(target: Uint8Array): boolean {
    if (this.waiting === 0) return false;
    this.#pages.copyFrom(this.#slotAt(this.#taken), target);
    this.#taken = (this.#taken + 1) >>> 0;
    return true;
  }

  /** Asks for an event once `count` requests wait; true if they do already. */
  armRequestEvent(count = 1): boolean {
    if (this.waiting >= count) return true;
    if (!this.isBroken) this.#pages.writeU32(req_event.offset, (this.#taken + count) >>> 0);
    return false;
  }

  /** Writes a response, in order of the calls, for one request that was taken. */
  answer(response: Uint8Array): void {
    this.#pages.copyTo(this.#slotAt(this.#answered), response);
    this.#answered = (this.#answered + 1) >>> 0;
  }

  /** Shows responses to the guest; whether it asked for an event. */
  publish(): boolean {
    const before = this.#published;
    const now = this.#answered;
    if (before === now) return false;
    this.#published = now;
    this.#pages.writeU32(rsp_prod.offset, now);
    const event = this.#pages.readU32(rsp_event.offset);
    return (now - event) >>> 0 < (now - before) >>> 0;
  }

  #slotAt(index: number): number {
    return SRING_HEADER_BYTES + (index % this.size) * this.#slotBytes;
  }
}
