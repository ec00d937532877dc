// TestGuest: a guest of a user-mode network made of our own parts: it asks for its address, resolves the router's, and speaks UDP and TCP.

import type { Alarm } from '../alarmed-timers.js';
import { AlarmedTimers } from '../alarmed-timers.js';
import { ByteBudget } from '../byte-budget.js';
import { IP_PROTOCOL_TCP, IP_PROTOCOL_UDP, viewOf } from '../internet-headers.js';
import { type EthernetFrame, type NetworkPort, plainFrame } from '../network-port.js';
import { finishFrame } from '../offload.js';
import { parseTcp, tcpHeaderBytes, writeTcp } from '../tcp/segment.js';
import { TcpConnection } from '../tcp/tcp-connection.js';
import type { TcpEvents } from '../tcp/tcp-options.js';
import {
  IP_PROTOCOL_ICMP,
  type Ipv4Packet,
  ipv4Frame,
  PAYLOAD_AT,
  parseIpv4,
  pseudoHeaderSum,
  transportChecksumIsRight,
} from './ipv4-packet.js';
import { BROADCAST_MAC, FIRST_GUEST, OWN_MAC } from './layout.js';

export const GUEST_MAC: Uint8Array = Uint8Array.of(0x02, 0, 0, 0, 0, 0x15);
const MSS = 1460;

export interface TestGuestOptions {
  /** Gets and sends frames larger than the cable takes, without checksums; default: true. */
  readonly offloads?: boolean;
  /** Frames that do not reach the guest. */
  readonly isLost?: (index: number) => boolean;
  /** When to look at frames that have arrived: a guest never does at once. Default: before the event loop goes on. */
  readonly defer?: (look: () => void) => void;
}

export interface UdpMessage {
  readonly source: number;
  readonly sourcePort: number;
  readonly targetPort: number;
  readonly data: Uint8Array;
}

/** The far end of a connection of the guest's. */
interface GuestConnection {
  readonly connection: TcpConnection;
  readonly target: number;
  readonly targetPort: number;
  readonly ownPort: number;
}

export class TestGuest {
  readonly port: NetworkPort;
  readonly timers: AlarmedTimers;
  readonly budget: ByteBudget = new ByteBudget(64 << 20);
  readonly address: number = FIRST_GUEST;
  readonly udp: UdpMessage[] = [];
  readonly icmp: Uint8Array[] = [];
  readonly frames: EthernetFrame[] = [];
  /** Answers a connection to a port of the guest's. */
  onConnection:
    | ((port: number) => Omit<TcpEvents, 'onOpen'> & { onOpen(c: TcpConnection): void })
    | null = null;
  readonly #options: TestGuestOptions;
  readonly #connections: GuestConnection[] = [];
  #nextPort = 40_000;
  #frameCount = 0;
  #arrived: EthernetFrame[] = [];

  constructor(port: NetworkPort, alarm: Alarm, options: TestGuestOptions = {}) {
    this.port = port;
    this.timers = new AlarmedTimers(alarm);
    this.#options = options;
    const offloads = options.offloads ?? true;
    const capabilities = { checksum: offloads, tcp4: offloads, tcp6: offloads };
    port.listen((frame) => {
      if (this.#arrived.length === 0) (options.defer ?? queueMicrotask)(() => this.#look());
      this.#arrived.push(...finishFrame(frame, capabilities));
    });
  }

  /** Sends an IP packet to the router. */
  send(protocol: number, target: number, payload: Uint8Array, source = this.address): void {
    const bytes = ipv4Frame({ source, target, protocol, identification: 1 }, payload.byteLength);
    bytes.set(payload, PAYLOAD_AT);
    this.#transmit(plainFrame(bytes));
  }

  sendUdp(target: number, targetPort: number, data: Uint8Array, sourcePort = 5000): void {
    const payload = new Uint8Array(8 + data.byteLength);
    const view = viewOf(payload);
    view.setUint16(0, sourcePort);
    view.setUint16(2, targetPort);
    view.setUint16(4, payload.byteLength);
    payload.set(data, 8);
    this.send(IP_PROTOCOL_UDP, target, payload);
  }

  /** A message to a server of DHCP's. */
  sendDhcp(kind: number, options: readonly number[] = []): void {
    const message = new Uint8Array(300);
    const view = viewOf(message);
    message.set([1, 1, 6, 0, 1, 2, 3, 4]);
    message.set(GUEST_MAC, 28);
    view.setUint32(236, 0x6382_5363);
    message.set([53, 1, kind, ...options, 255], 240);
    const payload = new Uint8Array(8 + message.byteLength);
    viewOf(payload).setUint32(0, (68 << 16) | 67);
    viewOf(payload).setUint16(4, payload.byteLength);
    payload.set(message, 8);
    const header = { source: 0, target: 0xffff_ffff, protocol: IP_PROTOCOL_UDP, identification: 1 };
    const bytes = ipv4Frame(header, payload.byteLength);
    bytes.set(payload, PAYLOAD_AT);
    bytes.set(BROADCAST_MAC);
    bytes.set(GUEST_MAC, 6);
    this.port.send(plainFrame(bytes));
  }

  /** Asks who has an address, or answers. */
  sendArp(operation: number, own: number, wanted: number): void {
    const bytes = new Uint8Array(42);
    const view = viewOf(bytes);
    bytes.set(BROADCAST_MAC);
    bytes.set(GUEST_MAC, 6);
    view.setUint16(12, 0x0806);
    view.setUint32(14, 0x0001_0800);
    view.setUint32(18, (0x0604 << 16) | operation);
    bytes.set(GUEST_MAC, 22);
    view.setUint32(28, own);
    view.setUint32(38, wanted);
    this.port.send(plainFrame(bytes));
  }

  connect(target: number, targetPort: number, events: TcpEvents): TcpConnection {
    const each = this.#add(target, targetPort, this.#nextPort++, events);
    each.connect();
    return each;
  }

  #add(target: number, targetPort: number, ownPort: number, events: TcpEvents): TcpConnection {
    const connection: TcpConnection = new TcpConnection({
      timers: this.timers,
      budget: this.budget,
      mss: MSS,
      initialSequence: Math.floor(Math.random() * 2 ** 32),
      events,
      output: (header, data, mss) => {
        const headerBytes = tcpHeaderBytes(header);
        const length = headerBytes + (data?.length ?? 0);
        const ip = { source: this.address, target, protocol: IP_PROTOCOL_TCP, identification: 1 };
        const bytes = ipv4Frame(ip, length);
        const ports = { sourcePort: ownPort, targetPort };
        writeTcp(viewOf(bytes), PAYLOAD_AT, ports, header, pseudoHeaderSum(ip, length));
        data?.queue.copyTo(bytes.subarray(PAYLOAD_AT + headerBytes), data.offset);
        const isLarge = data !== null && data.length > mss;
        this.#transmit({
          bytes,
          missingChecksum: { start: PAYLOAD_AT, offset: 16 },
          isChecked: true,
          largeSegment: isLarge ? { protocol: 'tcp4', size: mss } : null,
        });
      },
    });
    this.#connections.push({ connection, target, targetPort, ownPort });
    return connection;
  }

  #transmit(frame: EthernetFrame): void {
    frame.bytes.set(OWN_MAC);
    frame.bytes.set(GUEST_MAC, 6);
    const offloads = this.#options.offloads ?? true;
    const capabilities = { checksum: offloads, tcp4: offloads, tcp6: offloads };
    for (const each of finishFrame(frame, capabilities)) this.port.send(each);
  }

  #look(): void {
    const arrived = this.#arrived;
    this.#arrived = [];
    for (const frame of arrived) this.#receive(frame);
  }

  #receive(frame: EthernetFrame): void {
    if (this.#options.isLost?.(this.#frameCount++)) return;
    if (this.frames.length < 1000) this.frames.push(frame);
    const { bytes } = frame;
    const type = viewOf(bytes).getUint16(12);
    if (type === 0x0806 && viewOf(bytes).getUint16(20) === 1)
      this.sendArp(2, this.address, viewOf(bytes).getUint32(28));
    const packet = type === 0x0800 ? parseIpv4(bytes) : null;
    if (!packet) return;
    const { protocol, payload, source } = packet;
    const isUnchecked = frame.missingChecksum === null && !packet.hasMoreFragments;
    const isTransport = protocol === IP_PROTOCOL_TCP || protocol === IP_PROTOCOL_UDP;
    if (
      isTransport &&
      isUnchecked &&
      packet.fragmentOffset === 0 &&
      !transportChecksumIsRight(packet)
    )
      throw new Error('a frame with a wrong checksum');
    if (protocol === IP_PROTOCOL_ICMP) this.icmp.push(payload);
    if (protocol === IP_PROTOCOL_UDP) {
      const view = viewOf(payload);
      const [sourcePort, targetPort] = [view.getUint16(0), view.getUint16(2)];
      this.udp.push({ source, sourcePort, targetPort, data: payload.subarray(8) });
    }
    if (protocol === IP_PROTOCOL_TCP) this.#receiveTcp(packet);
  }

  #receiveTcp({ payload, source }: Ipv4Packet): void {
    const segment = parseTcp(payload);
    if (!segment) throw new Error('a broken segment');
    const known = this.#connections.find(
      (each) =>
        each.target === source &&
        each.targetPort === segment.sourcePort &&
        each.ownPort === segment.targetPort,
    );
    if (known) known.connection.receive(segment);
    else if (this.onConnection && (segment.flags & 0x12) === 2) {
      const events = this.onConnection(segment.targetPort);
      const connection: TcpConnection = this.#add(source, segment.sourcePort, segment.targetPort, {
        ...events,
        onOpen: () => events.onOpen(connection),
      });
      connection.hold(segment);
      connection.accept();
    }
  }
}
