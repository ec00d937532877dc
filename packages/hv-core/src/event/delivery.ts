// EventDelivery: how a domain learns which of its ports are pending. Two ABIs exist: two-level.ts and fifo.ts.
import type { EventChannel } from './event-channel.js';

export interface EventDelivery {
  /** Ports the ABI can name. */
  readonly portLimit: number;
  setPending(channel: EventChannel): void;
  clearPending(channel: EventChannel): void;
  isPending(channel: EventChannel): boolean;
  isMasked(channel: EventChannel): boolean;
  /** Unmasks, and notifies if the port is pending. */
  unmask(channel: EventChannel): void;
}
