// HostPort: the host's end of an event channel whose other end is a guest's.
import { EVTCHNSTAT_interdomain, EVTCHNSTAT_unbound } from '@proxeny/abi';
import type { Domain } from '../domain.js';
import type { EventChannel, Port } from '../event/event-channel.js';

export class HostPort {
  readonly #domain: Domain;
  readonly #channel: EventChannel;
  #isClosed = false;

  private constructor(domain: Domain, channel: EventChannel) {
    this.#domain = domain;
    this.#channel = channel;
  }

  /**
   * Binds port `far` of guest `remoteId`, which that made for `domain`; null if it did not, or `domain` has no port left.
   * @param domain the domain the host's devices belong to.
   */
  static bind(domain: Domain, remoteId: number, far: Port): HostPort | null {
    const remote = domain.hypervisor.domain(remoteId);
    const channel = remote && Number.isInteger(far) ? remote.events.at(far) : null;
    if (!remote || channel?.state !== EVTCHNSTAT_unbound) return null;
    if (channel.remoteDomain !== domain.id || channel.listener) return null;
    if (domain.events.findFree() === 0) return null;
    return new HostPort(domain, domain.events.bindInterdomain(remote, channel));
  }

  /** The number of the host's end. */
  get port(): Port {
    return this.#channel.port;
  }

  /** Makes the guest's end pending; lost if the guest has closed it. */
  notify(): void {
    if (!this.#isClosed && this.#channel.state === EVTCHNSTAT_interdomain)
      this.#domain.events.send(this.#channel);
  }

  /** Has `listener` called, between slices, when the guest has sent an event; at once for one that is pending. */
  onEvent(listener: () => void): void {
    if (this.#isClosed) return;
    this.#domain.events.listen(this.#channel.port, listener);
    this.#domain.events.setPending(this.#channel);
  }

  /** Closes the host's end; the guest's becomes unbound. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#channel.isOpen) this.#domain.events.close(this.#channel);
  }
}
