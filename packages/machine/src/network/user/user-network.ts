// UserNetwork: a network whose guests reach the host's through sockets of this process, without any privilege: the router, DHCP server and
// name server that guests see behind their port. Frames come from guests: what makes no sense is counted, and lost.
import { type Alarm, AlarmedTimers } from '../alarmed-timers.js';
import { ETHERTYPE_IPV4, IP_PROTOCOL_TCP, IP_PROTOCOL_UDP, viewOf } from '../internet-headers.js';
import { ETHERNET_HEADER_BYTES, type EthernetFrame, type NetworkPort } from '../network-port.js';
import { parseTcp } from '../tcp/segment.js';
import { DHCP_SERVER_PORT, DhcpServer } from './dhcp-server.js';
import { Fragments } from './fragments.js';
import type { HostNetwork } from './host-network.js';
import { answerEcho, sendUnreachable, UNREACHABLE_FORBIDDEN, UNREACHABLE_PORT } from './icmp.js';
import {
  ETHERTYPE_ARP,
  IP_PROTOCOL_ICMP,
  type Ipv4Packet,
  parseIpv4,
  transportChecksumIsRight,
} from './ipv4-packet.js';
import { ANY_BROADCAST, BROADCAST, GATEWAY, isGuestAddress, NAME_SERVER } from './layout.js';
import { UserLink } from './link.js';
import type { PortForward } from './port-forward.js';
import { Routes } from './routes.js';
import { UserNetworkStatistics } from './statistics.js';
import { TcpFlows } from './tcp-flows.js';
import { UdpFlows } from './udp-flows.js';

const UDP_HEADER_BYTES = 8;

export interface UserNetworkOptions {
  /** Where guests are; closed with the network. */
  readonly port: NetworkPort;
  readonly host: HostNetwork;
  readonly alarm: Alarm;
  readonly randomU32: () => number;
  /** Guests reach neither the host nor anything beyond it; forwarded ports work. */
  readonly isRestricted?: boolean;
  /** Guests reach services of the host's loopback interface at 10.0.2.2; true if left out. */
  readonly reachesHost?: boolean;
}

export class UserNetwork {
  readonly statistics: UserNetworkStatistics = new UserNetworkStatistics();
  readonly #port: NetworkPort;
  readonly #timers: AlarmedTimers;
  readonly #link: UserLink;
  readonly #fragments: Fragments;
  readonly #dhcp: DhcpServer;
  readonly #tcp: TcpFlows;
  readonly #udp: UdpFlows;

  constructor(options: UserNetworkOptions) {
    const { port, host, alarm, randomU32, isRestricted = false, reachesHost = true } = options;
    const { statistics } = this;
    this.#port = port;
    this.#timers = new AlarmedTimers(alarm);
    this.#link = new UserLink(port);
    this.#fragments = new Fragments(statistics);
    this.#dhcp = new DhcpServer(this.#link, !isRestricted);
    const routes = new Routes(host, { isRestricted, reachesHost });
    const shared = { link: this.#link, host, routes, timers: this.#timers, statistics };
    this.#tcp = new TcpFlows({ ...shared, randomU32 });
    this.#udp = new UdpFlows(shared);
    this.#link.onNeighbour = (address) => this.#tcp.retry(address);
    port.listen((frame) => this.#receive(frame));
  }

  /** Connections and UDP flows there are. */
  get flowCount(): number {
    return this.#tcp.count + this.#udp.count;
  }
  /** Bytes kept for all connections. */
  get bufferedBytes(): number {
    return this.#tcp.bufferedBytes;
  }

  /** Has a port of the host's lead to one of a guest's. @throws Error if the host does not allow it */
  async forward(forward: PortForward): Promise<void> {
    await (forward.protocol === 'tcp' ? this.#tcp : this.#udp).forward(forward);
  }

  /** Ends every connection, and unplugs the port. */
  close(): void {
    this.#port.listen(null);
    this.#tcp.close();
    this.#udp.close();
    this.#timers.close();
    this.#port.close();
  }

  #receive(frame: EthernetFrame): void {
    const { bytes } = frame;
    if (bytes.byteLength < ETHERNET_HEADER_BYTES) {
      this.statistics.malformed++;
      return;
    }
    if (!this.#link.isForUs(bytes)) return;
    const type = viewOf(bytes).getUint16(12);
    if (type === ETHERTYPE_ARP) {
      if (!this.#link.receiveArp(bytes)) this.statistics.malformed++;
      return;
    }
    if (type !== ETHERTYPE_IPV4) {
      this.statistics.ignored++;
      return;
    }
    const packet = parseIpv4(bytes);
    if (!packet) {
      this.statistics.malformed++;
      return;
    }
    this.#link.learn(packet.source, bytes);
    const isFragment = packet.hasMoreFragments || packet.fragmentOffset > 0;
    if (!isFragment) {
      this.#receivePacket(packet, frame.isChecked || frame.missingChecksum !== null);
      return;
    }
    const whole = this.#fragments.add(packet, this.#timers.nowNs());
    if (whole) this.#receivePacket(whole, false);
  }

  #receivePacket(packet: Ipv4Packet, isChecked: boolean): void {
    const { protocol } = packet;
    const isKnown = isGuestAddress(packet.source);
    if (protocol === IP_PROTOCOL_UDP && (isKnown || packet.source === 0))
      this.#receiveUdp(packet, isChecked);
    else if (!isKnown) this.statistics.refused++;
    else if (protocol === IP_PROTOCOL_TCP) this.#receiveTcp(packet, isChecked);
    else if (protocol === IP_PROTOCOL_ICMP) this.#receiveIcmp(packet);
    else this.statistics.ignored++;
  }

  #receiveTcp(packet: Ipv4Packet, isChecked: boolean): void {
    const segment = isChecked || transportChecksumIsRight(packet) ? parseTcp(packet.payload) : null;
    if (segment) this.#tcp.fromGuest(packet, segment);
    else this.statistics.malformed++;
  }

  #receiveUdp(packet: Ipv4Packet, isChecked: boolean): void {
    const { payload, target } = packet;
    const view = viewOf(payload);
    const length = payload.byteLength < UDP_HEADER_BYTES ? 0 : view.getUint16(4);
    const isSound = length >= UDP_HEADER_BYTES && length <= payload.byteLength;
    const hasChecksum = isSound && !isChecked && view.getUint16(6) !== 0;
    if (!isSound || (hasChecksum && !transportChecksumIsRight(packet))) {
      this.statistics.malformed++;
      return;
    }
    const data = payload.subarray(UDP_HEADER_BYTES, length);
    const ports = { source: view.getUint16(0), target: view.getUint16(2) };
    const isBroadcast = target === ANY_BROADCAST || target === BROADCAST;
    if (ports.target === DHCP_SERVER_PORT && (isBroadcast || target === GATEWAY)) {
      if (!this.#dhcp.receive(data)) this.statistics.malformed++;
    } else if (isBroadcast || isMulticast(target) || packet.source === 0) this.statistics.ignored++;
    else if (!this.#udp.fromGuest(packet, ports, data)) {
      this.statistics.refused++;
      sendUnreachable(this.#link, packet, isOwn(target) ? UNREACHABLE_PORT : UNREACHABLE_FORBIDDEN);
    }
  }

  #receiveIcmp(packet: Ipv4Packet): void {
    const { target } = packet;
    if (isOwn(target)) {
      if (!answerEcho(this.#link, packet)) this.statistics.ignored++;
    } else if (isMulticast(target) || target === ANY_BROADCAST || target === BROADCAST)
      this.statistics.ignored++;
    else {
      // An unreachable is never answered with another.
      const isEcho = packet.payload[0] === 8;
      this.statistics.refused++;
      if (isEcho) sendUnreachable(this.#link, packet, UNREACHABLE_FORBIDDEN);
    }
  }
}

function isOwn(address: number): boolean {
  return address === GATEWAY || address === NAME_SERVER;
}

function isMulticast(address: number): boolean {
  return address >>> 28 === 0xe;
}
