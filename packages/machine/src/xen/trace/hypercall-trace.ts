// HypercallTrace: an observer that tells each hypercall once, when it is done: a call that goes on later is one call. Those inside of a
// multicall come before it.
import { type HypercallFrame, type HypercallObserver, RESTART } from '@proxeny/hv-core';
import { AskedCall, type DecodedCall } from './hypercall-arguments.js';

/** One hypercall that is done. */
export interface TracedCall extends DecodedCall {
  readonly domain: number;
  readonly vcpu: number;
  /** System time at its start, in ns, and what it took of it. */
  readonly timeNs: number;
  readonly durationNs: number;
  readonly isInMulticall: boolean;
  readonly result: number;
}

interface Pending {
  readonly number: number;
  readonly asked: AskedCall;
  readonly timeNs: number;
}

export interface HypercallTraceOptions {
  /** Names of the hypercalls to tell, such as `mmu_update` or `sched_op.SCHEDOP_yield`; all if empty. */
  readonly filter?: readonly string[];
  readonly onCall: (call: TracedCall) => void;
}

/** Whether a name of a filter means a call. */
function isMeant(name: string, { name: hypercall, operation }: AskedCall): boolean {
  return name === hypercall || name === operation || name === `${hypercall}.${operation}`;
}

export class HypercallTrace implements HypercallObserver {
  readonly #options: HypercallTraceOptions;
  readonly #pending: Map<HypercallFrame, Pending> = new Map();

  constructor(options: HypercallTraceOptions) {
    this.#options = options;
  }

  enter(call: HypercallFrame): void {
    // The same call again, with its progress in its arguments: what it was asked at first counts.
    if (this.#pending.get(call)?.number === call.number) return;
    const timeNs = call.hypervisor.clock.nowNs();
    this.#pending.set(call, { number: call.number, asked: new AskedCall(call), timeNs });
  }

  leave(call: HypercallFrame, result: number): void {
    if (result === RESTART) return;
    const pending = this.#pending.get(call);
    if (!pending) return;
    this.#pending.delete(call);
    const { asked, timeNs } = pending;
    const { filter = [], onCall } = this.#options;
    if (filter.length > 0 && !filter.some((name) => isMeant(name, asked))) return;
    const { vcpu } = call;
    onCall({
      ...asked.decoded(result >= 0),
      domain: vcpu.domain.id,
      vcpu: vcpu.id,
      timeNs,
      durationNs: call.hypervisor.clock.nowNs() - timeNs,
      isInMulticall: call === vcpu.innerFrame,
      result,
    });
  }
}
