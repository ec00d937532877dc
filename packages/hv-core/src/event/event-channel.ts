// EventChannel: one port of one domain and what it is connected to. States are the numbers EVTCHNOP_status reports.
import { EVTCHN_FIFO_PRIORITY_DEFAULT, EVTCHNSTAT_closed } from '@proxeny/abi';

/** A port's number within its domain. */
export type Port = number;

export class EventChannel {
  readonly port: Port;
  /** EVTCHNSTAT_*. */
  state: number = EVTCHNSTAT_closed;
  /** The vCPU that is told. */
  notifyVcpu = 0;
  /** Unbound: who may bind. Interdomain: whose port is at the other end. */
  remoteDomain = 0;
  remotePort: Port = 0;
  virq = 0;
  /** FIFO queue. */
  priority: number = EVTCHN_FIFO_PRIORITY_DEFAULT;
  /** Pending, but the event array has no word for the port yet. FIFO only. */
  isPending = false;
  /** The queue the event was last put in (FIFO): vCPU and priority; -1 none. */
  lastVcpu = -1;
  lastPriority = 0;
  /** The local end belongs to the host, not to a guest: called between slices when the port becomes pending. */
  listener: (() => void) | null = null;
  /** The listener is about to be called. */
  isNotified = false;

  constructor(port: Port) {
    this.port = port;
  }

  get isOpen(): boolean {
    return this.state !== EVTCHNSTAT_closed;
  }

  /** Back to closed. */
  reset(): void {
    this.state = EVTCHNSTAT_closed;
    this.notifyVcpu = 0;
    this.remoteDomain = 0;
    this.remotePort = 0;
    this.virq = 0;
    this.priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
    this.isPending = false;
    this.lastVcpu = -1;
    this.lastPriority = 0;
    this.listener = null;
  }
}
