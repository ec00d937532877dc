// TcpSender: the half of a connection that sends: what waits, what is on its way, when it is sent again. RFC 9293 §3.8.
// Sequence numbers, in order: acknowledged ≤ next ≤ sent; bytes from `acknowledged` on are kept. A FIN stands after the last byte.
import type { AlarmedTimers, NetworkTimer } from '../alarmed-timers.js';
import { ByteQueue } from './byte-queue.js';
import { Congestion } from './congestion.js';
import type { RoundTrip } from './round-trip.js';
import { TCP_FIN, type TcpSegment } from './segment.js';
import { sequenceAfter, sequenceDistance } from './sequence.js';

/** Sent that many times in vain, or as many probes of a closed window without any answer: the peer is gone. */
const MAX_RETRIES = 12;
/** The longest segment: what fits an IPv4 packet, to be cut to the peer's segment size by whoever must. */
const MAX_PAYLOAD_BYTES = 65_535 - 40;
const MAX_FLIGHT_BYTES = 1 << 20;

export interface TcpSenderOptions {
  readonly timers: AlarmedTimers;
  readonly roundTrip: RoundTrip;
  /** What the peer takes in a segment. */
  readonly mss: number;
  /** Of the first byte. */
  readonly sequence: number;
  /** Sends bytes of the queue as one segment. */
  readonly emit: (sequence: number, offset: number, length: number, isFin: boolean) => void;
  /** Sends something that the peer must answer: a segment it has seen. */
  readonly emitProbe: (sequence: number) => void;
  readonly onTimeout: () => void;
}

export class TcpSender {
  readonly queue: ByteQueue = new ByteQueue();
  readonly #options: TcpSenderOptions;
  readonly #congestion: Congestion;
  readonly #timer: NetworkTimer;
  readonly #maxPayload: number;
  #acknowledged: number;
  #next: number;
  #sent: number;
  #finSequence: number | null = null;
  /** What the peer takes, and of which segment that is known. */
  #window = 0;
  #windowSequence = 0;
  #windowAcknowledgement = 0;
  #retries = 0;
  #isProbing = false;

  constructor(options: TcpSenderOptions) {
    const { timers, mss, sequence } = options;
    this.#options = options;
    this.#congestion = new Congestion(mss, MAX_FLIGHT_BYTES, sequence);
    this.#timer = timers.create(() => this.#expired());
    this.#maxPayload = Math.max(mss, MAX_PAYLOAD_BYTES - (MAX_PAYLOAD_BYTES % mss));
    this.#acknowledged = sequence;
    this.#next = sequence;
    this.#sent = sequence;
  }

  /** Of the next segment. */
  get next(): number {
    return this.#next;
  }
  /** After all that was ever sent. */
  get sent(): number {
    return this.#sent;
  }
  get acknowledged(): number {
    return this.#acknowledged;
  }
  get isFinQueued(): boolean {
    return this.#finSequence !== null;
  }
  get isFinAcknowledged(): boolean {
    const fin = this.#finSequence;
    return fin !== null && sequenceDistance(this.#acknowledged, fin) > 0;
  }

  /** The peer's window as its first segment says. */
  openWindow(segment: TcpSegment, windowBytes: number): void {
    this.#window = windowBytes;
    this.#windowSequence = segment.sequence;
    this.#windowAcknowledgement = segment.acknowledgement;
  }

  /** No byte follows those in the queue. */
  finish(): void {
    this.#finSequence ??= sequenceAfter(this.#acknowledged, this.queue.byteLength);
    this.flush();
  }

  /** Sends what may be sent. */
  flush(): void {
    const { mss, timers, roundTrip, emit } = this.#options;
    for (;;) {
      const flight = sequenceDistance(this.#next, this.#acknowledged);
      const unsent = this.queue.byteLength - flight;
      // Of a FIN that was sent, flight counts one more than there are bytes.
      if (unsent < 0 || (unsent === 0 && this.#finSequence !== this.#next)) break;
      const usable = Math.floor(Math.min(this.#window, this.#congestion.windowBytes)) - flight;
      let length = Math.min(unsent, usable, this.#maxPayload);
      if (unsent > 0) {
        if (length <= 0) break;
        const isCut = length < unsent;
        // A short segment now would keep the following ones short.
        if (isCut && length < mss && flight > 0) break;
        if (isCut && length > mss) length -= length % mss;
      } else length = 0;
      const isFin = this.#finSequence !== null && length === unsent;
      const sequence = this.#next;
      this.#next = sequenceAfter(sequence, length + (isFin ? 1 : 0));
      if (sequenceDistance(this.#next, this.#sent) > 0) {
        this.#sent = this.#next;
        roundTrip.start(this.#next, timers.nowNs());
      }
      emit(sequence, flight, length, isFin);
    }
    this.#watch();
  }

  /** Takes the acknowledgement of a segment, which is of something that was sent. */
  acknowledge(segment: TcpSegment, windowBytes: number): void {
    const { acknowledgement, sequence } = segment;
    const acked = sequenceDistance(acknowledgement, this.#acknowledged);
    if (acked < 0) return;
    const isSameWindow = windowBytes === this.#window;
    const isNewer = sequenceDistance(sequence, this.#windowSequence);
    if (
      isNewer > 0 ||
      (isNewer === 0 && sequenceDistance(acknowledgement, this.#windowAcknowledgement) >= 0)
    )
      this.openWindow(segment, windowBytes);
    if (this.#isProbing) this.#retries = 0;
    if (acked > 0) this.#advance(acknowledgement, acked);
    else if (
      isSameWindow &&
      segment.payload.byteLength === 0 &&
      (segment.flags & TCP_FIN) === 0 &&
      this.#sent !== this.#acknowledged
    )
      this.#duplicate();
    this.flush();
  }

  #advance(acknowledgement: number, acked: number): void {
    const { roundTrip, timers } = this.#options;
    this.#retries = 0;
    this.queue.drop(acked);
    this.#acknowledged = acknowledgement;
    if (sequenceDistance(this.#next, acknowledgement) < 0) this.#next = acknowledgement;
    roundTrip.acknowledged(acknowledgement, timers.nowNs());
    this.#timer.cancel();
    const flight = sequenceDistance(this.#sent, acknowledgement);
    if (this.#congestion.acknowledged(acknowledgement, acked, flight)) this.#resendFirst();
  }

  #duplicate(): void {
    const flight = sequenceDistance(this.#sent, this.#acknowledged);
    if (this.#congestion.duplicate(this.#acknowledged, this.#sent, flight)) this.#resendFirst();
  }

  /** Sends the first segment that is on its way again. */
  #resendFirst(): void {
    const { mss, roundTrip, emit } = this.#options;
    const flight = sequenceDistance(this.#next, this.#acknowledged);
    const length = Math.min(mss, this.queue.byteLength, flight);
    const isFin =
      this.#finSequence === sequenceAfter(this.#acknowledged, length) && flight > length;
    if (length === 0 && !isFin) return;
    roundTrip.stop();
    emit(this.#acknowledged, 0, length, isFin);
  }

  /** The timer waits for an acknowledgement, or for a closed window to open, or for nothing. */
  #watch(): void {
    const isWaiting = this.#next !== this.#acknowledged;
    const shallProbe = !isWaiting && this.queue.byteLength > 0;
    if (!isWaiting && !shallProbe) this.#timer.cancel();
    else if (!this.#timer.isArmed || this.#isProbing !== shallProbe)
      this.#timer.setIn(this.#options.roundTrip.timeoutNs);
    this.#isProbing = shallProbe;
  }

  #expired(): void {
    const { roundTrip, emitProbe, onTimeout } = this.#options;
    this.#retries++;
    if (this.#retries > MAX_RETRIES) {
      onTimeout();
      return;
    }
    roundTrip.backOff();
    if (this.#isProbing) emitProbe(sequenceAfter(this.#acknowledged, -1));
    else {
      const flight = sequenceDistance(this.#sent, this.#acknowledged);
      this.#congestion.timedOut(this.#sent, flight);
      this.#next = this.#acknowledged;
    }
    this.flush();
  }

  /** Nothing is sent any more. */
  close(): void {
    this.#timer.cancel();
    this.queue.clear();
  }
}
