// Event channel operations as native guests call them: the port or status of each, or the errno.
import {
  DOMID_SELF,
  EVTCHNOP_alloc_unbound,
  EVTCHNOP_bind_interdomain,
  EVTCHNOP_bind_ipi,
  EVTCHNOP_bind_vcpu,
  EVTCHNOP_bind_virq,
  EVTCHNOP_close,
  EVTCHNOP_send,
  EVTCHNOP_status,
  evtchn_alloc_unbound,
  evtchn_bind_interdomain,
  evtchn_bind_ipi,
  evtchn_bind_vcpu,
  evtchn_bind_virq,
  evtchn_close,
  evtchn_send,
  evtchn_status,
  shared_info,
  vcpu_info,
} from '@proxeny/abi';
import type { NativeCode, NativeGuest } from '@proxeny/pv-guest';

/** Where NativeMachine maps shared_info. */
export const SHARED_INFO = 16 * 4096;

export function* alloc(g: NativeGuest, remote = DOMID_SELF, dom = DOMID_SELF): NativeCode<number> {
  const values = { dom, remote_dom: remote };
  const made = yield* g.eventChannelOp(EVTCHNOP_alloc_unbound, evtchn_alloc_unbound, values);
  return made.result < 0 ? made.result : made.get('port');
}
export function* bind(g: NativeGuest, remote_dom: number, remote_port: number): NativeCode<number> {
  const values = { remote_dom, remote_port };
  const made = yield* g.eventChannelOp(EVTCHNOP_bind_interdomain, evtchn_bind_interdomain, values);
  return made.result < 0 ? made.result : made.get('local_port');
}
export function* virq(g: NativeGuest, number: number, vcpu = 0): NativeCode<number> {
  const values = { virq: number, vcpu };
  const made = yield* g.eventChannelOp(EVTCHNOP_bind_virq, evtchn_bind_virq, values);
  return made.result < 0 ? made.result : made.get('port');
}
export function* ipi(g: NativeGuest, vcpu: number): NativeCode<number> {
  const made = yield* g.eventChannelOp(EVTCHNOP_bind_ipi, evtchn_bind_ipi, { vcpu });
  return made.result < 0 ? made.result : made.get('port');
}
export function* send(g: NativeGuest, port: number): NativeCode<number> {
  return (yield* g.eventChannelOp(EVTCHNOP_send, evtchn_send, { port })).result;
}
export function* close(g: NativeGuest, port: number): NativeCode<number> {
  return (yield* g.eventChannelOp(EVTCHNOP_close, evtchn_close, { port })).result;
}
export function* bindVcpu(g: NativeGuest, port: number, vcpu: number): NativeCode<number> {
  return (yield* g.eventChannelOp(EVTCHNOP_bind_vcpu, evtchn_bind_vcpu, { port, vcpu })).result;
}
export function* status(g: NativeGuest, port: number, dom = DOMID_SELF): NativeCode<number> {
  const made = yield* g.eventChannelOp(EVTCHNOP_status, evtchn_status, { dom, port });
  return made.result < 0 ? made.result : made.get('status');
}

/** What an upcall does first: takes the events of 64-bit shared_info (at guest frame 16). */
export function acknowledge(g: NativeGuest, port: number): void {
  const { fields } = shared_info.of(64);
  const info = vcpu_info.of(64).fields;
  g.write32(SHARED_INFO, g.read32(SHARED_INFO) & ~0xff);
  g.write64(SHARED_INFO + info.evtchn_pending_sel.offset, 0n);
  const word = SHARED_INFO + fields.evtchn_pending.offset + (port >> 5) * 4;
  g.write32(word, g.read32(word) & ~(1 << (port & 31)));
}
