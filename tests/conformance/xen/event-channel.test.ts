// Conformance of event_channel_op: opening and closing ports.
import {
  __HYPERVISOR_event_channel_op,
  DOMID_SELF,
  EVTCHNOP_alloc_unbound,
  EVTCHNOP_bind_pirq,
  EVTCHNSTAT_closed,
  EVTCHNSTAT_interdomain,
  EVTCHNSTAT_unbound,
  evtchn_bind_pirq,
  VIRQ_CONSOLE,
  VIRQ_DEBUG,
  VIRQ_TIMER,
  XEN_EEXIST,
  XEN_EFAULT,
  XEN_EINVAL,
  XEN_ENOENT,
  XEN_ENOSPC,
  XEN_EPERM,
  XEN_ESRCH,
} from '@proxeny/abi';
import { describe } from 'vitest';
import { BYSTANDER, hypercallContract } from './conformance-case.js';
import { alloc, bind, close, ipi, status, virq } from './event-calls.js';

describe('EVTCHNOP_alloc_unbound', () => {
  hypercallContract([
    [
      'gives the lowest free port, from 1 on',
      [1, 2],
      function* (g) {
        return [yield* alloc(g), yield* alloc(g)];
      },
    ],
    ['of a domain that does not exist returns -ESRCH', -XEN_ESRCH, (g) => alloc(g, 0, 99)],
    [
      'of another domain returns -EPERM for an unprivileged caller',
      -XEN_EPERM,
      function* (g) {
        return yield* alloc(g, 0, BYSTANDER);
      },
      { id: 5 },
    ],
    ['for a remote domain that does not exist is allowed', 1, (g) => alloc(g, 1234)],
    [
      'returns -ENOSPC when all ports are used',
      [1, 2, 3, -XEN_ENOSPC],
      function* (g) {
        return [yield* alloc(g), yield* alloc(g), yield* alloc(g), yield* alloc(g)];
      },
      { limits: { maxPort: 3 } },
    ],
    [
      'reuses a port that was closed',
      [1, 2, 0, 1],
      function* (g) {
        return [yield* alloc(g), yield* alloc(g), yield* close(g, 1), yield* alloc(g)];
      },
    ],
    [
      'with a record that is not mapped returns -EFAULT',
      -XEN_EFAULT,
      (g) => g.hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, 0x900_0000),
    ],
    [
      'with a null record returns -EFAULT when page 0 is not mapped',
      -XEN_EFAULT,
      (g) => g.hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, -4096n),
    ],
  ]);
});

describe('EVTCHNOP_bind_interdomain', () => {
  hypercallContract([
    [
      'to an unbound port of the caller itself connects both ends',
      [EVTCHNSTAT_interdomain, EVTCHNSTAT_interdomain],
      function* (g) {
        const far = yield* alloc(g);
        const near = yield* bind(g, DOMID_SELF, far);
        return [yield* status(g, far), yield* status(g, near)];
      },
    ],
    ['to a domain that does not exist returns -ESRCH', -XEN_ESRCH, (g) => bind(g, 77, 1)],
    ['to a closed port returns -EINVAL', -XEN_EINVAL, (g) => bind(g, DOMID_SELF, 9)],
    ['to port 0 returns -EINVAL', -XEN_EINVAL, (g) => bind(g, DOMID_SELF, 0)],
    [
      'to a port beyond all ports returns -EINVAL',
      -XEN_EINVAL,
      (g) => bind(g, DOMID_SELF, 0xffff_ffff),
    ],
    [
      'to a port meant for another domain returns -EINVAL',
      -XEN_EINVAL,
      function* (g) {
        return yield* bind(g, DOMID_SELF, yield* alloc(g, 1234));
      },
    ],
    [
      'to a port that is bound already returns -EINVAL',
      -XEN_EINVAL,
      function* (g) {
        const far = yield* alloc(g);
        yield* bind(g, DOMID_SELF, far);
        return yield* bind(g, DOMID_SELF, far);
      },
    ],
    [
      'returns -ENOSPC when no local port is left',
      -XEN_ENOSPC,
      function* (g) {
        return yield* bind(g, DOMID_SELF, yield* alloc(g));
      },
      { limits: { maxPort: 1 } },
    ],
  ]);
});

describe('EVTCHNOP_bind_virq', () => {
  hypercallContract([
    ['binds a timer to a vCPU', 1, (g) => virq(g, VIRQ_TIMER)],
    [
      'a second time returns -EEXIST',
      -XEN_EEXIST,
      function* (g) {
        yield* virq(g, VIRQ_TIMER);
        return yield* virq(g, VIRQ_TIMER);
      },
    ],
    [
      'again after closing its port is allowed',
      [1, 0, 1],
      function* (g) {
        return [yield* virq(g, VIRQ_DEBUG), yield* close(g, 1), yield* virq(g, VIRQ_DEBUG)];
      },
    ],
    ['of a number there is not returns -EINVAL', -XEN_EINVAL, (g) => virq(g, 24)],
    [
      'of a global interrupt on vCPU 1 returns -EINVAL',
      -XEN_EINVAL,
      (g) => virq(g, VIRQ_CONSOLE, 1),
      { vcpuCount: 2 },
    ],
    ['on a vCPU that does not exist returns -ENOENT', -XEN_ENOENT, (g) => virq(g, VIRQ_TIMER, 1)],
    [
      'on a vCPU that does not exist returns -ENOENT for huge numbers too',
      -XEN_ENOENT,
      (g) => virq(g, VIRQ_TIMER, 0xffff_ffff),
    ],
    [
      'returns -ENOSPC when no port is left',
      -XEN_ENOSPC,
      function* (g) {
        yield* alloc(g);
        return yield* virq(g, VIRQ_TIMER);
      },
      { limits: { maxPort: 1 } },
    ],
    [
      'returns -EEXIST before -ENOSPC',
      -XEN_EEXIST,
      function* (g) {
        yield* virq(g, VIRQ_TIMER);
        return yield* virq(g, VIRQ_TIMER);
      },
      { limits: { maxPort: 1 } },
    ],
  ]);
});

describe('EVTCHNOP_bind_ipi and bind_pirq', () => {
  hypercallContract([
    ['bind_ipi gives a port', 1, (g) => ipi(g, 0)],
    ['bind_ipi on a vCPU that does not exist returns -ENOENT', -XEN_ENOENT, (g) => ipi(g, 3)],
    [
      'bind_ipi returns -ENOSPC when no port is left',
      -XEN_ENOSPC,
      function* (g) {
        yield* ipi(g, 0);
        return yield* ipi(g, 0);
      },
      { limits: { maxPort: 1 } },
    ],
    [
      'bind_pirq returns -EPERM: a domU has no physical interrupt',
      -XEN_EPERM,
      function* (g) {
        return (yield* g.eventChannelOp(EVTCHNOP_bind_pirq, evtchn_bind_pirq, { pirq: 1 })).result;
      },
    ],
    [
      'bind_pirq of a number there is not returns -EINVAL',
      -XEN_EINVAL,
      function* (g) {
        return (yield* g.eventChannelOp(EVTCHNOP_bind_pirq, evtchn_bind_pirq, { pirq: 4000 }))
          .result;
      },
    ],
  ]);
});

describe('EVTCHNOP_close', () => {
  hypercallContract([
    [
      'of an open port closes it',
      [0, EVTCHNSTAT_closed],
      function* (g) {
        const port = yield* alloc(g);
        return [yield* close(g, port), yield* status(g, port)];
      },
    ],
    ['of a closed port returns -EINVAL', -XEN_EINVAL, (g) => close(g, 3)],
    ['of port 0 returns -EINVAL', -XEN_EINVAL, (g) => close(g, 0)],
    ['of a port beyond all ports returns -EINVAL', -XEN_EINVAL, (g) => close(g, 100_000)],
    [
      'of one end makes the other unbound again',
      EVTCHNSTAT_unbound,
      function* (g) {
        const far = yield* alloc(g);
        yield* close(g, yield* bind(g, DOMID_SELF, far));
        return yield* status(g, far);
      },
    ],
    [
      'of one end lets the other be bound again',
      2,
      function* (g) {
        const far = yield* alloc(g);
        yield* close(g, yield* bind(g, DOMID_SELF, far));
        return yield* bind(g, DOMID_SELF, far);
      },
    ],
  ]);
});
