// TcpConnection: one connection with a peer behind a network port: handshake, the two halves, resets, the end. RFC 9293; challenge
// acknowledgements of RFC 5961. The RFC's states once a connection is open are the product of the halves: whether our FIN is sent and
// acknowledged, and whether the peer's has come.
import type { NetworkTimer } from '../alarmed-timers.js';
import { RoundTrip } from './round-trip.js';
import {
  TCP_ACK,
  TCP_FIN,
  TCP_PSH,
  TCP_RST,
  TCP_SYN,
  type TcpHeader,
  type TcpSegment,
} from './segment.js';
import { sequenceAfter, sequenceDistance } from './sequence.js';
import type { TcpData, TcpEnd, TcpOptions } from './tcp-options.js';
import { TcpReceiver } from './tcp-receiver.js';
import { TcpSender } from './tcp-sender.js';

/** Most that waits for its consumer in each connection. */
const RECEIVE_BYTES = 512 * 1024;
const WINDOW_SCALE = 4;
/** What a peer takes that does not say. RFC 9293 §3.7.1. */
const DEFAULT_MSS = 536;
/** Smaller ones would cost us more than they are worth to anybody. */
const MIN_MSS = 64;
const MAX_SYN_RETRIES = 6;
const ACK_DELAY_NS = 40e6;
/** Of answers to segments that are out of place and empty: two ends that disagree must not keep each other busy. */
const CHALLENGE_INTERVAL_NS = 500e6;
/** The peer is on the same machine: its last segments come soon, or never. */
const TIME_WAIT_NS = 10e9;

/** `held`: the peer's SYN is not answered yet. */
export type TcpState = 'held' | 'syn-sent' | 'syn-received' | 'open' | 'time-wait' | 'closed';

export class TcpConnection {
  readonly #options: TcpOptions;
  readonly #roundTrip = new RoundTrip();
  /** For the handshake, and at the end. */
  readonly #timer: NetworkTimer;
  readonly #ackTimer: NetworkTimer;
  #state: TcpState = 'held';
  #sender: TcpSender | null = null;
  #receiver: TcpReceiver | null = null;
  #peerMss = DEFAULT_MSS;
  #peerScale = 0;
  #ownScale = 0;
  #synRetries = 0;
  #challengedNs = -Infinity;
  #isEndTold = false;
  #isActiveClose = false;
  /** Asked for before the handshake was done. */
  #shallEnd = false;

  constructor(options: TcpOptions) {
    this.#options = options;
    this.#timer = options.timers.create(() => this.#expired());
    this.#ackTimer = options.timers.create(() => this.#acknowledgeNow());
  }

  get state(): TcpState {
    return this.#state;
  }
  /** Bytes written that are not acknowledged. */
  get bufferedBytes(): number {
    return this.#sender?.queue.byteLength ?? 0;
  }
  /** Whether a SYN begins a new connection in the place of this one, which is over. RFC 9293 §3.10.7.4. */
  isSupersededBy(segment: TcpSegment): boolean {
    const next = this.#receiver?.next ?? 0;
    return this.#state === 'time-wait' && sequenceDistance(segment.sequence, next) > 0;
  }

  /** Opens a connection to the peer. */
  connect(): void {
    this.#state = 'syn-sent';
    this.#sendSyn();
  }

  /** The peer opens a connection, which `accept` or `abort` answers. */
  hold(segment: TcpSegment): void {
    this.#state = 'held';
    this.#learnPeer(segment, segment.windowScale !== null);
  }

  accept(): void {
    if (this.#state !== 'held') return;
    this.#state = 'syn-received';
    this.#sendSyn();
  }

  /** Sends bytes, which nobody changes any more, once there is a connection. The caller keeps an eye on `bufferedBytes`. */
  write(bytes: Uint8Array): void {
    if (!this.#sender || this.#sender.isFinQueued) return;
    this.#sender.queue.append(bytes);
    this.#options.budget.take(bytes.byteLength);
    this.#sender.flush();
  }

  /** We send no more. */
  end(): void {
    this.#shallEnd = true;
    if (this.#state !== 'open' || !this.#sender || this.#sender.isFinQueued) return;
    this.#isActiveClose = this.#receiver?.isEnded === false;
    this.#sender.finish();
  }

  /** Whoever got data has done with that much of it: of all of it, even when the connection is over. */
  consumed(count: number): void {
    const receiver = this.#receiver;
    if (!receiver) return;
    receiver.consumed(count);
    if (this.#state === 'open' && !receiver.isEnded && receiver.hasNewRoom) this.#acknowledgeNow();
  }

  /** Ends it at once, and has the peer know. */
  abort(): void {
    if (this.#state === 'closed') return;
    if (this.#state !== 'time-wait') {
      const { next = this.#options.initialSequence } = this.#sender ?? {};
      this.#emit(next, TCP_RST | (this.#receiver ? TCP_ACK : 0));
    }
    this.#dispose();
  }

  /** Ends it at once, and says nothing. */
  discard(): void {
    if (this.#state !== 'closed') this.#dispose();
  }

  /** Takes a segment of the peer's. */
  receive(segment: TcpSegment): void {
    switch (this.#state) {
      case 'held':
        if ((segment.flags & TCP_RST) !== 0) this.#close('reset');
        return;
      case 'syn-sent':
        this.#receiveAnswer(segment);
        return;
      case 'closed':
        return;
      default:
        this.#receiveSynchronised(segment);
    }
  }

  /** An answer to our SYN. */
  #receiveAnswer(segment: TcpSegment): void {
    const { flags, acknowledgement } = segment;
    const expected = sequenceAfter(this.#options.initialSequence, 1);
    const isAck = (flags & TCP_ACK) !== 0;
    if (isAck && acknowledgement !== expected) {
      if ((flags & TCP_RST) === 0) this.#emit(acknowledgement, TCP_RST);
      return;
    }
    if ((flags & TCP_RST) !== 0) {
      if (isAck) this.#close('reset');
      return;
    }
    if ((flags & TCP_SYN) === 0) return;
    this.#learnPeer(segment, segment.windowScale !== null);
    if (!isAck) {
      // Both have opened at the same time.
      this.#state = 'syn-received';
      this.#sendSyn();
      return;
    }
    this.#open(segment, segment.window);
    this.#acknowledgeNow();
  }

  #receiveSynchronised(segment: TcpSegment): void {
    const receiver = this.#receiver as TcpReceiver;
    const sender = this.#sender as TcpSender;
    const { flags, acknowledgement } = segment;
    const isSyn = (flags & TCP_SYN) !== 0;
    if (isSyn && this.#state === 'syn-received' && (flags & TCP_ACK) === 0) {
      this.#sendSyn();
      return;
    }
    if (!receiver.isAcceptable(segment)) {
      if ((flags & TCP_RST) === 0) this.#challenge(segment);
      return;
    }
    if ((flags & TCP_RST) !== 0) {
      if (segment.sequence === receiver.next) this.#close('reset');
      else this.#challenge(segment);
      return;
    }
    if (isSyn && !(this.#state === 'syn-received' && (flags & TCP_ACK) !== 0)) {
      this.#challenge(segment);
      return;
    }
    if ((flags & TCP_ACK) === 0) return;
    const windowBytes = segment.window * 2 ** this.#peerScale;
    if (this.#state === 'syn-received') {
      if (acknowledgement !== sender.acknowledged) {
        this.#emit(acknowledgement, TCP_RST);
        return;
      }
      this.#open(segment, windowBytes);
      if (this.#isOver()) return;
    } else if (sequenceDistance(acknowledgement, sender.sent) > 0) {
      this.#challenge(segment);
      return;
    } else {
      this.#acknowledge(segment, windowBytes);
    }
    if (this.#state === 'open') this.#receiveData(segment);
    this.#settle();
  }

  #acknowledge(segment: TcpSegment, windowBytes: number): void {
    const sender = this.#sender as TcpSender;
    const before = sender.queue.byteLength;
    sender.acknowledge(segment, windowBytes);
    const acked = before - sender.queue.byteLength;
    if (acked === 0) return;
    this.#options.budget.give(acked);
    this.#options.events.onSpace();
  }

  #receiveData(segment: TcpSegment): void {
    const receiver = this.#receiver as TcpReceiver;
    const isEmpty = segment.payload.byteLength === 0 && (segment.flags & TCP_FIN) === 0;
    if (isEmpty || receiver.isEnded) return;
    const isInOrder = receiver.accept(segment);
    if (this.#isOver()) return;
    if (receiver.isEnded && !this.#isEndTold) {
      this.#isEndTold = true;
      this.#acknowledgeNow();
      this.#options.events.onEnd();
    } else if (!isInOrder || receiver.shallTell) this.#acknowledgeNow();
    else if (!this.#ackTimer.isArmed) this.#ackTimer.setIn(ACK_DELAY_NS);
  }

  /** Both halves may be done. */
  #settle(): void {
    if (this.#state !== 'open' || !this.#receiver?.isEnded || !this.#sender?.isFinAcknowledged)
      return;
    if (!this.#isActiveClose) {
      this.#close('closed');
      return;
    }
    this.#state = 'time-wait';
    this.#ackTimer.cancel();
    this.#sender.close();
    this.#timer.setIn(TIME_WAIT_NS);
  }

  #isOver(): boolean {
    return this.#state === 'closed';
  }

  #learnPeer({ mss, windowScale, sequence }: TcpSegment, hasScale: boolean): void {
    const { budget, events } = this.#options;
    this.#peerMss = Math.max(Math.min(mss ?? DEFAULT_MSS, this.#options.mss), MIN_MSS);
    this.#peerScale = hasScale ? (windowScale ?? 0) : 0;
    this.#ownScale = hasScale ? WINDOW_SCALE : 0;
    this.#receiver = new TcpReceiver({
      sequence: sequenceAfter(sequence, 1),
      limitBytes: hasScale ? RECEIVE_BYTES : 65_535,
      mss: this.#peerMss,
      budget,
      onData: (bytes) => events.onData(bytes),
    });
    this.#sender = new TcpSender({
      timers: this.#options.timers,
      roundTrip: this.#roundTrip,
      mss: this.#peerMss,
      sequence: sequenceAfter(this.#options.initialSequence, 1),
      emit: (at, offset, length, isFin) => this.#emitData(at, offset, length, isFin),
      emitProbe: (at) => this.#emit(at, TCP_ACK),
      onTimeout: () => this.#giveUp(),
    });
  }

  #open(segment: TcpSegment, windowBytes: number): void {
    this.#state = 'open';
    this.#timer.cancel();
    this.#roundTrip.acknowledged(segment.acknowledgement, this.#options.timers.nowNs());
    this.#sender?.openWindow(segment, windowBytes);
    this.#options.events.onOpen();
    if (this.#isOver()) return;
    if (this.#shallEnd) this.end();
    this.#sender?.flush();
  }

  #sendSyn(): void {
    const { initialSequence, mss, timers } = this.#options;
    const isAnswer = this.#state === 'syn-received';
    const windowScale = isAnswer && this.#ownScale === 0 ? null : WINDOW_SCALE;
    if (this.#synRetries === 0)
      this.#roundTrip.start(sequenceAfter(initialSequence, 1), timers.nowNs());
    else this.#roundTrip.stop();
    this.#emit(initialSequence, isAnswer ? TCP_SYN | TCP_ACK : TCP_SYN, null, { mss, windowScale });
    this.#timer.setIn(this.#roundTrip.timeoutNs);
  }

  #expired(): void {
    if (this.#state === 'time-wait') {
      this.#close('closed');
      return;
    }
    this.#synRetries++;
    if (this.#synRetries > MAX_SYN_RETRIES) this.#giveUp();
    else {
      this.#roundTrip.backOff();
      this.#sendSyn();
    }
  }

  /** Sends a SYN that waits for its answer again: the peer can be reached now. */
  retry(): void {
    if (this.#state === 'syn-sent') this.#sendSyn();
  }

  /** Says where we are to a peer that seems to be elsewhere. */
  #challenge({ payload }: TcpSegment): void {
    const nowNs = this.#options.timers.nowNs();
    if (payload.byteLength === 0) {
      if (nowNs - this.#challengedNs < CHALLENGE_INTERVAL_NS) return;
      this.#challengedNs = nowNs;
    }
    this.#acknowledgeNow();
  }

  #acknowledgeNow(): void {
    this.#emit(this.#sender?.next ?? 0, TCP_ACK);
  }

  #emitData(sequence: number, offset: number, length: number, isFin: boolean): void {
    const queue = (this.#sender as TcpSender).queue;
    const isLast = offset + length === queue.byteLength;
    const flags = TCP_ACK | (isFin ? TCP_FIN : 0) | (isLast && length > 0 ? TCP_PSH : 0);
    this.#emit(sequence, flags, length === 0 ? null : { queue, offset, length });
  }

  #emit(
    sequence: number,
    flags: number,
    data: TcpData | null = null,
    options: Pick<TcpHeader, 'mss' | 'windowScale'> = { mss: null, windowScale: null },
  ): void {
    const receiver = this.#receiver;
    const scale = (flags & TCP_SYN) !== 0 ? 0 : this.#ownScale;
    const offered = receiver ? receiver.offer() : RECEIVE_BYTES;
    const window = Math.min(offered >>> scale, 0xffff);
    const isAck = (flags & TCP_ACK) !== 0;
    const acknowledgement = isAck && receiver ? receiver.next : 0;
    if (isAck) this.#ackTimer.cancel();
    const header = { sequence, acknowledgement, flags, window, ...options };
    this.#options.output(header, data, this.#peerMss);
  }

  /** The peer does not answer. */
  #giveUp(): void {
    this.abort();
    this.#options.events.onClosed('timeout');
  }

  #close(end: TcpEnd): void {
    this.#dispose();
    this.#options.events.onClosed(end);
  }

  #dispose(): void {
    this.#state = 'closed';
    this.#timer.cancel();
    this.#ackTimer.cancel();
    this.#options.budget.give(this.bufferedBytes);
    this.#sender?.close();
    this.#receiver?.close();
  }
}
