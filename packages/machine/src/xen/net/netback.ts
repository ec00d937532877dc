// Netback: a network port shown to one guest as a Xen network device. io/netif.h.
// Data is copied, both ways; several queues, split event channels, scatter-gather, checksum and TCP segmentation offload.
import type { HostPort } from '@proxeny/hv-core';
import type { EthernetFrame, NetworkPort } from '../../network/network-port.js';
import type { BackendHost } from '../backend-host.js';
import { GrantedPages } from '../ring/granted-pages.js';
import { FrontendKeys } from '../xenbus/frontend-keys.js';
import type { XenbusDevice, XenbusKeys } from '../xenbus/xenbus-backend.js';
import { NetStatistics } from './net-statistics.js';
import { RxQueue } from './rx-queue.js';
import { TxQueue } from './tx-queue.js';

export interface NetbackOptions {
  readonly host: BackendHost;
  readonly guestId: number;
  /** Closed by whoever made it, after the device. */
  readonly network: NetworkPort;
  readonly maxQueues?: number;
}

interface NetQueue {
  readonly tx: TxQueue;
  readonly rx: RxQueue;
  /** One, or two. */
  readonly ports: readonly HostPort[];
}

export class Netback implements XenbusDevice {
  readonly statistics: NetStatistics = new NetStatistics();
  readonly #options: NetbackOptions;
  readonly #maxQueues: number;
  #queues: NetQueue[] = [];

  constructor(options: NetbackOptions) {
    this.#options = options;
    this.#maxQueues = options.maxQueues ?? 1;
  }

  get queueCount(): number {
    return this.#queues.length;
  }

  announce(): XenbusKeys {
    return {
      'feature-sg': 1,
      'feature-gso-tcpv4': 1,
      'feature-gso-tcpv6': 1,
      'feature-ipv6-csum-offload': 1,
      'feature-rx-copy': 1,
      'feature-rx-flip': 0,
      'feature-split-event-channels': 1,
      'multi-queue-max-queues': this.#maxQueues,
    };
  }

  describe(): XenbusKeys {
    return {};
  }

  connect(frontendPath: string): string | null {
    const keys = new FrontendKeys(this.#options.host.store, frontendPath);
    if (!keys.has('request-rx-copy')) return 'request-rx-copy: needed';
    if (!keys.has('feature-rx-notify')) return 'feature-rx-notify: needed';
    const hasCount = keys.text('multi-queue-num-queues') !== null;
    const count = hasCount ? keys.number('multi-queue-num-queues') : 1;
    if (count === null || count < 1 || count > this.#maxQueues)
      return 'multi-queue-num-queues: out of range';
    for (let index = 0; index < count; index++) {
      const own = hasCount && count > 1 ? keys.below(`queue-${index}`) : keys;
      const problem = this.#addQueue(own, keys);
      if (problem !== null) {
        void this.disconnect();
        return `${problem} of queue ${index}`;
      }
    }
    this.#options.network.listen((frame) => this.#receive(frame));
    return null;
  }

  /** Connects one queue; or says which of its keys is wrong, having taken nothing. */
  #addQueue(own: FrontendKeys, keys: FrontendKeys): string | null {
    const { host, guestId, network } = this.#options;
    const { statistics } = this;
    const map = (name: string): GrantedPages | null => {
      const ref = own.number(name);
      return ref === null ? null : GrantedPages.map(host.grants, host.memory, guestId, [ref]);
    };
    const txPages = map('tx-ring-ref');
    const rxPages = map('rx-ring-ref');
    const ports = txPages && rxPages ? this.#bindPorts(own) : null;
    const [txPort, rxPort = txPort] = ports ?? [];
    if (!txPages || !rxPages || !ports || !txPort || !rxPort) {
      txPages?.release();
      rxPages?.release();
      if (!txPages) return 'tx-ring-ref';
      return rxPages ? 'event-channel' : 'rx-ring-ref';
    }
    const shared = { host, guestId, statistics };
    const send = (frame: EthernetFrame): void => network.send(frame);
    const tx = new TxQueue({ ...shared, pages: txPages, port: txPort, send });
    const rx = new RxQueue({
      ...shared,
      pages: rxPages,
      port: rxPort,
      canScatter: keys.has('feature-sg'),
      capabilities: {
        checksum: !keys.has('feature-no-csum-offload'),
        tcp4: keys.has('feature-gso-tcpv4'),
        tcp6: keys.has('feature-gso-tcpv6'),
      },
    });
    this.#queues.push({ tx, rx, ports });
    if (txPort === rxPort) {
      txPort.onEvent(() => {
        tx.process();
        rx.process();
      });
    } else {
      txPort.onEvent(() => tx.process());
      rxPort.onEvent(() => rx.process());
    }
    return null;
  }

  #bindPorts(own: FrontendKeys): HostPort[] | null {
    const names =
      own.text('event-channel-tx') === null
        ? ['event-channel']
        : ['event-channel-tx', 'event-channel-rx'];
    const { host, guestId } = this.#options;
    const ports: HostPort[] = [];
    for (const name of names) {
      const number = own.number(name);
      const port = number === null ? null : host.bindPort(guestId, number);
      if (!port) {
        for (const done of ports) done.close();
        return null;
      }
      ports.push(port);
    }
    return ports;
  }

  /** A flow goes through one queue, so that its frames keep their order. */
  #receive(frame: EthernetFrame): void {
    const queues = this.#queues;
    const queue = queues[queues.length > 1 ? flowOf(frame.bytes) % queues.length : 0];
    queue?.rx.deliver(frame);
    this.#options.host.wake();
  }

  async disconnect(): Promise<void> {
    this.#options.network.listen(null);
    const queues = this.#queues;
    this.#queues = [];
    for (const { tx, rx, ports } of queues) {
      tx.close();
      rx.close();
      for (const port of ports) port.close();
    }
  }
}

/** A number that all frames of a flow have in common: from their source address and type, and an IPv4 packet's addresses and ports. */
function flowOf(bytes: Uint8Array): number {
  let hash = 0;
  for (let at = 6; at < Math.min(38, bytes.byteLength); at++) {
    // Between: length, identification, time to live and checksum, which differ from packet to packet.
    if (at < 14 || at >= 26) hash = (hash * 31 + (bytes[at] as number)) >>> 0;
  }
  return hash;
}
