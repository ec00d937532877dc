// LentPages: the pages of a native kernel that a virtio device may use, by the addresses that the device knows them by: the grant's
// reference × 4096 + offset (docs/virtio-channel.md). What drives a queue sees them as its memory.
import { type Gpa, GuestAddressError, type GuestMemory } from '@proxeny/memory';
import { channelAddress, VIRTIO_CHANNEL_GRANT_BYTES } from '@proxeny/virtio/driver';
import type { FrontKernel } from './front-device.js';

export class LentPages implements GuestMemory {
  /** Of the largest reference there may be. */
  readonly byteLength: number = channelAddress(2 ** 32);
  readonly #kernel: FrontKernel;
  readonly #domain: number;
  /** The page's address in the kernel, by the reference of its grant. */
  readonly #pages: Map<number, number> = new Map();

  /** @param domain the device's */
  constructor(kernel: FrontKernel, domain: number) {
    this.#kernel = kernel;
    this.#domain = domain;
  }

  /** Lends the page at `page`; its address for the device. */
  lend(page: number, isReadOnly = false): number {
    const ref = this.#kernel.grants.grant(this.#domain, page, isReadOnly);
    this.#pages.set(ref, page);
    return channelAddress(ref);
  }

  /** Ends what {@link lend} gave; false, and nothing done, while the device uses the page. */
  takeBack(at: number): boolean {
    const ref = at / VIRTIO_CHANNEL_GRANT_BYTES;
    if (!this.#kernel.grants.end(ref)) return false;
    this.#pages.delete(ref);
    return true;
  }

  /** Takes back all there are; whether the device used none. */
  takeBackAll(): boolean {
    return [...this.#pages.keys()].map((ref) => this.takeBack(channelAddress(ref))).every(Boolean);
  }

  readU8(at: Gpa): number {
    return this.#read(at, 1)[0];
  }

  readU16(at: Gpa): number {
    const [low, high] = this.#read(at, 2);
    return low | (high << 8);
  }

  readU32(at: Gpa): number {
    return this.#kernel.guest.read32(this.#addressOf(at, 4));
  }

  writeU8(at: Gpa, value: number): void {
    this.copyTo(at, Uint8Array.of(value));
  }

  writeU16(at: Gpa, value: number): void {
    this.copyTo(at, Uint8Array.of(value, value >>> 8));
  }

  writeU32(at: Gpa, value: number): void {
    this.#kernel.guest.write32(this.#addressOf(at, 4), value);
  }

  copyFrom(at: Gpa, target: Uint8Array): void {
    target.set(this.#read(at, target.byteLength));
  }

  copyTo(at: Gpa, source: Uint8Array): void {
    this.#kernel.guest.write(this.#addressOf(at, source.byteLength), source);
  }

  #read(at: number, byteLength: number): Uint8Array {
    return this.#kernel.guest.read(this.#addressOf(at, byteLength), byteLength);
  }

  #addressOf(at: number, byteLength: number): number {
    const offset = at % VIRTIO_CHANNEL_GRANT_BYTES;
    const page = this.#pages.get(Math.floor(at / VIRTIO_CHANNEL_GRANT_BYTES));
    if (page === undefined || offset + byteLength > VIRTIO_CHANNEL_GRANT_BYTES)
      throw new GuestAddressError(at, byteLength);
    return page + offset;
  }
}
