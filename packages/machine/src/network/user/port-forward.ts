// PortForward: a port of the host's that leads to one of a guest's.
import type { HostEndpoint } from './host-network.js';

export interface PortForward {
  readonly protocol: 'tcp' | 'udp';
  readonly host: HostEndpoint;
  readonly guest: { readonly address: number; readonly port: number };
}
