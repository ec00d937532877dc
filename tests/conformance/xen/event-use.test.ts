// Conformance of event_channel_op: using ports.
import {
  __HYPERVISOR_event_channel_op,
  DOMID_SELF,
  EVTCHNOP_reset,
  EVTCHNOP_set_priority,
  EVTCHNOP_status,
  EVTCHNOP_unmask,
  EVTCHNSTAT_closed,
  EVTCHNSTAT_interdomain,
  EVTCHNSTAT_unbound,
  EVTCHNSTAT_virq,
  evtchn_reset,
  evtchn_set_priority,
  evtchn_status,
  evtchn_unmask,
  VIRQ_CONSOLE,
  VIRQ_DEBUG,
  VIRQ_TIMER,
  XEN_EINVAL,
  XEN_ENOENT,
  XEN_ENOSYS,
  XEN_ESRCH,
} from '@proxeny/abi';
import { describe } from 'vitest';
import { hypercallContract } from './conformance-case.js';
import { alloc, bind, bindVcpu, ipi, send, status, virq } from './event-calls.js';

describe('EVTCHNOP_send', () => {
  hypercallContract([
    ['on a closed port returns -EINVAL', -XEN_EINVAL, (g) => send(g, 7)],
    ['on port 0 returns -EINVAL', -XEN_EINVAL, (g) => send(g, 0)],
    ['on a port beyond all ports returns -EINVAL', -XEN_EINVAL, (g) => send(g, 0x8000_0000)],
    [
      'on an unbound port is dropped and returns 0',
      0,
      function* (g) {
        return yield* send(g, yield* alloc(g));
      },
    ],
    [
      'on a virtual interrupt returns -EINVAL',
      -XEN_EINVAL,
      function* (g) {
        return yield* send(g, yield* virq(g, VIRQ_TIMER));
      },
    ],
    [
      'on an IPI returns 0',
      0,
      function* (g) {
        return yield* send(g, yield* ipi(g, 0));
      },
    ],
    [
      'on an interdomain port returns 0',
      0,
      function* (g) {
        return yield* send(g, yield* bind(g, DOMID_SELF, yield* alloc(g)));
      },
    ],
  ]);
});

describe('EVTCHNOP_status', () => {
  hypercallContract([
    ['of a port never used is closed', EVTCHNSTAT_closed, (g) => status(g, 5)],
    ['of a port beyond all ports returns -EINVAL', -XEN_EINVAL, (g) => status(g, 5000)],
    ['of a domain that does not exist returns -ESRCH', -XEN_ESRCH, (g) => status(g, 1, 99)],
    [
      'of a virtual interrupt tells its number and vCPU',
      [EVTCHNSTAT_virq, VIRQ_DEBUG, 1],
      function* (g) {
        const port = yield* virq(g, VIRQ_DEBUG, 1);
        const made = yield* g.eventChannelOp(EVTCHNOP_status, evtchn_status, {
          dom: DOMID_SELF,
          port,
        });
        return [made.get('status'), made.get('u.virq'), made.get('vcpu')];
      },
      { vcpuCount: 2 },
    ],
    [
      'of an unbound port tells whom it is for',
      [EVTCHNSTAT_unbound, 1234],
      function* (g) {
        const port = yield* alloc(g, 1234);
        const made = yield* g.eventChannelOp(EVTCHNOP_status, evtchn_status, {
          dom: DOMID_SELF,
          port,
        });
        return [made.get('status'), made.get('u.unbound.dom')];
      },
    ],
    [
      'of an interdomain port tells the other end',
      [EVTCHNSTAT_interdomain, 1, 1],
      function* (g) {
        const port = yield* bind(g, DOMID_SELF, yield* alloc(g));
        const made = yield* g.eventChannelOp(EVTCHNOP_status, evtchn_status, {
          dom: DOMID_SELF,
          port,
        });
        return [made.get('status'), made.get('u.interdomain.dom'), made.get('u.interdomain.port')];
      },
    ],
  ]);
});

describe('EVTCHNOP_bind_vcpu', () => {
  hypercallContract([
    [
      'moves an interdomain port to another vCPU',
      [0, 1],
      function* (g) {
        const port = yield* alloc(g);
        const result = yield* bindVcpu(g, port, 1);
        const made = yield* g.eventChannelOp(EVTCHNOP_status, evtchn_status, {
          dom: DOMID_SELF,
          port,
        });
        return [result, made.get('vcpu')];
      },
      { vcpuCount: 2 },
    ],
    [
      'to a vCPU that does not exist returns -ENOENT',
      -XEN_ENOENT,
      function* (g) {
        return yield* bindVcpu(g, yield* alloc(g), 8);
      },
    ],
    ['of a closed port returns -EINVAL', -XEN_EINVAL, (g) => bindVcpu(g, 8, 0)],
    [
      'of a per-vCPU virtual interrupt returns -EINVAL',
      -XEN_EINVAL,
      function* (g) {
        return yield* bindVcpu(g, yield* virq(g, VIRQ_TIMER), 0);
      },
    ],
    [
      'of a global virtual interrupt is allowed',
      0,
      function* (g) {
        return yield* bindVcpu(g, yield* virq(g, VIRQ_CONSOLE), 1);
      },
      { vcpuCount: 2 },
    ],
    [
      'of an IPI returns -EINVAL',
      -XEN_EINVAL,
      function* (g) {
        return yield* bindVcpu(g, yield* ipi(g, 0), 0);
      },
    ],
  ]);
});

describe('EVTCHNOP_unmask, reset, set_priority and unknown operations', () => {
  hypercallContract([
    [
      'unmask of a closed port returns 0',
      0,
      function* (g) {
        return (yield* g.eventChannelOp(EVTCHNOP_unmask, evtchn_unmask, { port: 3 })).result;
      },
    ],
    [
      'unmask of a port beyond all ports returns -EINVAL',
      -XEN_EINVAL,
      function* (g) {
        return (yield* g.eventChannelOp(EVTCHNOP_unmask, evtchn_unmask, { port: 64 })).result;
      },
    ],
    [
      'reset closes every port',
      [0, EVTCHNSTAT_closed, 1],
      function* (g) {
        yield* alloc(g);
        yield* virq(g, VIRQ_TIMER);
        const { result } = yield* g.eventChannelOp(EVTCHNOP_reset, evtchn_reset, {
          dom: DOMID_SELF,
        });
        return [result, yield* status(g, 2), yield* virq(g, VIRQ_TIMER)];
      },
    ],
    [
      'reset of a domain that does not exist returns -ESRCH',
      -XEN_ESRCH,
      function* (g) {
        return (yield* g.eventChannelOp(EVTCHNOP_reset, evtchn_reset, { dom: 99 })).result;
      },
    ],
    [
      'set_priority in the 2-level ABI returns -ENOSYS',
      -XEN_ENOSYS,
      function* (g) {
        const port = yield* alloc(g);
        return (yield* g.eventChannelOp(EVTCHNOP_set_priority, evtchn_set_priority, {
          port,
          priority: 1,
        })).result;
      },
    ],
    [
      'an operation there is not returns -ENOSYS',
      -XEN_ENOSYS,
      (g) => g.hypercall(__HYPERVISOR_event_channel_op, 14, 0x1000),
    ],
    [
      'works for a 32-bit guest',
      [1, EVTCHNSTAT_unbound],
      function* (g) {
        const port = yield* alloc(g, 3);
        return [port, yield* status(g, port)];
      },
      { word: 32 },
    ],
  ]);
});
