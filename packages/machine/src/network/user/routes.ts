// Routes: which endpoint of the host's stands for an address that a guest names, and which are not for guests.
import { ipv4Text } from '../ipv4-address.js';
import type { HostEndpoint, HostNetwork } from './host-network.js';
import { GATEWAY, isInNetwork, NAME_SERVER } from './layout.js';

const LOOPBACK = '127.0.0.1';
export const DNS_PORT = 53;

export interface RouteLimits {
  /** Guests reach neither the host nor anything beyond it; forwarded ports work. */
  readonly isRestricted: boolean;
  /** Guests reach services of the host's loopback interface, at the gateway's address. */
  readonly reachesHost: boolean;
}

export class Routes {
  readonly #host: HostNetwork;
  readonly #limits: RouteLimits;

  constructor(host: HostNetwork, limits: RouteLimits) {
    this.#host = host;
    this.#limits = limits;
  }

  /** Null: it leads nowhere, or guests may not go there. */
  endpointOf(address: number, port: number): HostEndpoint | null {
    const { isRestricted, reachesHost } = this.#limits;
    if (isRestricted || port === 0) return null;
    if (address === GATEWAY) return reachesHost ? { address: LOOPBACK, port } : null;
    if (address === NAME_SERVER) return port === DNS_PORT ? this.#host.nameServer() : null;
    const first = address >>> 24;
    // This network, loopback, multicast and reserved: RFC 6890.
    const isSpecial = first === 0 || first === 127 || first >= 224;
    return isSpecial || isInNetwork(address) ? null : { address: ipv4Text(address), port };
  }
}
