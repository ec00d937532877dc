// EventChannels: all ports of one domain. Port 0 is never used. Methods that open or close take checked arguments: the checks are
// in hypercall/event-channel.ts, and host code that calls them directly gets an assertion.
// Invariant: an interdomain channel's other end is interdomain too and refers back.
import {
  EVTCHNSTAT_interdomain,
  EVTCHNSTAT_ipi,
  EVTCHNSTAT_unbound,
  EVTCHNSTAT_virq,
} from '@proxeny/abi';
import type { Mfn } from '@proxeny/memory';
import type { Domain } from '../domain.js';
import { assert } from '../error.js';
import type { EventDelivery } from './delivery.js';
import { EventChannel, type Port } from './event-channel.js';
import { FifoDelivery } from './fifo.js';
import { TwoLevelDelivery } from './two-level.js';

export class EventChannels {
  readonly #domain: Domain;
  readonly #channels: (EventChannel | undefined)[] = [];
  /** No free port is below. */
  #lowestFree = 1;
  delivery: EventDelivery;
  /** The delivery, if it is the FIFO ABI. */
  fifo: FifoDelivery | null = null;

  constructor(domain: Domain) {
    this.#domain = domain;
    this.delivery = new TwoLevelDelivery(domain);
  }

  /** The channel of an open port, or null. */
  at(port: Port): EventChannel | null {
    const channel = this.#channels[port];
    return channel?.isOpen ? channel : null;
  }

  /** Whether the number can be a port at all; as in Xen, ports come into being 64 at a time. */
  isValid(port: Port): boolean {
    return port < Math.max(1, Math.ceil(this.#channels.length / 64)) * 64;
  }

  /** Highest port used so far, plus one. */
  get portCount(): number {
    return this.#channels.length;
  }

  *open(): Iterable<EventChannel> {
    for (const channel of this.#channels) if (channel?.isOpen) yield channel;
  }

  /** The port the next allocation gets, or 0 if there is none left. Changes nothing but a hint. */
  findFree(): Port {
    const limit = Math.min(this.delivery.portLimit - 1, this.#domain.limits.maxPort);
    let port = this.#lowestFree;
    while (port <= limit && this.#channels[port]?.isOpen) port++;
    this.#lowestFree = port;
    return port <= limit ? port : 0;
  }

  #open(state: number): EventChannel {
    const port = this.findFree();
    assert(port !== 0, `domain ${this.#domain.id} has no free port, though one was promised`);
    while (this.#channels.length <= port) this.#channels.push(undefined);
    let channel = this.#channels[port];
    if (!channel) {
      channel = new EventChannel(port);
      this.#channels[port] = channel;
    }
    channel.state = state;
    return channel;
  }

  /** A port that `remote` may bind to. */
  allocUnbound(remote: number): EventChannel {
    const channel = this.#open(EVTCHNSTAT_unbound);
    channel.remoteDomain = remote;
    return channel;
  }

  /** Connects a new port to `far`, an unbound port of `remote`. The new port starts pending. */
  bindInterdomain(remote: Domain, far: EventChannel): EventChannel {
    assert(
      far.state === EVTCHNSTAT_unbound,
      `port ${far.port} of domain ${remote.id} is not unbound`,
    );
    const near = this.#open(EVTCHNSTAT_interdomain);
    near.remoteDomain = remote.id;
    near.remotePort = far.port;
    far.state = EVTCHNSTAT_interdomain;
    far.remoteDomain = this.#domain.id;
    far.remotePort = near.port;
    this.setPending(near);
    return near;
  }

  bindVirq(virq: number, vcpu: number): EventChannel {
    const channel = this.#open(EVTCHNSTAT_virq);
    channel.virq = virq;
    channel.notifyVcpu = vcpu;
    const owner = this.#domain.vcpus[vcpu];
    assert(owner !== undefined, `domain ${this.#domain.id} has no vCPU ${vcpu}`);
    owner.virqPorts[virq] = channel.port;
    return channel;
  }

  bindIpi(vcpu: number): EventChannel {
    const channel = this.#open(EVTCHNSTAT_ipi);
    channel.notifyVcpu = vcpu;
    return channel;
  }

  /** Closes an open port; an interdomain channel's other end becomes unbound again. */
  close(channel: EventChannel): void {
    if (channel.state === EVTCHNSTAT_interdomain) {
      const remote = this.#domain.hypervisor.domain(channel.remoteDomain);
      const far = remote?.events.at(channel.remotePort);
      assert(
        far?.state === EVTCHNSTAT_interdomain && far.remotePort === channel.port,
        `port ${channel.port} of domain ${this.#domain.id} has no other end`,
      );
      far.state = EVTCHNSTAT_unbound;
      far.remoteDomain = this.#domain.id;
      far.remotePort = 0;
    } else if (channel.state === EVTCHNSTAT_virq) {
      for (const vcpu of this.#domain.vcpus) {
        if (vcpu.virqPorts[channel.virq] === channel.port) vcpu.virqPorts[channel.virq] = 0;
      }
    }
    this.delivery.clearPending(channel);
    channel.reset();
    if (channel.port < this.#lowestFree) this.#lowestFree = channel.port;
  }

  /** Makes a local port pending, and tells its vCPU or listener. */
  setPending(channel: EventChannel): void {
    if (channel.listener) {
      if (channel.isNotified) return;
      channel.isNotified = true;
      this.#domain.hypervisor.queueNotification(channel);
    } else {
      this.delivery.setPending(channel);
    }
  }

  /** What a send does: the other end becomes pending. A channel without one loses the event. */
  send(channel: EventChannel): void {
    if (channel.state === EVTCHNSTAT_interdomain) {
      const remote = this.#domain.hypervisor.domain(channel.remoteDomain);
      const far = remote?.events.at(channel.remotePort);
      if (remote && far) remote.events.setPending(far);
    } else if (channel.state === EVTCHNSTAT_ipi) {
      this.setPending(channel);
    }
  }

  /** Has the host called, between slices, when the port becomes pending; guests cannot use the port any more. */
  listen(port: Port, listener: () => void): void {
    const channel = this.at(port);
    assert(channel !== null, `port ${port} of domain ${this.#domain.id} is not open`);
    channel.listener = listener;
  }

  /** Changes to the FIFO ABI. What is pending stays so. */
  useFifo(): FifoDelivery {
    const fifo = new FifoDelivery(this.#domain);
    for (const channel of this.open()) {
      if (!channel.listener && this.delivery.isPending(channel)) channel.isPending = true;
    }
    this.fifo = fifo;
    this.delivery = fifo;
    return fifo;
  }

  /** Back to the 2-level ABI; returns the frames the guest had lent. */
  useTwoLevel(): Mfn[] {
    const frames = this.fifo ? [...this.fifo.lentFrames()] : [];
    this.fifo = null;
    this.delivery = new TwoLevelDelivery(this.#domain);
    return frames;
  }
}
