// TcpReceiver: the half of a connection that receives: what is next, what came early, how much more may come. RFC 9293 §3.8.6.
import type { ByteBudget } from '../byte-budget.js';
import { Reassembly } from './reassembly.js';
import { TCP_FIN, type TcpSegment } from './segment.js';
import { sequenceAfter, sequenceDistance } from './sequence.js';

export interface TcpReceiverOptions {
  /** Of the first byte. */
  readonly sequence: number;
  /** The most that may wait for its consumer. */
  readonly limitBytes: number;
  readonly mss: number;
  /** Shared by many connections. */
  readonly budget: ByteBudget;
  /** Gets bytes in order, which stay as they are; `consumed` says when there is room for more. */
  readonly onData: (bytes: Uint8Array) => void;
}

export class TcpReceiver {
  readonly #options: TcpReceiverOptions;
  readonly #early: Reassembly;
  #next: number;
  /** What was offered to the peer ends here; it never goes back. */
  #edge: number;
  #unconsumed = 0;
  #finSequence: number | null = null;
  #isEnded = false;
  /** Up to there the peer has been told. */
  #told: number;

  constructor(options: TcpReceiverOptions) {
    this.#options = options;
    this.#early = new Reassembly(options.limitBytes);
    this.#next = options.sequence;
    this.#edge = options.sequence;
    this.#told = options.sequence;
  }

  /** What is acknowledged. */
  get next(): number {
    return this.#next;
  }
  /** The peer's FIN was reached. */
  get isEnded(): boolean {
    return this.#isEnded;
  }
  /** Bytes that the peer may send now. */
  get windowBytes(): number {
    return Math.max(0, sequenceDistance(this.#edge, this.#next));
  }
  /** Whether the peer should hear at once how far we are. */
  get shallTell(): boolean {
    return (
      this.#early.byteLength > 0 ||
      sequenceDistance(this.#next, this.#told) >= 2 * this.#options.mss
    );
  }

  /** Offers the peer as much as there is room for, but no little steps; the window to write, in bytes. */
  offer(): number {
    if (sequenceDistance(this.#roomEdge(), this.#edge) >= this.#smallestStep())
      this.#edge = this.#roomEdge();
    this.#told = this.#next;
    return this.windowBytes;
  }

  /** Whether so much room has become free that the peer should know. */
  get hasNewRoom(): boolean {
    const growth = sequenceDistance(this.#roomEdge(), this.#edge);
    const isClosed = this.windowBytes < this.#options.mss;
    return growth >= (isClosed ? this.#smallestStep() : this.#options.limitBytes / 4);
  }

  #smallestStep(): number {
    return Math.min(this.#options.mss, this.#options.limitBytes / 2);
  }

  #roomEdge(): number {
    const { limitBytes, budget } = this.#options;
    const kept = this.#unconsumed;
    return sequenceAfter(this.#next, Math.min(limitBytes - kept, budget.left(kept)));
  }

  /** Whether any of a segment is within the window. RFC 9293 §3.4. */
  isAcceptable({ sequence, payload, flags }: TcpSegment): boolean {
    const length = payload.byteLength + (flags & TCP_FIN);
    const first = sequenceDistance(sequence, this.#next);
    if (length === 0) return first >= 0 && first <= this.windowBytes;
    const last = sequenceDistance(sequenceAfter(sequence, length - 1), this.#next);
    // A FIN needs no room.
    return last >= 0 && first < Math.max(this.windowBytes, 1);
  }

  /** Takes an acceptable segment's data. False: it came early, or not all of it was taken. */
  accept(segment: TcpSegment): boolean {
    let { sequence, payload } = segment;
    const old = sequenceDistance(this.#next, sequence);
    if (old > 0) {
      payload = payload.subarray(old);
      sequence = this.#next;
    }
    const room = Math.max(0, sequenceDistance(this.#edge, sequence));
    const isWhole = payload.byteLength <= room;
    if (!isWhole) payload = payload.subarray(0, room);
    if (isWhole && (segment.flags & TCP_FIN) !== 0)
      this.#finSequence ??= sequenceAfter(sequence, payload.byteLength);
    const isInOrder = sequence === this.#next;
    const isTaken = this.#take(sequence, payload, isInOrder);
    if (this.#finSequence === this.#next && !this.#isEnded) {
      this.#isEnded = true;
      this.#next = sequenceAfter(this.#next, 1);
      this.#giveBackEarly();
    }
    return isWhole && isInOrder && isTaken;
  }

  #take(sequence: number, payload: Uint8Array, isInOrder: boolean): boolean {
    if (payload.byteLength === 0) return true;
    const { budget } = this.#options;
    if (budget.left(this.#unconsumed + this.#early.byteLength) < payload.byteLength) return false;
    if (!isInOrder) {
      const before = this.#early.byteLength;
      this.#early.insert(sequence, payload);
      budget.take(this.#early.byteLength - before);
      return true;
    }
    this.#deliver(payload);
    this.#deliverEarly();
    return true;
  }

  #deliverEarly(): void {
    const { budget } = this.#options;
    for (;;) {
      const before = this.#early.byteLength;
      if (before === 0) return;
      const bytes = this.#early.take(this.#next);
      budget.give(before - this.#early.byteLength);
      if (!bytes) return;
      this.#deliver(bytes);
    }
  }

  #deliver(bytes: Uint8Array): void {
    this.#next = sequenceAfter(this.#next, bytes.byteLength);
    this.#unconsumed += bytes.byteLength;
    this.#options.budget.take(bytes.byteLength);
    this.#options.onData(bytes);
  }

  /** Whoever got data has done with that much of it. */
  consumed(count: number): void {
    this.#unconsumed -= count;
    this.#options.budget.give(count);
  }

  #giveBackEarly(): void {
    this.#options.budget.give(this.#early.byteLength);
    this.#early.clear();
  }

  /** Nothing is received any more. What was delivered counts until it is consumed. */
  close(): void {
    this.#giveBackEarly();
  }
}
