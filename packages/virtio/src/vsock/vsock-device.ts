// VsockDevice: the socket device: streams between ports of the guest's and of the host's. VIRTIO 1.2 §5.10.
// What it keeps is bounded: so many connections, each with so many bytes, and so many refusals; while there are more of these, it does not
// look at what else the guest sends (§5.10.6.1.1).
import { readConfigSpace } from '../device/config-space.js';
import type { AccessSize, DriverConnection, VirtioDevice } from '../device/virtio-device.js';
import type { DescriptorChain } from '../queue/descriptor-chain.js';
import { SavedState } from '../saved-state.js';
import { featureMask } from '../spec/feature.js';
import * as V from '../spec/vsock.js';
import { BUFFER_BYTES, VsockConnection, type VsockConnectionOwner } from './vsock-connection.js';
import { parseVsockHeader, type VsockHeader, vsockHeaderBytes } from './vsock-header.js';
import type { VsockHost, VsockRequest } from './vsock-host.js';

const RECEIVE = 0;
const TRANSMIT = 1;
const EVENT = 2;
const QUEUE_SIZES: readonly number[] = [128, 128, 16];
const MAX_CONNECTIONS = 256;
const MAX_REFUSALS = 64;
/** Host ports of connections that the host asks for; programs listen at lower ones. */
const FIRST_HOST_PORT = 2 ** 30;
const HOST_PORT_COUNT = 2 ** 30;

export interface VsockDeviceOptions {
  /** The guest's address: 3 to 2^32 − 2. */
  readonly guestCid: number;
  /** Where the guest's connections lead, and the host's come from. */
  readonly host: VsockHost;
  /** The driver got something: called outside of any access of the guest. */
  readonly onCompletion?: () => void;
}

/** Saved state of a {@link VsockDevice}: connections are the host's too, and end; the driver is told. */
export interface VsockDeviceState {
  readonly version: 1;
}

export class VsockDevice implements VirtioDevice {
  readonly deviceId: number = V.VIRTIO_ID_VSOCK;
  readonly features: bigint = featureMask(V.VIRTIO_VSOCK_F_STREAM);
  readonly queueSizes: readonly number[] = QUEUE_SIZES;
  readonly configBytes: number = V.VSOCK_CONFIG_BYTES;
  readonly #guestCid: number;
  readonly #host: VsockHost;
  readonly #onCompletion: () => void;
  readonly #config: DataView = new DataView(new ArrayBuffer(V.VSOCK_CONFIG_BYTES));
  readonly #connections: Map<string, VsockConnection> = new Map();
  /** Those with packets for the guest, whose turn it is first. */
  readonly #ready: Set<VsockConnection> = new Set();
  /** Headers of packets that refuse what belongs to no connection. */
  readonly #refusals: Uint8Array[] = [];
  readonly #owner: VsockConnectionOwner = {
    ready: (connection) => {
      this.#ready.add(connection);
      this.#serveLater();
    },
    gone: (connection) => {
      this.#ready.delete(connection);
      this.#connections.delete(keyOf(connection.guestPort, connection.hostPort));
    },
  };
  #driver: DriverConnection | null = null;
  #isServing = false;
  #mustTellReset = false;
  #nextHostPort = FIRST_HOST_PORT;

  constructor(options: VsockDeviceOptions) {
    const { guestCid, host, onCompletion = () => {} } = options;
    const isAddress = guestCid >= V.VSOCK_FIRST_CID && guestCid <= V.VSOCK_LAST_CID;
    if (!isAddress || !Number.isInteger(guestCid))
      throw new RangeError(`${guestCid} is no address of a guest`);
    this.#guestCid = guestCid;
    this.#host = host;
    this.#onCompletion = onCompletion;
    this.#config.setUint32(0, guestCid, true);
    host.listen((request) => this.#requested(request));
  }

  /** Connections of the guest's and the host's, with those that end. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  readConfig(offset: number, size: AccessSize): number {
    return readConfigSpace(this.#config, offset, size);
  }

  writeConfig(): void {}

  activate(driver: DriverConnection): void {
    this.#driver = driver;
  }

  notified(index: number): void {
    if (index === EVENT) this.#tellReset();
    else this.#serve();
  }

  queueReset(): void {}

  reset(): void {
    this.#driver = null;
    this.#mustTellReset = false;
    this.#refusals.length = 0;
    this.#ready.clear();
    const connections = [...this.#connections.values()];
    this.#connections.clear();
    for (const connection of connections) connection.abandon();
  }

  save(): VsockDeviceState {
    return { version: 1 };
  }

  restore(state: unknown): void {
    new SavedState('virtio socket device', state, 1);
    this.#mustTellReset = true;
  }

  #tellReset(): void {
    const queue = this.#driver?.queue(EVENT);
    if (!queue || !this.#mustTellReset) return;
    const chain = queue.pop();
    if (chain === null) return;
    this.#mustTellReset = false;
    const event = new Uint8Array(V.VSOCK_EVENT_BYTES).fill(V.VIRTIO_VSOCK_EVENT_TRANSPORT_RESET);
    queue.push(chain, chain.write(0, event));
    this.#driver?.publish(EVENT);
  }

  #requested(request: VsockRequest): () => void {
    if (!this.#driver?.queue(RECEIVE) || !this.#hasPlace()) {
      request.refuse();
      return () => {};
    }
    while (this.#connections.has(keyOf(request.port, this.#nextHostPort))) this.#passPort();
    const connection = VsockConnection.fromHost(this.#owner, request, this.#nextHostPort);
    this.#passPort();
    this.#connections.set(keyOf(connection.guestPort, connection.hostPort), connection);
    this.#owner.ready(connection);
    return () => connection.cancel();
  }

  #passPort(): void {
    const next = this.#nextHostPort - FIRST_HOST_PORT + 1;
    this.#nextHostPort = FIRST_HOST_PORT + (next % HOST_PORT_COUNT);
  }

  /** Whether there may be one more connection, if need be instead of one that the guest does not say goodbye to. */
  #hasPlace(): boolean {
    if (this.#connections.size < MAX_CONNECTIONS) return true;
    for (const [key, connection] of this.#connections) {
      if (!connection.isLeft) continue;
      this.#connections.delete(key);
      this.#ready.delete(connection);
      connection.abandon();
      return true;
    }
    return false;
  }

  /** Something has happened outside; what happens while the device works is looked at when it is done. */
  #serveLater(): void {
    if (this.#isServing) return;
    this.#serve();
    this.#onCompletion();
  }

  /** Takes what the guest sends, and gives it what is there for it, as far as there is room. */
  #serve(): void {
    if (this.#isServing) return;
    this.#isServing = true;
    this.#fill();
    while (this.#drain() && this.#fill());
    this.#fill();
    this.#isServing = false;
  }

  /** Whether it stopped because the guest must take refusals first. */
  #drain(): boolean {
    const driver = this.#driver;
    const queue = driver?.queue(TRANSMIT);
    if (!driver || !queue) return false;
    while (this.#refusals.length < MAX_REFUSALS) {
      const chain = queue.pop();
      if (chain === null) break;
      this.#transmit(chain);
      queue.push(chain, 0);
    }
    driver.publish(TRANSMIT);
    return this.#refusals.length >= MAX_REFUSALS;
  }

  /** Takes a packet; what is none is lost. */
  #transmit(chain: DescriptorChain): void {
    const bytes = new Uint8Array(V.VSOCK_HEADER_BYTES);
    if (chain.read(0, bytes) < bytes.length) return;
    const header = parseVsockHeader(bytes);
    const { sourceCid, destinationCid, sourcePort, destinationPort, type, op, flags } = header;
    // Nobody else can be answered.
    if (sourceCid !== this.#guestCid) return;
    const isOurs = destinationCid === V.VSOCK_HOST_CID && type === V.VIRTIO_VSOCK_TYPE_STREAM;
    const connection = isOurs ? this.#connections.get(keyOf(sourcePort, destinationPort)) : null;
    if (!connection) {
      const isRequest = isOurs && op === V.VIRTIO_VSOCK_OP_REQUEST;
      if (!(isRequest && this.#connect(header)) && op !== V.VIRTIO_VSOCK_OP_RST)
        this.#refuse(header);
      return;
    }
    connection.takeCredit(header);
    const byteLength = op === V.VIRTIO_VSOCK_OP_RW ? header.byteLength : 0;
    const hasAll = chain.readableBytes - V.VSOCK_HEADER_BYTES >= byteLength;
    if (!hasAll || byteLength > BUFFER_BYTES) {
      connection.reset();
      return;
    }
    const payload = new Uint8Array(byteLength);
    chain.read(V.VSOCK_HEADER_BYTES, payload);
    connection.receive(op, flags, payload);
  }

  #connect(header: VsockHeader): boolean {
    if (!this.#hasPlace()) return false;
    const { sourcePort, destinationPort } = header;
    const connection = VsockConnection.fromGuest(this.#owner, header, (events) =>
      this.#host.connect(destinationPort, events),
    );
    if (connection) this.#connections.set(keyOf(sourcePort, destinationPort), connection);
    return connection !== null;
  }

  #refuse(header: VsockHeader): void {
    this.#refusals.push(
      vsockHeaderBytes({
        sourceCid: header.destinationCid,
        destinationCid: header.sourceCid,
        sourcePort: header.destinationPort,
        destinationPort: header.sourcePort,
        type: header.type,
        op: V.VIRTIO_VSOCK_OP_RST,
        ...{ byteLength: 0, flags: 0, bufferBytes: 0, forwardedBytes: 0 },
      }),
    );
  }

  /** Fills the guest's buffers with packets. Whether there was room for all refusals. */
  #fill(): boolean {
    const queue = this.#driver?.queue(RECEIVE);
    if (!queue) return false;
    for (;;) {
      const connection = this.#refusals.length > 0 ? null : this.#nextReady();
      if (this.#refusals.length === 0 && !connection) break;
      const chain = queue.pop();
      if (chain === null) break;
      const room = chain.writableBytes - V.VSOCK_HEADER_BYTES;
      queue.push(chain, room > 0 ? this.#give(chain, room, connection) : 0);
    }
    this.#driver?.publish(RECEIVE);
    return this.#refusals.length === 0;
  }

  #nextReady(): VsockConnection | null {
    for (const connection of this.#ready) {
      if (connection.hasPacket) return connection;
      this.#ready.delete(connection);
    }
    return null;
  }

  /** Writes a connection's next packet, or else a refusal; returns its length. */
  #give(chain: DescriptorChain, room: number, connection: VsockConnection | null): number {
    const packet = connection?.nextPacket(room);
    if (!connection || !packet) return chain.write(0, this.#refusals.shift() as Uint8Array);
    // Now it is the others' turn.
    this.#ready.delete(connection);
    if (connection.hasPacket) this.#ready.add(connection);
    const { op, flags, payload } = packet;
    const header = vsockHeaderBytes({
      sourceCid: V.VSOCK_HOST_CID,
      destinationCid: this.#guestCid,
      sourcePort: connection.hostPort,
      destinationPort: connection.guestPort,
      byteLength: payload?.length ?? 0,
      type: V.VIRTIO_VSOCK_TYPE_STREAM,
      ...{ op, flags },
      bufferBytes: BUFFER_BYTES,
      forwardedBytes: connection.forwardedBytes,
    });
    const written = chain.write(0, header);
    return payload ? written + chain.write(written, payload) : written;
  }
}

function keyOf(guestPort: number, hostPort: number): string {
  return `${guestPort} ${hostPort}`;
}
