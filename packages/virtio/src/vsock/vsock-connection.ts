// VsockConnection: a connection between a port of the guest's and one of the host's. VIRTIO 1.2 §5.10.6.
// What it holds of the guest's data is bounded by the credit that it gives (§5.10.6.3), what it holds of the host's by pausing the stream.
// Counts of bytes are modulo 2^32.
import * as V from '../spec/vsock.js';
import { InboundBytes } from './inbound-bytes.js';
import type { VsockHeader } from './vsock-header.js';
import type { VsockRequest, VsockStream, VsockStreamEvents } from './vsock-host.js';

/** Bytes of the guest's that a connection holds until its stream takes them. */
export const BUFFER_BYTES: number = 128 * 1024;
/** Bytes of the host's, beyond which its stream pauses. */
const MAX_OUTBOUND_BYTES = 64 * 1024;

/** Whom a connection tells about itself. */
export interface VsockConnectionOwner {
  /** It has packets for the guest. */
  ready(connection: VsockConnection): void;
  /** It is over: nothing follows at either end. */
  gone(connection: VsockConnection): void;
}

/** A packet without what all packets of a connection have. */
export interface VsockPacket {
  readonly op: number;
  readonly flags: number;
  readonly payload: Uint8Array | null;
}

/**
 * `asked`: the host wants it; `connecting`: the guest does; `open`; `leaving`: the host's end is gone, and the guest is to hear of it after
 * all that was sent; `left`: it has heard, and is to say so; `draining`: the guest's end is gone, and the host is to get the rest of what it
 * sent; `over`.
 */
type State = 'asked' | 'connecting' | 'open' | 'leaving' | 'left' | 'draining' | 'over';

export class VsockConnection implements VsockStreamEvents {
  readonly guestPort: number;
  readonly hostPort: number;
  readonly #owner: VsockConnectionOwner;
  #state: State;
  #request: VsockRequest | null = null;
  #stream: VsockStream | null = null;
  /** REQUEST or RESPONSE is to be sent; 0: neither. */
  #opening = 0;

  readonly #inbound = new InboundBytes();
  /** With the stream: it has not taken them yet. */
  #writtenBytes = 0;
  #receivedBytes = 0;
  #forwardedBytes = 0;
  /** What the guest was told of the last. */
  #toldBytes = 0;
  #owesCredit = false;
  #hasGuestEnded = false;
  #isStreamEnded = false;

  readonly #outbound: Uint8Array[] = [];
  #outboundBytes = 0;
  #sentBytes = 0;
  #guestBufferBytes = 0;
  #guestForwardedBytes = 0;
  #askedForCredit = false;
  #isPaused = false;
  #hasHostEnded = false;
  /** The guest takes no more. */
  #isDeaf = false;
  #shutdownSent = 0;
  /** The end is no good one. */
  #isReset = false;

  private constructor(
    owner: VsockConnectionOwner,
    state: State,
    { guestPort, hostPort }: { guestPort: number; hostPort: number },
  ) {
    this.#owner = owner;
    this.#state = state;
    this.guestPort = guestPort;
    this.hostPort = hostPort;
  }

  /** The guest asks for it. `connect` finds whoever it asks for. Null if there is nobody. */
  static fromGuest(
    owner: VsockConnectionOwner,
    header: VsockHeader,
    connect: (events: VsockStreamEvents) => VsockStream | null,
  ): VsockConnection | null {
    const ports = { guestPort: header.sourcePort, hostPort: header.destinationPort };
    const connection = new VsockConnection(owner, 'connecting', ports);
    connection.takeCredit(header);
    connection.#stream = connect(connection);
    return connection.#stream && connection;
  }

  /** The host asks for it. */
  static fromHost(
    owner: VsockConnectionOwner,
    request: VsockRequest,
    hostPort: number,
  ): VsockConnection {
    const connection = new VsockConnection(owner, 'asked', { guestPort: request.port, hostPort });
    connection.#request = request;
    connection.#opening = V.VIRTIO_VSOCK_OP_REQUEST;
    return connection;
  }

  /** For headers. */
  get forwardedBytes(): number {
    return this.#forwardedBytes;
  }

  /** Waits only for the guest to say that it has gone: it may be forgotten when others need its place. */
  get isLeft(): boolean {
    return this.#state === 'left';
  }

  /** Credit comes with every packet. */
  takeCredit({ bufferBytes, forwardedBytes }: VsockHeader): void {
    this.#guestBufferBytes = bufferBytes;
    this.#guestForwardedBytes = forwardedBytes;
    if (this.#guestRoom > 0) this.#askedForCredit = false;
  }

  /** A packet of the guest's: its operation, flags and data. */
  receive(op: number, flags: number, payload: Uint8Array): void {
    if (op === V.VIRTIO_VSOCK_OP_RST) this.#guestReset();
    else if (op === V.VIRTIO_VSOCK_OP_RESPONSE) this.#accepted();
    else if (op === V.VIRTIO_VSOCK_OP_RW) this.#take(payload);
    else if (op === V.VIRTIO_VSOCK_OP_SHUTDOWN) this.#guestShutdown(flags);
    else if (op === V.VIRTIO_VSOCK_OP_CREDIT_REQUEST) this.#owesCredit = true;
    else if (op !== V.VIRTIO_VSOCK_OP_CREDIT_UPDATE) this.reset();
    this.#announce();
  }

  /** Something is wrong: ends it at both ends. */
  reset(): void {
    if (this.#state === 'over') return;
    this.#letGo();
    this.#leave(true);
  }

  /** The guest is gone, and everything of it. */
  abandon(): void {
    if (this.#state === 'over') return;
    this.#letGo();
    this.#state = 'over';
  }

  /** Whoever asked for it at the host is gone. */
  cancel(): void {
    if (this.#state !== 'asked') return;
    this.#request = null;
    if (this.#opening === 0) this.#leave(true);
    else this.#finish();
  }

  onConnected(): void {
    if (this.#state !== 'connecting') return;
    this.#state = 'open';
    this.#opening = V.VIRTIO_VSOCK_OP_RESPONSE;
    this.#announce();
  }

  onData(bytes: Uint8Array): void {
    if (this.#state !== 'open' || this.#isDeaf || bytes.length === 0) return;
    this.#outbound.push(bytes);
    this.#outboundBytes += bytes.length;
    if (this.#outboundBytes >= MAX_OUTBOUND_BYTES && !this.#isPaused) {
      this.#isPaused = true;
      this.#stream?.pause();
    }
    this.#announce();
  }

  onWritten(): void {
    this.#forward(this.#writtenBytes);
    this.#writtenBytes = 0;
    this.#write();
    this.#announce();
  }

  onEnd(): void {
    this.#hasHostEnded = true;
    this.#announce();
  }

  onClosed(failure: string | null): void {
    this.#stream = null;
    if (this.#state === 'draining') this.#finish();
    if (this.#state === 'over') return;
    this.#leave(failure !== null || this.#state === 'connecting');
  }

  /** Whether there is a packet to be sent now. */
  get hasPacket(): boolean {
    return this.#nextOperation() !== 0;
  }

  /** @param room bytes of data that the packet may have, more than 0 */
  nextPacket(room: number): VsockPacket | null {
    const op = this.#nextOperation();
    let flags = 0;
    let payload: Uint8Array | null = null;
    if (op === 0) return null;
    // The header says so.
    this.#toldBytes = this.#forwardedBytes;
    this.#owesCredit = false;
    switch (op) {
      case V.VIRTIO_VSOCK_OP_REQUEST:
      case V.VIRTIO_VSOCK_OP_RESPONSE:
        this.#opening = 0;
        break;
      case V.VIRTIO_VSOCK_OP_RW:
        payload = this.#nextData(room);
        break;
      case V.VIRTIO_VSOCK_OP_CREDIT_REQUEST:
        this.#askedForCredit = true;
        break;
      case V.VIRTIO_VSOCK_OP_SHUTDOWN:
        flags = this.#wantedShutdown;
        this.#shutdownSent = flags;
        if (this.#state === 'leaving') this.#state = 'left';
        break;
      case V.VIRTIO_VSOCK_OP_RST:
        this.#finish();
        break;
    }
    return { op, flags, payload };
  }

  /** What the guest has room for. */
  get #guestRoom(): number {
    const used = (this.#sentBytes - this.#guestForwardedBytes) >>> 0;
    return Math.max(0, this.#guestBufferBytes - used);
  }

  get #wantedShutdown(): number {
    if (this.#state === 'leaving') return V.VIRTIO_VSOCK_SHUTDOWN_F_BOTH;
    return this.#hasHostEnded && this.#state === 'open' ? V.VIRTIO_VSOCK_SHUTDOWN_F_SEND : 0;
  }

  /** 0: nothing is to be sent. */
  #nextOperation(): number {
    const isTalking = this.#state === 'open' || this.#state === 'leaving';
    if (this.#opening !== 0) return this.#opening;
    if (!isTalking) return 0;
    if (this.#outboundBytes > 0) {
      if (this.#guestRoom > 0) return V.VIRTIO_VSOCK_OP_RW;
      if (!this.#askedForCredit) return V.VIRTIO_VSOCK_OP_CREDIT_REQUEST;
    }
    const untoldBytes = (this.#forwardedBytes - this.#toldBytes) >>> 0;
    if (this.#owesCredit || untoldBytes >= BUFFER_BYTES / 2) return V.VIRTIO_VSOCK_OP_CREDIT_UPDATE;
    if (this.#outboundBytes > 0) return 0;
    if (this.#state === 'leaving' && this.#isReset) return V.VIRTIO_VSOCK_OP_RST;
    return this.#wantedShutdown & ~this.#shutdownSent ? V.VIRTIO_VSOCK_OP_SHUTDOWN : 0;
  }

  #nextData(room: number): Uint8Array {
    const [first] = this.#outbound;
    const payload = first.subarray(0, Math.min(room, this.#guestRoom));
    if (payload.length === first.length) this.#outbound.shift();
    else this.#outbound[0] = first.subarray(payload.length);
    this.#outboundBytes -= payload.length;
    this.#sentBytes = (this.#sentBytes + payload.length) >>> 0;
    if (this.#isPaused && this.#outboundBytes < MAX_OUTBOUND_BYTES / 2) {
      this.#isPaused = false;
      this.#stream?.resume();
    }
    return payload;
  }

  #accepted(): void {
    if (this.#state !== 'asked' || this.#opening !== 0 || !this.#request) {
      this.reset();
      return;
    }
    const request = this.#request;
    this.#request = null;
    this.#state = 'open';
    this.#stream = request.accept(this.hostPort, this);
  }

  #take(payload: Uint8Array): void {
    // The host's end is gone, which the guest may not know.
    if (this.#state === 'leaving' || this.#state === 'left') return;
    const heldBytes = (this.#receivedBytes - this.#forwardedBytes) >>> 0;
    const isAllowed = this.#state === 'open' && !this.#hasGuestEnded && this.#opening === 0;
    if (!isAllowed || heldBytes + payload.length > BUFFER_BYTES) {
      this.reset();
      return;
    }
    this.#receivedBytes = (this.#receivedBytes + payload.length) >>> 0;
    this.#inbound.append(payload);
    this.#write();
  }

  #guestShutdown(flags: number): void {
    if (this.#state === 'asked' || this.#state === 'connecting') {
      this.reset();
      return;
    }
    if (flags & V.VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE) {
      this.#isDeaf = true;
      this.#dropOutbound();
    }
    if (flags & V.VIRTIO_VSOCK_SHUTDOWN_F_SEND) this.#hasGuestEnded = true;
    if (this.#stream) this.#write();
    // The host's end went first, and now the guest's does.
    else if (this.#isDeaf && this.#hasGuestEnded) this.#leave(true);
  }

  /** It is over for the guest; what it sent before it ended it itself is still for the host. */
  #guestReset(): void {
    const isDone = this.#isDeaf && this.#hasGuestEnded;
    if (this.#state === 'open' && isDone && this.#stream) {
      this.#state = 'draining';
      this.#opening = 0;
      this.#write();
      return;
    }
    this.#letGo();
    this.#finish();
  }

  /** Hands what the guest sent to the stream; after the last of it, its end. */
  #write(): void {
    if (this.#writtenBytes > 0 || !this.#stream) return;
    if (this.#inbound.byteLength > 0) {
      const bytes = this.#inbound.take();
      this.#writtenBytes = bytes.length;
      this.#stream.write(bytes);
      return;
    }
    if (!this.#hasGuestEnded) return;
    if (!this.#isStreamEnded) this.#stream.end();
    this.#isStreamEnded = true;
    if (!this.#isDeaf) return;
    // Neither end has anything to say.
    this.#letGo();
    if (this.#state === 'draining') this.#finish();
    else this.#leave(true);
  }

  #forward(byteLength: number): void {
    this.#forwardedBytes = (this.#forwardedBytes + byteLength) >>> 0;
  }

  #dropOutbound(): void {
    this.#outbound.length = 0;
    this.#outboundBytes = 0;
    if (this.#isPaused) this.#stream?.resume();
    this.#isPaused = false;
  }

  /** The host's end goes, whatever it is. */
  #letGo(): void {
    this.#stream?.reset();
    this.#stream = null;
    this.#request?.refuse();
    this.#request = null;
    this.#outbound.length = 0;
    this.#outboundBytes = 0;
  }

  /** The guest is to hear that the host's end is gone. */
  #leave(isReset: boolean): void {
    if (this.#state === 'over') return;
    this.#opening = 0;
    this.#state = 'leaving';
    this.#isReset ||= isReset;
    this.#inbound.take();
    this.#announce();
  }

  #finish(): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#opening = 0;
    this.#inbound.take();
    this.#owner.gone(this);
  }

  /** Tells the owner if there is something for the guest. */
  #announce(): void {
    if (this.hasPacket) this.#owner.ready(this);
  }
}
