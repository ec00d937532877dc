// Virtioback: a virtio device shown to one guest over event channels and granted pages. docs/virtio-channel.md.
import type { HostPort } from '@proxeny/hv-core';
import { ChannelTransport, VIRTIO_CHANNEL_GRANT_BYTES, type VirtioDevice } from '@proxeny/virtio';
import type { BackendHost } from '../backend-host.js';
import { FrontendKeys } from '../xenbus/frontend-keys.js';
import type { XenbusDevice, XenbusKeys } from '../xenbus/xenbus-backend.js';
import { GrantMemory } from './grant-memory.js';

/** Pages that one device maps at once: rings, and buffers in flight. */
const MAX_PAGES = 4096;

export interface VirtiobackOptions {
  readonly host: BackendHost;
  readonly guestId: number;
  readonly device: VirtioDevice;
  /** Why the device waits for a reset: a sentence about what its driver did. */
  readonly onFailure?: (reason: string) => void;
}

/** What a front-end's directory says. */
interface ChannelKeys {
  readonly pageRef: number;
  readonly port: number;
  /** By queue; null for one that the driver does without. */
  readonly queuePorts: readonly (number | null)[];
}

export class Virtioback implements XenbusDevice {
  readonly memory: GrantMemory;
  readonly transport: ChannelTransport;
  readonly #options: VirtiobackOptions;
  #port: HostPort | null = null;
  #queuePorts: (HostPort | null)[] = [];

  constructor(options: VirtiobackOptions) {
    const { host, guestId, device, onFailure } = options;
    this.#options = options;
    this.memory = new GrantMemory(host.grants, host.memory, guestId, MAX_PAGES);
    this.transport = new ChannelTransport({
      ...{ device, memory: this.memory },
      ...(onFailure ? { onFailure } : {}),
      queueEvent: (queue) => this.#queuePorts[queue]?.notify(),
      pageEvent: () => this.#port?.notify(),
    });
  }

  announce(): XenbusKeys {
    const { device } = this.#options;
    return {
      'device-id': device.deviceId,
      'queue-count': device.queueSizes.length,
      'max-pages': MAX_PAGES,
    };
  }

  describe(): XenbusKeys {
    return {};
  }

  connect(frontendPath: string): string | null {
    const keys = this.#keys(new FrontendKeys(this.#options.host.store, frontendPath));
    if (typeof keys === 'string') return keys;
    const problem = this.#bind(keys);
    if (problem !== null) void this.disconnect();
    return problem;
  }

  async disconnect(): Promise<void> {
    this.transport.close();
    for (const port of [this.#port, ...this.#queuePorts]) port?.close();
    this.#port = null;
    this.#queuePorts = [];
  }

  #keys(keys: FrontendKeys): ChannelKeys | string {
    const pageRef = keys.number('page-ref');
    const port = keys.number('event-channel');
    if (pageRef === null) return 'page-ref: missing';
    if (port === null) return 'event-channel: missing';
    const queuePorts: (number | null)[] = [];
    for (let queue = 0; queue < this.#options.device.queueSizes.length; queue++) {
      const own = keys.below(`queue-${queue}`);
      const queuePort = own.number('event-channel');
      if (queuePort === null && own.text('event-channel') !== null)
        return `event-channel of queue ${queue}: no number`;
      queuePorts.push(queuePort);
    }
    return { pageRef, port, queuePorts };
  }

  /** Takes the page and the ports; what is wrong with them, or null. */
  #bind({ pageRef, port, queuePorts }: ChannelKeys): string | null {
    const { host, guestId } = this.#options;
    if (!this.transport.open(pageRef * VIRTIO_CHANNEL_GRANT_BYTES))
      return 'page-ref: cannot be mapped';
    this.#port = host.bindPort(guestId, port);
    if (!this.#port) return 'event-channel: cannot be bound';
    for (const [queue, queuePort] of queuePorts.entries()) {
      const bound = queuePort === null ? null : host.bindPort(guestId, queuePort);
      if (queuePort !== null && !bound) return `event-channel of queue ${queue}: cannot be bound`;
      this.#queuePorts.push(bound);
      bound?.onEvent(() => this.transport.notify(queue));
    }
    this.#port.onEvent(() => this.transport.serve());
    return null;
  }
}
