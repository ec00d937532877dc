// Frames over a stream of bytes, as QEMU's `-netdev stream` and `socket` have it: the length of each, 32 bits big-endian, then its bytes.
import { viewOf } from './internet-headers.js';
import { ETHERNET_HEADER_BYTES, type EthernetFrame, MAX_FRAME_BYTES } from './network-port.js';
import { finishFrame } from './offload.js';

const LENGTH_BYTES = 4;
const nothing = { checksum: false, tcp4: false, tcp6: false };

/** What goes into the stream for a frame, whose receiver finishes nothing. */
export function* streamedFrames(frame: EthernetFrame): Iterable<Uint8Array> {
  for (const { bytes } of finishFrame(frame, nothing)) {
    const streamed = new Uint8Array(LENGTH_BYTES + bytes.byteLength);
    viewOf(streamed).setUint32(0, bytes.byteLength);
    streamed.set(bytes, LENGTH_BYTES);
    yield streamed;
  }
}

/** Takes a stream apart. What a peer sends is not trusted. */
export class FrameSplitter {
  readonly #onFrame: (bytes: Uint8Array) => void;
  readonly #length = new Uint8Array(LENGTH_BYTES);
  #lengthBytes = 0;
  #frame: Uint8Array | null = null;
  #frameBytes = 0;

  /** @param onFrame gets the bytes of a frame, which are its own */
  constructor(onFrame: (bytes: Uint8Array) => void) {
    this.#onFrame = onFrame;
  }

  /** Takes the next bytes; false if they say that a frame is longer than any: nothing after that makes sense. */
  push(bytes: Uint8Array): boolean {
    let at = 0;
    while (at < bytes.byteLength) {
      if (!this.#frame) {
        this.#length[this.#lengthBytes++] = bytes[at++] as number;
        if (this.#lengthBytes < LENGTH_BYTES) continue;
        const length = viewOf(this.#length).getUint32(0);
        if (length > MAX_FRAME_BYTES) return false;
        this.#lengthBytes = 0;
        if (length === 0) continue;
        this.#frame = new Uint8Array(length);
        this.#frameBytes = 0;
      }
      const part = Math.min(bytes.byteLength - at, this.#frame.byteLength - this.#frameBytes);
      this.#frame.set(bytes.subarray(at, at + part), this.#frameBytes);
      this.#frameBytes += part;
      at += part;
      if (this.#frameBytes < this.#frame.byteLength) continue;
      const frame = this.#frame;
      this.#frame = null;
      if (frame.byteLength >= ETHERNET_HEADER_BYTES) this.#onFrame(frame);
    }
    return true;
  }
}
