// UdpFlows: UDP between guests and the host. A guest's port has a socket of the host's, through which come the answers of whom the guest
// has written to; everybody who writes to a forwarded port has one of the gateway's. Flows end when nothing passes, and are bounded.
import type { AlarmedTimers, NetworkTimer } from '../alarmed-timers.js';
import type { HostDatagrams, HostEndpoint, HostNetwork } from './host-network.js';
import type { Ipv4Packet } from './ipv4-packet.js';
import { GATEWAY } from './layout.js';
import type { UserLink } from './link.js';
import type { PortForward } from './port-forward.js';
import { DNS_PORT, type Routes } from './routes.js';
import type { UserNetworkStatistics } from './statistics.js';

const MAX_FLOWS = 512;
const MAX_PEERS = 64;
const IDLE_NS = 120e9;
/** Questions for a name are answered at once, or not. */
const DNS_IDLE_NS = 15e9;
const SWEEP_NS = 5e9;
/** Ports of the gateway's that stand for those who write to forwarded ports. RFC 6335 §6. */
const FIRST_PORT = 49_152;
const PORT_COUNT = 16_384;

interface Endpoint {
  readonly address: number;
  readonly port: number;
}

/** One port of a guest's. */
interface GuestFlow {
  readonly guest: Endpoint;
  readonly socket: HostDatagrams;
  /** Endpoints the guest has written to, and alone their addresses, by what stands for them at the host. */
  readonly peers: Map<string, number>;
  idleNs: number;
  usedNs: number;
}

/** Somebody who has written to a forwarded port. */
interface VisitorFlow {
  readonly port: number;
  readonly visitor: HostEndpoint;
  readonly forward: PortForward;
  usedNs: number;
}

export interface UdpFlowsOptions {
  readonly link: UserLink;
  readonly host: HostNetwork;
  readonly routes: Routes;
  readonly timers: AlarmedTimers;
  readonly statistics: UserNetworkStatistics;
}

export class UdpFlows {
  readonly #options: UdpFlowsOptions;
  /** In the order in which they were used last. */
  readonly #flows: Map<string, GuestFlow> = new Map();
  readonly #visitors: Map<string, VisitorFlow> = new Map();
  readonly #visitorPorts: Map<number, VisitorFlow> = new Map();
  readonly #forwards: Map<PortForward, HostDatagrams> = new Map();
  readonly #sweep: NetworkTimer;
  #nextPort = 0;

  constructor(options: UdpFlowsOptions) {
    this.#options = options;
    this.#sweep = options.timers.create(() => this.#forgetIdle());
  }

  get count(): number {
    return this.#flows.size + this.#visitors.size;
  }

  /** @throws Error if the host does not allow it */
  async forward(forward: PortForward): Promise<void> {
    const socket = await this.#options.host.bindDatagrams(forward.host, (bytes, from) =>
      this.#fromVisitor(forward, bytes, from),
    );
    this.#forwards.set(forward, socket);
  }

  /** Sends a guest's datagram; false if it leads nowhere. */
  fromGuest(
    packet: Ipv4Packet,
    ports: { source: number; target: number },
    data: Uint8Array,
  ): boolean {
    const { source, target } = packet;
    const nowNs = this.#options.timers.nowNs();
    const visit = target === GATEWAY ? this.#visitorPorts.get(ports.target) : undefined;
    if (visit && isSame(visit.forward.guest, source, ports.source)) {
      visit.usedNs = nowNs;
      this.#forwards.get(visit.forward)?.send(data, visit.visitor);
      return true;
    }
    const endpoint = this.#options.routes.endpointOf(target, ports.target);
    if (!endpoint) return false;
    const flow = this.#flowOf({ address: source, port: ports.source }, endpoint);
    flow.usedNs = nowNs;
    flow.idleNs = ports.target === DNS_PORT ? DNS_IDLE_NS : IDLE_NS;
    rememberPeer(flow, endpoint, target);
    flow.socket.send(data, endpoint);
    return true;
  }

  #flowOf(guest: Endpoint, { address }: HostEndpoint): GuestFlow {
    const family = address.includes(':') ? 6 : 4;
    const key = `${guest.address} ${guest.port} ${family}`;
    const known = this.#flows.get(key);
    if (known) {
      this.#flows.delete(key);
      this.#flows.set(key, known);
      return known;
    }
    const [oldest] = this.#flows;
    if (this.#flows.size >= MAX_FLOWS && oldest) {
      this.#options.statistics.tooMany++;
      this.#end(...oldest);
    }
    const socket = this.#options.host.openDatagrams(family, (bytes, from) =>
      this.#fromHost(flow, bytes, from),
    );
    const flow: GuestFlow = { guest, socket, peers: new Map(), idleNs: IDLE_NS, usedNs: 0 };
    this.#flows.set(key, flow);
    this.#watch();
    return flow;
  }

  /** An answer: only from addresses that the guest has written to. */
  #fromHost(flow: GuestFlow, bytes: Uint8Array, { address, port }: HostEndpoint): void {
    const peer = flow.peers.get(`${address} ${port}`) ?? flow.peers.get(address);
    if (peer === undefined) return;
    flow.usedNs = this.#options.timers.nowNs();
    this.#options.link.sendUdp({ address: peer, port }, flow.guest, bytes);
  }

  #fromVisitor(forward: PortForward, bytes: Uint8Array, visitor: HostEndpoint): void {
    const { protocol, host, guest } = forward;
    const key = `${protocol} ${host.address} ${host.port} ${visitor.address} ${visitor.port}`;
    const flow = this.#visitors.get(key) ?? this.#newVisitor(key, forward, visitor);
    flow.usedNs = this.#options.timers.nowNs();
    this.#options.link.sendUdp({ address: GATEWAY, port: flow.port }, guest, bytes);
  }

  #newVisitor(key: string, forward: PortForward, visitor: HostEndpoint): VisitorFlow {
    const [oldest] = this.#visitors;
    if (this.#visitors.size >= MAX_FLOWS && oldest) {
      this.#options.statistics.tooMany++;
      this.#visitors.delete(oldest[0]);
      this.#visitorPorts.delete(oldest[1].port);
    }
    let port: number;
    do {
      port = FIRST_PORT + (this.#nextPort++ % PORT_COUNT);
    } while (this.#visitorPorts.has(port));
    const flow = { port, visitor, forward, usedNs: 0 };
    this.#visitors.set(key, flow);
    this.#visitorPorts.set(port, flow);
    this.#watch();
    return flow;
  }

  #end(key: string, flow: GuestFlow): void {
    this.#flows.delete(key);
    flow.socket.close();
  }

  #watch(): void {
    if (!this.#sweep.isArmed) this.#sweep.setIn(SWEEP_NS);
  }

  #forgetIdle(): void {
    const nowNs = this.#options.timers.nowNs();
    for (const [key, flow] of this.#flows)
      if (nowNs - flow.usedNs >= flow.idleNs) this.#end(key, flow);
    for (const [key, flow] of this.#visitors) {
      if (nowNs - flow.usedNs < IDLE_NS) continue;
      this.#visitors.delete(key);
      this.#visitorPorts.delete(flow.port);
    }
    if (this.count > 0) this.#watch();
  }

  close(): void {
    this.#sweep.cancel();
    for (const [key, flow] of this.#flows) this.#end(key, flow);
    for (const socket of this.#forwards.values()) socket.close();
    this.#forwards.clear();
    this.#visitors.clear();
    this.#visitorPorts.clear();
  }
}

function isSame({ address, port }: Endpoint, otherAddress: number, otherPort: number): boolean {
  return address === otherAddress && port === otherPort;
}

/** Answers may come from another port of the same address (TFTP). */
function rememberPeer(
  { peers }: GuestFlow,
  { address, port }: HostEndpoint,
  guestView: number,
): void {
  const exact = `${address} ${port}`;
  if (peers.get(exact) === guestView) return;
  peers.set(exact, guestView);
  peers.set(address, guestView);
  for (const oldest of peers.keys()) {
    if (peers.size <= MAX_PEERS) return;
    peers.delete(oldest);
  }
}
