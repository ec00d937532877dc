// A network interface's entries in the store (kind vif). io/netif.h.
import type { StoreClient } from '../store/store-client.js';
import { addDevice } from './device-pair.js';

/** A network interface as a guest sees it. */
export interface NetworkEntry {
  readonly domain: number;
  /** From 0 on. */
  readonly id: number;
  /** `00:16:3e:xx:xx:xx`. */
  readonly mac: string;
  readonly bridge?: string;
  readonly mtu?: number;
  readonly backend?: number;
}

/** Makes the pair of a network interface. */
export function addNetwork(client: StoreClient, network: NetworkEntry): void {
  const { domain, id, mac, bridge, mtu = 1500, backend = 0 } = network;
  addDevice(
    client,
    { kind: 'vif', domain, id, backend },
    {
      front: { handle: id, mac, trusted: 1 },
      fixedFront: { mtu },
      back: {
        mac,
        mtu: mtu === 1500 ? null : mtu,
        bridge,
        handle: id,
        type: 'vif',
        'hotplug-status': '',
      },
    },
  );
}
