// @hot
// DescriptorChain: one buffer of the driver's, as a device gets it: bytes to read, then bytes to write, in pieces anywhere in memory.
// Invariants: every piece is RAM; there is no empty piece; all together are less than 4 GiB (VIRTIO 1.2 §2.7.4.2).
// How a driver cuts its buffers says nothing (§2.7.4.1), so devices read and write by offset.
import type { Gpa } from '@proxeny/memory';
import type { DeviceMemory } from './device-memory.js';

/** Saved state of a {@link DescriptorChain}: address, length, address, length … of the readable pieces, then of the writable ones. */
export interface DescriptorChainState {
  readonly version: 1;
  readonly id: number;
  readonly slots: number;
  readonly readable: readonly number[];
  readonly writable: readonly number[];
}

/** A chain is its device's from `pop` to `push`; after that it will be another one. */
export class DescriptorChain {
  /** What the driver knows it by. Split: the first descriptor's index. Packed: the buffer id. */
  id = 0;
  /** Descriptors of the ring that are the device's as long as the chain is. */
  slots = 0;
  /** Bytes the device may read. */
  readableBytes = 0;
  /** Bytes the device may write. */
  writableBytes = 0;
  readonly #memory: DeviceMemory;
  /** The pieces: first the readable ones. */
  readonly #views: Uint8Array[] = [];
  readonly #addresses: number[] = [];
  #readableCount = 0;
  /** Address and length of an indirect table it came from. */
  #table: readonly [Gpa, number] | null = null;

  constructor(memory: DeviceMemory) {
    this.#memory = memory;
  }

  /** Makes it empty, for another buffer. */
  clear(): void {
    this.#release();
    this.id = 0;
    this.slots = 0;
    this.readableBytes = 0;
    this.writableBytes = 0;
    this.#views.length = 0;
    this.#addresses.length = 0;
    this.#readableCount = 0;
  }

  /** Appends a piece. Returns what is wrong with it, or null. */
  add(at: number, byteLength: number, isWritable: boolean): string | null {
    if (!isWritable && this.writableBytes > 0) return 'has bytes to read after bytes to write';
    if (byteLength === 0) return null;
    if (this.readableBytes + this.writableBytes + byteLength > 0xffff_ffff)
      return 'has 4 GiB or more';
    const view = this.#memory.view(at as Gpa, byteLength, !isWritable);
    if (view === null) return `names ${byteLength} bytes at 0x${at.toString(16)}, which is no RAM`;
    this.#views.push(view);
    this.#addresses.push(at);
    if (isWritable) this.writableBytes += byteLength;
    else {
      this.readableBytes += byteLength;
      this.#readableCount++;
    }
    return null;
  }

  /** The bytes of an indirect table, which last as long as the chain; null if they are no RAM. */
  viewTable(at: Gpa, byteLength: number): Uint8Array | null {
    const view = this.#memory.view(at, byteLength, true);
    if (view !== null && this.#memory.release) this.#table = [at, byteLength];
    return view;
  }

  /** Fills `target` with what is to be read from `offset` on; returns how many bytes there were. */
  read(offset: number, target: Uint8Array): number {
    let skip = offset;
    let done = 0;
    for (let i = 0; i < this.#readableCount && done < target.length; i++) {
      const view = this.#views[i];
      if (skip >= view.length) {
        skip -= view.length;
        continue;
      }
      const count = Math.min(view.length - skip, target.length - done);
      target.set(count === view.length ? view : view.subarray(skip, skip + count), done);
      done += count;
      skip = 0;
    }
    return done;
  }

  /** Stores `source` in what is to be written from `offset` on; returns how many bytes there was room for. */
  write(offset: number, source: Uint8Array): number {
    let skip = offset;
    let done = 0;
    for (let i = this.#readableCount; i < this.#views.length && done < source.length; i++) {
      const view = this.#views[i];
      if (skip >= view.length) {
        skip -= view.length;
        continue;
      }
      const count = Math.min(view.length - skip, source.length - done);
      view.set(count === source.length ? source : source.subarray(done, done + count), skip);
      this.#memory.written((this.#addresses[i] + skip) as Gpa, count);
      done += count;
      skip = 0;
    }
    return done;
  }

  /** What is to be read from `offset` on, as views. */
  readableFrom(offset: number): Uint8Array[] {
    return cut(this.#views.slice(0, this.#readableCount), offset, this.readableBytes - offset);
  }

  /** The first `byteLength` bytes to be written, as views: {@link reportWritten} follows. */
  writableUpTo(byteLength: number): Uint8Array[] {
    return cut(this.#views.slice(this.#readableCount), 0, byteLength);
  }

  /** The first `byteLength` bytes to be written were, through views. */
  reportWritten(byteLength: number): void {
    let left = byteLength;
    for (let i = this.#readableCount; i < this.#views.length && left > 0; i++) {
      const count = Math.min(this.#views[i].length, left);
      this.#memory.written(this.#addresses[i] as Gpa, count);
      left -= count;
    }
  }

  /** Pieces to be written. */
  get writableCount(): number {
    return this.#views.length - this.#readableCount;
  }

  /** Where in the guest's memory a piece to be written is; `index` is below {@link writableCount}. */
  writableAt(index: number): number {
    return this.#addresses[this.#readableCount + index];
  }

  /** How many bytes it has. */
  writableLength(index: number): number {
    return this.#views[this.#readableCount + index].length;
  }

  save(): DescriptorChainState {
    const pieces = this.#views.flatMap((view, i) => [this.#addresses[i], view.length]);
    return {
      version: 1,
      id: this.id,
      slots: this.slots,
      readable: pieces.slice(0, 2 * this.#readableCount),
      writable: pieces.slice(2 * this.#readableCount),
    };
  }

  #release(): void {
    const memory = this.#memory;
    if (!memory.release) return;
    for (let i = 0; i < this.#views.length; i++)
      memory.release(this.#addresses[i] as Gpa, this.#views[i].length, i < this.#readableCount);
    if (this.#table !== null) memory.release(this.#table[0], this.#table[1], true);
    this.#table = null;
  }
}

/** `byteLength` bytes of pieces, from `offset` on. */
function cut(pieces: readonly Uint8Array[], offset: number, byteLength: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  let skip = offset;
  let left = byteLength;
  for (let i = 0; i < pieces.length && left > 0; i++) {
    const piece = pieces[i];
    const count = Math.min(piece.length - skip, left);
    if (count > 0) {
      found.push(count === piece.length ? piece : piece.subarray(skip, skip + count));
      left -= count;
    }
    skip = Math.max(0, skip - piece.length);
  }
  return found;
}
