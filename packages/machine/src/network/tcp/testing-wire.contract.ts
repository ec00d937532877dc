// Two ends of TCP on a wire that delays, loses, doubles and reorders segments, as told; for tests.
import { AlarmedTimers } from '../alarmed-timers.js';
import { ByteBudget } from '../byte-budget.js';
import { ManualAlarm } from '../testing-alarm.contract.js';
import { parseTcp, type TcpHeader, tcpHeaderBytes, writeTcp } from './segment.js';
import { TcpConnection } from './tcp-connection.js';
import type { TcpData, TcpEnd } from './tcp-options.js';

/** What becomes of a segment: when it arrives, each time it does, in ms. */
export type Fate = (index: number) => readonly number[];

const MS = 1e6;
const ports = { sourcePort: 1, targetPort: 2 };

export class TestEnd {
  readonly connection: TcpConnection;
  readonly budget: ByteBudget;
  readonly #received: Uint8Array[] = [];
  receivedBytes = 0;
  /** Every segment sent, in its order. */
  readonly sent: TcpHeader[] = [];
  isOpen = false;
  isEnded = false;
  end: TcpEnd | null = null;
  /** False: what arrives waits for `release`. */
  isReading = true;
  unread = 0;
  #unwritten: Uint8Array[] = [];
  #shallEnd = false;

  constructor(timers: AlarmedTimers, mss: number, transmit: (bytes: Uint8Array[]) => void) {
    this.budget = new ByteBudget(32 << 20);
    this.connection = new TcpConnection({
      timers,
      budget: this.budget,
      mss,
      initialSequence: 0xffff_f000,
      output: (header, data, peerMss) => {
        this.sent.push(header);
        transmit(segmentsOf(header, data, peerMss));
      },
      events: {
        onOpen: () => {
          this.isOpen = true;
        },
        onData: (bytes) => {
          this.#received.push(bytes);
          this.receivedBytes += bytes.byteLength;
          if (this.isReading) this.connection.consumed(bytes.byteLength);
          else this.unread += bytes.byteLength;
        },
        onSpace: () => this.#fill(),
        onEnd: () => {
          this.isEnded = true;
        },
        onClosed: (end) => {
          this.end = end;
        },
      },
    });
  }

  /** Whether that is all it has got. */
  hasReceived(bytes: Uint8Array): boolean {
    return Buffer.compare(Buffer.concat(this.#received), bytes) === 0;
  }

  /** Lets go of what has arrived, and reads on. */
  release(): void {
    this.isReading = true;
    const { unread } = this;
    this.unread = 0;
    this.connection.consumed(unread);
  }

  /** Writes all of it, as fast as it goes, then ends. */
  write(bytes: Uint8Array, shallEnd = true): void {
    for (let at = 0; at < bytes.byteLength; at += 30_000)
      this.#unwritten.push(bytes.slice(at, at + 30_000));
    this.#shallEnd = shallEnd;
    this.#fill();
  }

  #fill(): void {
    while (this.connection.bufferedBytes < 100_000) {
      const next = this.#unwritten.shift();
      if (next) this.connection.write(next);
      else break;
    }
    if (this.#unwritten.length === 0 && this.#shallEnd) this.connection.end();
  }
}

/** The bytes of a segment, cut as a network card would. */
function segmentsOf(header: TcpHeader, data: TcpData | null, mss: number): Uint8Array[] {
  const segments: Uint8Array[] = [];
  const length = data?.length ?? 0;
  for (let done = 0; done < length || done === 0; done += mss) {
    const part = Math.min(mss, length - done);
    const headerBytes = tcpHeaderBytes(header);
    const bytes = new Uint8Array(headerBytes + part);
    const isLast = done + part >= length;
    const flags = isLast ? header.flags : header.flags & ~9;
    const sequence = (header.sequence + done) >>> 0;
    writeTcp(new DataView(bytes.buffer), 0, ports, { ...header, sequence, flags }, 0);
    data?.queue.copyTo(bytes.subarray(headerBytes), data.offset + done);
    segments.push(bytes);
  }
  return segments;
}

export class TestWire {
  readonly alarm: ManualAlarm = new ManualAlarm();
  readonly timers: AlarmedTimers = new AlarmedTimers(this.alarm);
  /** Opens the connection; the other holds and accepts it at once. */
  readonly near: TestEnd;
  readonly far: TestEnd;

  constructor(fate: Fate = () => [1], mss = 1460) {
    let index = 0;
    const carry = (bytes: Uint8Array, arrive: (bytes: Uint8Array) => void): void => {
      for (const ms of fate(index++)) this.timers.create(() => arrive(bytes)).setIn(ms * MS);
    };
    this.near = new TestEnd(this.timers, mss, (all) => {
      for (const bytes of all) carry(bytes, (each) => this.#toFar(each));
    });
    this.far = new TestEnd(this.timers, mss, (all) => {
      for (const bytes of all)
        carry(bytes, (each) => {
          const segment = parseTcp(each);
          if (segment) this.near.connection.receive(segment);
        });
    });
  }

  #isHeld = false;

  #toFar(bytes: Uint8Array): void {
    const segment = parseTcp(bytes);
    if (!segment) return;
    const { connection } = this.far;
    if (this.#isHeld) connection.receive(segment);
    else if ((segment.flags & 0x02) !== 0) {
      this.#isHeld = true;
      connection.hold(segment);
      connection.accept();
    }
  }

  run(seconds: number, isDone?: () => boolean): void {
    this.alarm.run(seconds * 1e9, isDone);
  }
}

/** Bytes that are no others'. */
export function pattern(byteLength: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length: byteLength }, (_, i) => (i * 7 + (i >>> 8) * 13 + seed) & 0xff);
}
