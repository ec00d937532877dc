// RxPath: frames on their way to a driver: those that wait, and the buffers they are copied into. VIRTIO 1.2 §5.1.6.4.
// A frame waits until the driver has made enough buffers available; what waits is bounded, and what comes on top is lost.
import type { DescriptorChain } from '../queue/descriptor-chain.js';
import type { Virtqueue } from '../queue/virtqueue.js';
import { NET_HEADER_BYTES, NET_HEADER_NUM_BUFFERS } from '../spec/net.js';
import { writeHeader } from './net-header.js';
import type { NetFrame } from './net-port.js';

const MAX_WAITING_FRAMES = 1024;
const MAX_WAITING_BYTES = 1 << 20;

/** What was negotiated. */
export interface RxOptions {
  /** A frame may take several buffers. */
  readonly canMerge: boolean;
  readonly knowsChecksums: boolean;
}

export class RxPath {
  readonly #waiting: NetFrame[] = [];
  #waitingBytes = 0;
  /** Buffers that were taken and not used yet. */
  readonly #held: DescriptorChain[] = [];
  #heldBytes = 0;
  readonly #header: Uint8Array = new Uint8Array(NET_HEADER_BYTES);
  readonly #view: DataView = new DataView(this.#header.buffer);

  /** Forgets buffers and frames. */
  reset(): void {
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
    this.#held.length = 0;
    this.#heldBytes = 0;
  }

  /** Has a frame wait; false if there is no room for it. */
  add(frame: NetFrame): boolean {
    const { byteLength } = frame.bytes;
    if (this.#waiting.length >= MAX_WAITING_FRAMES) return false;
    if (this.#waitingBytes + byteLength > MAX_WAITING_BYTES) return false;
    this.#waiting.push(frame);
    this.#waitingBytes += byteLength;
    return true;
  }

  /** Gives the driver what waits, as far as it has buffers. Returns how many frames never fit one. */
  fill(queue: Virtqueue, options: RxOptions): number {
    let done = 0;
    let lost = 0;
    for (; done < this.#waiting.length; done++) {
      const frame = this.#waiting[done];
      const needed = NET_HEADER_BYTES + frame.bytes.byteLength;
      if (!this.#hold(queue, options.canMerge ? needed : 1)) {
        // With the whole ring in hand, there is nothing to wait for.
        if (queue.inFlightCount < queue.size) break;
        lost++;
      } else if (options.canMerge || this.#held[0].writableBytes >= needed) {
        this.#give(queue, frame, options.knowsChecksums);
      } else {
        lost++;
      }
      this.#waitingBytes -= frame.bytes.byteLength;
    }
    this.#waiting.splice(0, done);
    return lost;
  }

  /** Takes buffers until they have room for `needed` bytes; false if there are not enough. */
  #hold(queue: Virtqueue, needed: number): boolean {
    while (this.#heldBytes < needed) {
      const chain = queue.pop();
      if (chain === null) return false;
      if (chain.writableBytes < NET_HEADER_BYTES) {
        // No room even for a header: of no use, so back it goes.
        queue.push(chain, 0);
        continue;
      }
      this.#held.push(chain);
      this.#heldBytes += chain.writableBytes;
    }
    return true;
  }

  /** Copies a frame into as many of the held buffers as it takes, the first of which begins with the header. */
  #give(queue: Virtqueue, frame: NetFrame, knowsChecksums: boolean): void {
    const { bytes } = frame;
    let count = 0;
    for (let room = 0; room < NET_HEADER_BYTES + bytes.byteLength; count++)
      room += this.#held[count].writableBytes;
    writeHeader(this.#view, frame, knowsChecksums);
    this.#view.setUint16(NET_HEADER_NUM_BUFFERS, count, true);
    let done = 0;
    for (const [i, chain] of this.#held.splice(0, count).entries()) {
      const start = i === 0 ? chain.write(0, this.#header) : 0;
      const part = Math.min(chain.writableBytes - start, bytes.byteLength - done);
      chain.write(start, bytes.subarray(done, done + part));
      done += part;
      this.#heldBytes -= chain.writableBytes;
      queue.push(chain, start + part);
    }
  }
}
