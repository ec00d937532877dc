// Whom a hostile driver's sockets lead to: streams that take what they get at once or later, and do at random what streams do. What is
// said of the device in `HostilePeer` must always hold.
import type { VsockHost, VsockReceiver, VsockStream, VsockStreamEvents } from '@proxeny/virtio';

export const GUEST_CID = 3;
const PORTS = 3;
/** What the device may hold of a guest's data for one connection. */
const MAX_WRITTEN_BYTES = 128 * 1024;

class HostileStream implements VsockStream {
  readonly events: VsockStreamEvents;
  readonly #isSlow: boolean;
  readonly #onOver: () => void;
  #isWriting = false;
  #isOver = false;

  constructor(events: VsockStreamEvents, isSlow: boolean, onOver: () => void) {
    this.events = events;
    this.#isSlow = isSlow;
    this.#onOver = onOver;
  }

  write(bytes: Uint8Array): void {
    if (this.#isWriting || this.#isOver) throw new Error('written to while it was not to be');
    if (bytes.length === 0 || bytes.length > MAX_WRITTEN_BYTES)
      throw new Error(`${bytes.length} bytes were written`);
    this.#isWriting = true;
    if (!this.#isSlow) this.#taken();
  }
  #taken(): void {
    if (!this.#isWriting) return;
    this.#isWriting = false;
    this.events.onWritten();
  }

  end(): void {
    if (this.#isWriting || this.#isOver) throw new Error('ended while it was not to be');
  }
  reset(): void {
    this.#over();
  }
  pause(): void {}
  resume(): void {}

  #over(): void {
    if (this.#isOver) throw new Error('let go of twice');
    this.#isOver = true;
    this.#onOver();
  }

  stir(value: number): void {
    switch (value % 8) {
      case 0:
        this.events.onConnected();
        break;
      case 1:
        this.events.onEnd();
        break;
      case 2:
        this.#over();
        this.events.onClosed(value & 8 ? 'reset' : null);
        break;
      case 3:
        this.events.onData(new Uint8Array(value % 1000).fill(0xff));
        break;
      default:
        this.#taken();
    }
  }
}

export class HostilePeer implements VsockHost {
  readonly #streams: Set<HostileStream> = new Set();
  readonly #leaving: (() => void)[] = [];
  #receiver: VsockReceiver | null = null;

  connect(port: number, events: VsockStreamEvents): VsockStream | null {
    if (port % PORTS === 0) return null;
    const stream = this.#open(port, events);
    if (port % PORTS === 1) events.onConnected();
    return stream;
  }

  listen(receiver: VsockReceiver | null): void {
    this.#receiver = receiver;
  }

  stir(value: number): void {
    const asked = value >>> 8;
    if (asked % 16 === 0) this.#request(asked % PORTS);
    else if (asked % 16 === 1) this.#leaving.shift()?.();
    const index = asked % Math.max(1, this.#streams.size);
    [...this.#streams][index]?.stir(value);
  }

  #open(port: number, events: VsockStreamEvents): HostileStream {
    const stream: HostileStream = new HostileStream(events, port % 2 === 0, () =>
      this.#streams.delete(stream),
    );
    this.#streams.add(stream);
    return stream;
  }

  #request(port: number): void {
    let isAnswered = false;
    const answer = (): void => {
      if (isAnswered) throw new Error('a request was answered twice');
      isAnswered = true;
    };
    const leave = this.#receiver?.({
      port,
      accept: (hostPort, events) => {
        answer();
        return this.#open(hostPort, events);
      },
      refuse: answer,
    });
    if (leave) this.#leaving.push(leave);
    // Those that were answered do nothing.
    this.#leaving.splice(0, this.#leaving.length - 20);
  }
}

/** A packet between few ports that may mean something. */
export function vsockPacket(below: (count: number) => number): Uint8Array {
  const view = new DataView(new ArrayBuffer(44));
  view.setUint32(0, GUEST_CID + (below(30) === 0 ? 1 : 0), true);
  view.setUint32(8, 2, true);
  view.setUint32(16, below(2), true);
  view.setUint32(20, below(PORTS) + (below(4) === 0 ? 2 ** 30 : 0), true);
  view.setUint32(24, below(3) ? below(64) : below(4000), true);
  view.setUint16(28, below(30) === 0 ? 2 : 1, true);
  view.setUint16(30, below(3) ? 1 + below(7) : below(9), true);
  view.setUint32(32, below(4), true);
  view.setUint32(36, below(2) ? 0xffff_ffff : below(5000), true);
  view.setUint32(40, below(2000), true);
  return new Uint8Array(view.buffer);
}
