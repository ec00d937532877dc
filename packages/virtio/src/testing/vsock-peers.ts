// The two ends of a socket device for tests: a host whose streams do what they are told, and a driver that speaks in packets.
import * as V from '../spec/vsock.js';
import { parseVsockHeader, type VsockHeader, vsockHeaderBytes } from '../vsock/vsock-header.js';
import type {
  VsockHost,
  VsockReceiver,
  VsockStream,
  VsockStreamEvents,
} from '../vsock/vsock-host.js';
import type { MockDriver } from './mock-driver.js';

/** A stream of the host's, and what was done to it. */
export class TestStream implements VsockStream {
  readonly port: number;
  readonly events: VsockStreamEvents;
  readonly calls: string[] = [];
  /** What was written, and not taken yet. */
  held: Uint8Array | null = null;
  /** What the host took. */
  text = '';
  #isClosed = false;

  constructor(port: number, events: VsockStreamEvents) {
    this.port = port;
    this.events = events;
  }

  write(bytes: Uint8Array): void {
    if (this.held) throw new Error('the second write at a time');
    if (this.calls.includes('end')) throw new Error('a write after the end');
    this.#mustLive();
    this.held = bytes;
  }

  /** Takes what was written. Returns how much it was. */
  take(): number {
    const { held } = this;
    if (!held) return 0;
    this.held = null;
    this.text += new TextDecoder('latin1').decode(held);
    this.events.onWritten();
    return held.length;
  }

  /** The device holds it, and the host has not closed it. */
  get isAlive(): boolean {
    return !this.#isClosed && !this.calls.includes('reset');
  }

  /** The host's end goes. */
  close(failure: string | null): void {
    this.#isClosed = true;
    this.events.onClosed(failure);
  }

  #mustLive(): void {
    if (!this.isAlive) throw new Error('a stream is used that is gone');
  }

  end(): void {
    this.#mustLive();
    this.calls.push('end');
  }
  reset(): void {
    this.#mustLive();
    this.calls.push('reset');
  }
  pause(): void {
    this.calls.push('pause');
  }
  resume(): void {
    this.calls.push('resume');
  }
}

export class TestHost implements VsockHost {
  readonly streams: TestStream[] = [];
  /** Ports from here on nobody listens at. */
  readonly portCount: number;
  refused = 0;
  #receiver: VsockReceiver | null = null;

  constructor(portCount = 5000) {
    this.portCount = portCount;
  }

  connect(port: number, events: VsockStreamEvents): VsockStream | null {
    return port < this.portCount ? this.#open(port, events) : null;
  }

  listen(receiver: VsockReceiver | null): void {
    this.#receiver = receiver;
  }

  /** Somebody of the host's asks for a port of the guest's. Returns how to leave. */
  request(port: number): () => void {
    const leave = this.#receiver?.({
      port,
      accept: (hostPort, events) => this.#open(hostPort, events),
      refuse: () => {
        this.refused++;
      },
    });
    return leave ?? (() => {});
  }

  #open(port: number, events: VsockStreamEvents): TestStream {
    const stream = new TestStream(port, events);
    this.streams.push(stream);
    return stream;
  }
}

export interface TestPacket {
  readonly header: VsockHeader;
  readonly text: string;
}

/** What a test says in a packet, beside its operation. */
export type PacketFields = Partial<VsockHeader> & { readonly payload?: Uint8Array };

/** A driver's side, in packets. */
export class VsockTalker {
  readonly #driver: MockDriver;
  readonly #cid: number;
  #unsent = 0;
  readonly #rooms: { at: number; byteLength: number }[] = [];

  constructor(driver: MockDriver, cid: number) {
    this.#driver = driver;
    this.#cid = cid;
  }

  /** Gives the device buffers of this size. */
  listen(count: number, byteLength = 4096): void {
    for (let i = 0; i < count; i++) {
      const room = this.#driver.range(byteLength);
      this.#rooms.push(room);
      this.#driver.add(0, [], [room]);
    }
  }

  /** What came since the last look. */
  heard(): TestPacket[] {
    const packets: TestPacket[] = [];
    for (let used = this.#driver.queues[0].take(); used; used = this.#driver.queues[0].take()) {
      const room = this.#rooms.shift();
      if (!room) throw new Error('a buffer that was not given');
      const bytes = this.#driver.bytes(room).subarray(0, used.written);
      if (bytes.length === 0) continue;
      const text = new TextDecoder('latin1').decode(bytes.subarray(V.VSOCK_HEADER_BYTES));
      packets.push({ header: parseVsockHeader(bytes), text });
    }
    return packets;
  }

  /** The same, by operations alone. */
  operations(): number[] {
    return this.heard().map(({ header }) => header.op);
  }

  send(op: number, { payload = new Uint8Array(), ...fields }: PacketFields = {}): void {
    const header = vsockHeaderBytes({
      sourceCid: this.#cid,
      destinationCid: V.VSOCK_HOST_CID,
      ...{ sourcePort: 7, destinationPort: 80, byteLength: payload.length, flags: 0 },
      ...{ type: V.VIRTIO_VSOCK_TYPE_STREAM, op, bufferBytes: 1 << 18, forwardedBytes: 0 },
      ...fields,
    });
    const pieces = [header, payload].filter(({ length }) => length > 0);
    this.#driver.add(
      1,
      pieces.map((bytes) => this.#driver.range(bytes)),
    );
    this.#unsent++;
    while (this.#driver.queues[1].take()) this.#unsent--;
  }

  /** Packets that the device has not looked at. */
  get unsentCount(): number {
    return this.#unsent;
  }

  /** Buffers that wait for packets. */
  get roomCount(): number {
    return this.#rooms.length;
  }
}
