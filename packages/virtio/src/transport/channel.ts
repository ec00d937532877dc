// ChannelTransport: a device for a driver in another domain. The driver's requests lie in a page that it grants, and events tell of them;
// each queue has a channel of its own, for notifications one way and interrupts the other. docs/virtio-channel.md.
// The page is the driver's too: a request is read once, and nothing that the device has written there is read again.
import type { Gpa } from '@proxeny/memory';
import { DeviceControl, type DeviceControlOptions } from '../device/device-control.js';
import type { DeviceMemory } from '../queue/device-memory.js';
import { SavedState } from '../saved-state.js';
import * as C from '../spec/channel.js';
import { WordRegisters, type WordRegistersState } from './word-registers.js';

export interface ChannelTransportOptions extends DeviceControlOptions {
  /** Buffers of a queue were used: an event by its channel. */
  readonly queueEvent: (queue: number) => void;
  /** The register page has something new: an event by the device's channel. */
  readonly pageEvent: () => void;
}

/** Saved state of a {@link ChannelTransport}. */
export interface ChannelTransportState extends WordRegistersState {
  readonly version: 1;
  /** Address of the register page; null if there is none. */
  readonly pageAt: number | null;
  readonly answered: number;
  readonly changes: number;
  readonly control: unknown;
}

export class ChannelTransport {
  readonly control: DeviceControl;
  /** Length of the registers. */
  readonly byteLength: number;
  readonly #registers: WordRegisters;
  readonly #memory: DeviceMemory;
  readonly #pageEvent: () => void;
  #pageAt: number | null = null;
  #page: DataView | null = null;
  #answered = 0;
  #changes = 0;

  constructor(options: ChannelTransportOptions) {
    this.#memory = options.memory;
    this.#pageEvent = options.pageEvent;
    this.control = new DeviceControl(options, {
      queueInterrupt: (queue) => options.queueEvent(queue),
      configInterrupt: () => this.#tellOfChange(),
    });
    this.#registers = new WordRegisters(this.control, C.VIRTIO_CHANNEL_MAX_QUEUE_SIZE);
    this.byteLength = this.#registers.byteLength;
  }

  /** A driver comes with a register page, whose words it has set to 0; false if there is none at `at`. */
  open(at: number): boolean {
    this.close();
    this.#answered = 0;
    this.#changes = 0;
    return this.#useAsPage(at);
  }

  /** The driver is gone: the device is reset, and everything of the driver's let go of. */
  close(): void {
    this.reset();
    this.#leavePage();
  }

  /** The driver has sent an event by the device's channel: answers the request in its page, if there is a new one. Never throws. */
  serve(): void {
    const page = this.#page;
    if (page === null) return;
    const request = page.getUint32(C.VIRTIO_CHANNEL_REQUEST, true);
    if (request === this.#answered) return;
    const access = page.getUint32(C.VIRTIO_CHANNEL_ACCESS, true);
    const offset = page.getUint32(C.VIRTIO_CHANNEL_OFFSET, true);
    const value = page.getUint32(C.VIRTIO_CHANNEL_VALUE, true);
    const size = access & 0xff;
    let answer = 0;
    if ((size === 1 || size === 2 || size === 4) && offset + size <= this.byteLength) {
      if ((access & C.VIRTIO_CHANNEL_ACCESS_WRITE) === 0)
        answer = this.#registers.read(offset, size);
      else this.#registers.write(offset, size, value);
    }
    this.#answered = request;
    this.#store(C.VIRTIO_CHANNEL_ANSWER, answer);
    this.#store(C.VIRTIO_CHANNEL_ANSWERED, request);
    this.#pageEvent();
  }

  /** The driver has sent an event by a queue's channel. */
  notify(queue: number): void {
    this.control.notify(queue);
  }

  /** Power-on reset; the driver's page stays. */
  reset(): void {
    this.#registers.reset();
  }

  save(): ChannelTransportState {
    return {
      version: 1,
      ...this.#registers.save(),
      pageAt: this.#pageAt,
      answered: this.#answered,
      changes: this.#changes,
      control: this.control.save(),
    };
  }

  /** @throws RangeError for what {@link save} could not have returned */
  restore(state: unknown): void {
    const reader = new SavedState('virtio channel transport', state, 1);
    const hasPage = reader.value('pageAt') !== null;
    const pageAt = hasPage ? reader.integer('pageAt', 0, Number.MAX_SAFE_INTEGER) : null;
    const answered = reader.integer('answered', 0, 0xffff_ffff);
    const changes = reader.integer('changes', 0, 0xffff_ffff);
    if (pageAt !== null && this.#viewOf(pageAt) === null)
      reader.reject('pageAt', 'the address of a register page');
    if (pageAt !== null) this.#release(pageAt);
    this.#registers.restore(reader, reader.value('control'));
    if (pageAt === null) this.#leavePage();
    else this.#useAsPage(pageAt);
    this.#answered = answered;
    this.#changes = changes;
  }

  #useAsPage(at: number): boolean {
    const bytes = this.#viewOf(at);
    if (bytes === null) return false;
    this.#leavePage();
    this.#pageAt = at;
    this.#page = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return true;
  }

  #leavePage(): void {
    if (this.#pageAt !== null) this.#release(this.#pageAt);
    this.#pageAt = null;
    this.#page = null;
  }

  #viewOf(at: number): Uint8Array | null {
    return this.#memory.view(at as Gpa, C.VIRTIO_CHANNEL_PAGE_BYTES);
  }

  #release(at: number): void {
    this.#memory.release?.(at as Gpa, C.VIRTIO_CHANNEL_PAGE_BYTES, false);
  }

  #tellOfChange(): void {
    this.#changes = (this.#changes + 1) >>> 0;
    this.#store(C.VIRTIO_CHANNEL_CHANGES, this.#changes);
    this.#pageEvent();
  }

  #store(at: number, value: number): void {
    if (this.#page === null || this.#pageAt === null) return;
    this.#page.setUint32(at, value, true);
    this.#memory.written((this.#pageAt + at) as Gpa, 4);
  }
}
