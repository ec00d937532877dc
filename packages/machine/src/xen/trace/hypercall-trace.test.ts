// What a trace tells of a call's records: what the guest asked, and what it was answered.
import {
  __HYPERVISOR_event_channel_op,
  DOMID_SELF,
  EVTCHNOP_alloc_unbound,
  evtchn_alloc_unbound,
} from '@proxeny/abi';
import { Hypervisor, MachineMemory, ManualClock } from '@proxeny/hv-core';
import { hypercall, NativeCpu } from '@proxeny/pv-guest';
import { expect, it } from 'vitest';
import { HypercallTrace, type TracedCall } from './hypercall-trace.js';

const RECORD = 0x1000;
const NO_DOMAIN = 77;

/** Traces EVTCHNOP_alloc_unbound of the caller's own port, or for `dom`, with bytes in place of the answer. */
function traceAllocation(dom: number): TracedCall {
  const calls: TracedCall[] = [];
  const hypervisor = new Hypervisor({
    memory: new MachineMemory(64 * 4096),
    clock: new ManualClock(),
  });
  hypervisor.observer = new HypercallTrace({ onCall: (call) => calls.push(call) });
  const domain = hypervisor.createDomain({
    kind: 'translated',
    gfnLimit: 64,
    createCpu: (vcpu) =>
      new NativeCpu(vcpu, function* () {
        yield* hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, RECORD);
      }),
  });
  domain.populate(0, 4);
  const { fields, byteLength } = evtchn_alloc_unbound.of(64);
  const bytes = new Uint8Array(byteLength).fill(0xee);
  const view = new DataView(bytes.buffer);
  fields.dom.set(view, 0, dom);
  fields.remote_dom.set(view, 0, 0);
  domain.vcpus[0]?.access.copyTo(RECORD, bytes);
  domain.start();
  domain.unpause();
  hypervisor.runUntilIdle();
  return calls[0] as TracedCall;
}

it('a trace tells the answer, not what was in its place before', () => {
  const { operation, arguments: values, result } = traceAllocation(DOMID_SELF);
  expect(operation).toBe('EVTCHNOP_alloc_unbound');
  expect(result).toBe(0);
  expect(values.arg).toEqual({ dom: DOMID_SELF, remote_dom: 0, port: 1 });
});

it('a trace leaves out the answer of a call that was refused', () => {
  const { arguments: values, result } = traceAllocation(NO_DOMAIN);
  expect(result).toBeLessThan(0);
  expect(values.arg).toEqual({ dom: NO_DOMAIN, remote_dom: 0 });
});
