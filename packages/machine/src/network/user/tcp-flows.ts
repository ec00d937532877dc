// TcpFlows: TCP between guests and the host: connections that guests open, and those to forwarded ports. Their number is bounded, and so is
// what all of them keep.

import type { AlarmedTimers } from '../alarmed-timers.js';
import { ByteBudget } from '../byte-budget.js';
import { IP_PROTOCOL_TCP, viewOf } from '../internet-headers.js';
import {
  TCP_ACK,
  TCP_FIN,
  TCP_RST,
  TCP_SYN,
  type TcpHeader,
  type TcpPorts,
  type TcpSegment,
  tcpHeaderBytes,
  writeTcp,
} from '../tcp/segment.js';
import { sequenceAfter } from '../tcp/sequence.js';
import type { TcpData } from '../tcp/tcp-options.js';
import type { HostListener, HostNetwork } from './host-network.js';
import { sendUnreachable, UNREACHABLE_HOST } from './icmp.js';
import { type Ipv4Packet, PAYLOAD_AT, pseudoHeaderSum } from './ipv4-packet.js';
import { GATEWAY, IP_PAYLOAD_BYTES } from './layout.js';
import type { UserLink } from './link.js';
import type { PortForward } from './port-forward.js';
import type { Routes } from './routes.js';
import type { UserNetworkStatistics } from './statistics.js';
import { TcpFlow } from './tcp-flow.js';

const MAX_FLOWS = 512;
/** Of all connections together, both ways. */
const MAX_BYTES = 32 << 20;
/** When there are too many, one that was idle that long makes room. */
const IDLE_NS = 60e9;
const MSS: number = IP_PAYLOAD_BYTES - 20;
/** Ports of the gateway's from which forwarded connections come. RFC 6335 §6. */
const FIRST_PORT = 49_152;
const PORT_COUNT = 16_384;

/** Both ends, as we see them: `own` is an address that a guest talks to. */
interface Ends {
  readonly own: number;
  readonly ownPort: number;
  readonly guest: number;
  readonly guestPort: number;
}

export interface TcpFlowsOptions {
  readonly link: UserLink;
  readonly host: HostNetwork;
  readonly routes: Routes;
  readonly timers: AlarmedTimers;
  readonly statistics: UserNetworkStatistics;
  readonly randomU32: () => number;
}

export class TcpFlows {
  readonly #options: TcpFlowsOptions;
  /** Those that guests still talk to, by their ends. */
  readonly #byEnds: Map<string, TcpFlow> = new Map();
  readonly #flows: Set<TcpFlow> = new Set();
  readonly #budget = new ByteBudget(MAX_BYTES);
  readonly #listeners: HostListener[] = [];
  /** Connections that wait for a guest to be there. */
  readonly #opening: Map<TcpFlow, number> = new Map();
  #nextPort: number;

  constructor(options: TcpFlowsOptions) {
    this.#options = options;
    this.#nextPort = options.randomU32() % PORT_COUNT;
  }

  get count(): number {
    return this.#flows.size;
  }
  get bufferedBytes(): number {
    return this.#budget.usedBytes;
  }

  /** @throws Error if the host does not allow it */
  async forward({ host, guest }: PortForward): Promise<void> {
    const listener = await this.#options.host.listen(host, (open) => {
      const ends = this.#freeEnds(guest.address, guest.port);
      const flow = ends && this.#hasRoom() ? this.#add(ends, null) : null;
      if (!flow) {
        open(nobody).reset();
        return;
      }
      this.#opening.set(flow, guest.address);
      flow.attach(open(flow.hostEvents), true);
      flow.connection.connect();
    });
    this.#listeners.push(listener);
  }

  /** A guest can be reached now: those who wait for it need not wait longer. */
  retry(address: number): void {
    for (const [flow, guest] of this.#opening) {
      if (guest !== address) continue;
      this.#opening.delete(flow);
      flow.connection.retry();
    }
  }

  /** Takes a guest's segment. */
  fromGuest(packet: Ipv4Packet, segment: TcpSegment & TcpPorts): void {
    const ends = {
      own: packet.target,
      ownPort: segment.targetPort,
      guest: packet.source,
      guestPort: segment.sourcePort,
    };
    const known = this.#byEnds.get(keyOf(ends));
    if (known?.connection.isSupersededBy(segment) && isOpening(segment)) known.abort();
    else if (known) {
      known.connection.receive(segment);
      return;
    }
    if (isOpening(segment)) this.#open(ends, packet, segment);
    else this.#refuse(ends, segment);
  }

  #open(ends: Ends, packet: Ipv4Packet, segment: TcpSegment): void {
    const { host, routes, statistics } = this.#options;
    const endpoint = routes.endpointOf(ends.own, ends.ownPort);
    if (!endpoint || !this.#hasRoom()) {
      if (!endpoint) statistics.refused++;
      this.#refuse(ends, segment);
      return;
    }
    const flow = this.#add(ends, packet);
    flow.connection.hold(segment);
    flow.attach(host.connect(endpoint, flow.hostEvents), false);
  }

  /** @param packet what asked for it, if that was a guest's */
  #add(ends: Ends, packet: Ipv4Packet | null): TcpFlow {
    const { link, timers, randomU32 } = this.#options;
    const key = keyOf(ends);
    const leave = (): void => {
      this.#opening.delete(flow);
      if (this.#byEnds.get(key) === flow) this.#byEnds.delete(key);
    };
    const flow: TcpFlow = new TcpFlow({
      timers,
      budget: this.#budget,
      mss: MSS,
      initialSequence: randomU32(),
      output: (header, data, mss) => this.#send(ends, header, data, mss),
      onUnreachable: () => {
        if (packet) sendUnreachable(link, packet, UNREACHABLE_HOST);
      },
      onGuestDone: leave,
      onOver: () => {
        leave();
        this.#flows.delete(flow);
      },
    });
    this.#flows.add(flow);
    this.#byEnds.set(key, flow);
    return flow;
  }

  /** Whether there may be one more, for which an idle one may have to go. */
  #hasRoom(): boolean {
    if (this.#flows.size < MAX_FLOWS) return true;
    const nowNs = this.#options.timers.nowNs();
    let idlest: TcpFlow | null = null;
    for (const flow of this.#flows) {
      if (flow.connection.state === 'time-wait') {
        flow.abort();
        return true;
      }
      if (!idlest || flow.usedNs < idlest.usedNs) idlest = flow;
    }
    this.#options.statistics.tooMany++;
    if (!idlest || nowNs - idlest.usedNs < IDLE_NS) return false;
    idlest.abort();
    return true;
  }

  /** Ends for a connection to a guest's port; null if all are in use. */
  #freeEnds(guest: number, guestPort: number): Ends | null {
    for (let i = 0; i <= MAX_FLOWS; i++) {
      const ownPort = FIRST_PORT + (this.#nextPort++ % PORT_COUNT);
      const ends = { own: GATEWAY, ownPort, guest, guestPort };
      if (!this.#byEnds.has(keyOf(ends))) return ends;
    }
    return null;
  }

  /** Answers a segment of no connection. RFC 9293 §3.10.7.1. */
  #refuse(ends: Ends, { flags, sequence, acknowledgement, payload }: TcpSegment): void {
    if ((flags & TCP_RST) !== 0) return;
    const length = payload.byteLength + ((flags & TCP_SYN) >>> 1) + (flags & TCP_FIN);
    const hasAck = (flags & TCP_ACK) !== 0;
    const header: TcpHeader = {
      sequence: hasAck ? acknowledgement : 0,
      acknowledgement: hasAck ? 0 : sequenceAfter(sequence, length),
      flags: hasAck ? TCP_RST : TCP_RST | TCP_ACK,
      window: 0,
      mss: null,
      windowScale: null,
    };
    this.#send(ends, header, null, MSS);
  }

  /** Sends a segment, without a checksum; one that is too large is cut by whoever must. */
  #send(ends: Ends, header: TcpHeader, data: TcpData | null, mss: number): void {
    const { link } = this.#options;
    const headerBytes = tcpHeaderBytes(header);
    const length = headerBytes + (data?.length ?? 0);
    const ip = { source: ends.own, target: ends.guest, protocol: IP_PROTOCOL_TCP };
    const bytes = link.makeFrame(ip, length);
    const ports = { sourcePort: ends.ownPort, targetPort: ends.guestPort };
    writeTcp(viewOf(bytes), PAYLOAD_AT, ports, header, pseudoHeaderSum(ip, length));
    if (data) data.queue.copyTo(bytes.subarray(PAYLOAD_AT + headerBytes), data.offset);
    const isLarge = data !== null && data.length > mss;
    link.sendFrame(ends.guest, {
      bytes,
      missingChecksum: { start: PAYLOAD_AT, offset: 16 },
      isChecked: true,
      largeSegment: isLarge ? { protocol: 'tcp4', size: mss } : null,
    });
  }

  close(): void {
    for (const listener of this.#listeners.splice(0)) listener.close();
    for (const flow of [...this.#flows]) flow.abort();
  }
}

/** Hears of a stream that is reset at once. */
const nobody = {
  onConnected: () => {},
  onData: () => {},
  onWritten: () => {},
  onEnd: () => {},
  onClosed: () => {},
};

function keyOf({ own, ownPort, guest, guestPort }: Ends): string {
  return `${own} ${ownPort} ${guest} ${guestPort}`;
}

function isOpening({ flags }: TcpSegment): boolean {
  return (flags & (TCP_SYN | TCP_ACK | TCP_RST)) === TCP_SYN;
}
