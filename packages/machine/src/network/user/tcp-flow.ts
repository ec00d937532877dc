// TcpFlow: a connection with a guest, and the stream of the host's at its other end. Neither side sends more than the other takes.
import type { ByteBudget } from '../byte-budget.js';
import { ByteQueue } from '../tcp/byte-queue.js';
import { TcpConnection } from '../tcp/tcp-connection.js';
import type { TcpEvents, TcpOptions } from '../tcp/tcp-options.js';
import type { HostFailure, HostStream, HostStreamEvents } from './host-network.js';

/** What waits for a guest before the host's stream is paused, and when it goes on. */
const HIGH_BYTES = 512 * 1024;
const LOW_BYTES = 256 * 1024;

export interface TcpFlowOptions extends Omit<TcpOptions, 'events'> {
  readonly budget: ByteBudget;
  /** The host has found no way to where the guest wanted to go. */
  readonly onUnreachable: () => void;
  /** The guest has done with it; the host may still be taking what it sent. */
  readonly onGuestDone: () => void;
  readonly onOver: () => void;
}

export class TcpFlow {
  readonly connection: TcpConnection;
  readonly #options: TcpFlowOptions;
  #stream: HostStream | null = null;
  readonly #toHost = new ByteQueue();
  /** Bytes of the write that the host has not taken yet. */
  #writing = 0;
  #isPumping = false;
  #isPaused = false;
  #hasGuestEnded = false;
  #isEndSent = false;
  #isOver = false;
  usedNs: number;

  constructor(options: TcpFlowOptions) {
    this.#options = options;
    this.usedNs = options.timers.nowNs();
    this.connection = new TcpConnection({ ...options, events: this.#guestEvents() });
  }

  /** Joins it to a stream; a paused one goes on when the guest has answered. */
  attach(stream: HostStream, isPaused: boolean): void {
    if (this.#isOver) {
      stream.reset();
      return;
    }
    this.#stream = stream;
    this.#isPaused = isPaused;
  }

  /** Ends both sides at once. */
  abort(): void {
    this.connection.abort();
    this.#finish();
  }

  #guestEvents(): TcpEvents {
    return {
      onOpen: () => this.#resumeIfRoom(),
      onData: (bytes) => {
        this.usedNs = this.#options.timers.nowNs();
        this.#toHost.append(bytes);
        this.#pump();
      },
      onSpace: () => {
        this.usedNs = this.#options.timers.nowNs();
        this.#resumeIfRoom();
      },
      onEnd: () => {
        this.#hasGuestEnded = true;
        this.#pump();
      },
      onClosed: (end) => {
        if (end === 'closed' && this.#stream) this.#options.onGuestDone();
        else this.#finish();
      },
    };
  }

  /** What the host's stream tells. */
  readonly hostEvents: HostStreamEvents = {
    onConnected: () => this.connection.accept(),
    onData: (bytes) => {
      this.usedNs = this.#options.timers.nowNs();
      this.connection.write(bytes);
      if (!this.#isPaused && !this.#hasRoom(HIGH_BYTES)) {
        this.#isPaused = true;
        this.#stream?.pause();
      }
    },
    onWritten: () => {
      const count = this.#writing;
      this.#writing = 0;
      this.connection.consumed(count);
      this.#pump();
    },
    onEnd: () => this.connection.end(),
    onClosed: (failure) => {
      this.#stream = null;
      if (failure) this.#fail(failure);
      else if (this.connection.state === 'closed') this.#finish();
    },
  };

  #fail(failure: HostFailure): void {
    const isUnreachable = failure === 'unreachable' && this.connection.state === 'held';
    if (isUnreachable) {
      this.#options.onUnreachable();
      this.connection.discard();
    } else this.connection.abort();
    this.#finish();
  }

  #hasRoom(limitBytes: number): boolean {
    const waiting = this.connection.bufferedBytes;
    return waiting < limitBytes && this.#options.budget.left(waiting) > 0;
  }

  #resumeIfRoom(): void {
    if (!this.#isPaused || !this.#hasRoom(LOW_BYTES)) return;
    this.#isPaused = false;
    this.#stream?.resume();
  }

  /** Gives the host what waits for it, one write at a time. */
  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    while (this.#writing === 0 && this.#stream) {
      const bytes = this.#toHost.shift();
      if (!bytes) break;
      this.#writing = bytes.byteLength;
      this.#stream.write(bytes);
    }
    this.#isPumping = false;
    if (!this.#hasGuestEnded || this.#isEndSent || this.#writing > 0) return;
    this.#isEndSent = true;
    this.#stream?.end();
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.connection.consumed(this.#writing + this.#toHost.byteLength);
    this.#writing = 0;
    this.#toHost.clear();
    this.#stream?.reset();
    this.#stream = null;
    this.#options.onOver();
  }
}
