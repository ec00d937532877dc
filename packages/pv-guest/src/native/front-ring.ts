// FrontRing: the front-end's half of a ring, in pages of the guest's that follow one another. io/ring.h.
import { SRING_HEADER_BYTES, sring_header, sring_size } from '@proxeny/abi';
import type { NativeGuest } from './native-guest.js';

const { req_prod, req_event, rsp_prod, rsp_event } = sring_header.of(64).fields;

export class FrontRing {
  readonly address: number;
  /** Slots. */
  readonly size: number;
  readonly #guest: NativeGuest;
  readonly #slotBytes: number;
  #produced = 0;
  #published = 0;
  #consumed = 0;

  /** Makes an empty ring at `address`. */
  constructor(guest: NativeGuest, address: number, byteLength: number, slotBytes: number) {
    this.#guest = guest;
    this.address = address;
    this.#slotBytes = slotBytes;
    this.size = sring_size(byteLength, slotBytes);
    guest.write(address, new Uint8Array(byteLength));
    guest.write32(address + req_event.offset, 1);
    guest.write32(address + rsp_event.offset, 1);
  }

  /** Requests without a response that was taken. */
  get inFlight(): number {
    return this.#produced - this.#consumed;
  }

  #slot(index: number): number {
    return this.address + SRING_HEADER_BYTES + (index % this.size) * this.#slotBytes;
  }

  /** Writes a request; its index. It must have room. */
  put(request: Uint8Array): number {
    if (this.inFlight >= this.size) throw new Error('the ring is full');
    this.#guest.write(this.#slot(this.#produced), request);
    return this.#produced++;
  }

  /** Shows requests to the back-end; whether that asked for an event. */
  publish(): boolean {
    const before = this.#published;
    const now = this.#produced;
    this.#published = now;
    this.#guest.write32(this.address + req_prod.offset, now >>> 0);
    const event = this.#guest.read32(this.address + req_event.offset);
    return (now - event) >>> 0 < (now - before) >>> 0;
  }

  /** The next response, or null. */
  take(): Uint8Array | null {
    if (this.#guest.read32(this.address + rsp_prod.offset) === this.#consumed >>> 0) return null;
    return this.#guest.read(this.#slot(this.#consumed++), this.#slotBytes);
  }

  /** Asks for an event at the next response; true if one is there already. */
  armResponseEvent(): boolean {
    this.#guest.write32(this.address + rsp_event.offset, (this.#consumed + 1) >>> 0);
    return this.#guest.read32(this.address + rsp_prod.offset) !== this.#consumed >>> 0;
  }
}
