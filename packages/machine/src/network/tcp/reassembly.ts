// Reassembly: data that arrived before what comes before it. Bounded: what does not fit is lost, and sent again by the peer.
import { sequenceAfter, sequenceDistance } from './sequence.js';

const MAX_PARTS = 256;

interface Part {
  readonly sequence: number;
  readonly bytes: Uint8Array;
}

export class Reassembly {
  /** By sequence; they may overlap. */
  readonly #parts: Part[] = [];
  readonly #maxBytes: number;
  #byteLength = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get byteLength(): number {
    return this.#byteLength;
  }

  /** Keeps a copy, or nothing if there is no room, or the same is there. */
  insert(sequence: number, bytes: Uint8Array): void {
    const parts = this.#parts;
    let at = parts.length;
    while (at > 0 && sequenceDistance(sequence, (parts[at - 1] as Part).sequence) < 0) at--;
    const before = parts[at - 1];
    const end = sequenceAfter(sequence, bytes.byteLength);
    if (before && sequenceDistance(endOf(before), end) >= 0) return;
    if (parts.length >= MAX_PARTS || this.#byteLength + bytes.byteLength > this.#maxBytes) return;
    parts.splice(at, 0, { sequence, bytes: bytes.slice() });
    this.#byteLength += bytes.byteLength;
  }

  /** Takes out what goes on from `next`; null if that is not there. */
  take(next: number): Uint8Array | null {
    for (;;) {
      const [first] = this.#parts;
      if (!first || sequenceDistance(first.sequence, next) > 0) return null;
      this.#parts.shift();
      this.#byteLength -= first.bytes.byteLength;
      if (sequenceDistance(endOf(first), next) > 0)
        return first.bytes.subarray(sequenceDistance(next, first.sequence));
    }
  }

  clear(): void {
    this.#parts.length = 0;
    this.#byteLength = 0;
  }
}

function endOf({ sequence, bytes }: Part): number {
  return sequenceAfter(sequence, bytes.byteLength);
}
