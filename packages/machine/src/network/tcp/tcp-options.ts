// What a TcpConnection is given, and what it tells.
import type { AlarmedTimers } from '../alarmed-timers.js';
import type { ByteBudget } from '../byte-budget.js';
import type { ByteQueue } from './byte-queue.js';
import type { TcpHeader } from './segment.js';

export type TcpEnd = 'closed' | 'reset' | 'timeout';

export interface TcpEvents {
  /** The handshake is done. */
  onOpen(): void;
  /** Bytes in order, to be answered with `consumed` when they are kept no longer. Nobody changes them. */
  onData(bytes: Uint8Array): void;
  /** Some of what was written is acknowledged. */
  onSpace(): void;
  /** The peer sends no more. */
  onEnd(): void;
  /** Nothing follows. Not called for `abort`. */
  onClosed(end: TcpEnd): void;
}

/** Data of a segment: a range of a queue. */
export interface TcpData {
  readonly queue: ByteQueue;
  readonly offset: number;
  readonly length: number;
}

export interface TcpOptions {
  readonly timers: AlarmedTimers;
  readonly budget: ByteBudget;
  /** Sends a segment; data longer than `mss` is to be cut. */
  readonly output: (header: TcpHeader, data: TcpData | null, mss: number) => void;
  readonly events: TcpEvents;
  /** What we take in a segment. */
  readonly mss: number;
  readonly initialSequence: number;
}
