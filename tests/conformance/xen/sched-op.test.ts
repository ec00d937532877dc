// Conformance of sched_op, its older form, and set_timer_op: waiting, ending, watchdogs, timers.
import {
  __HYPERVISOR_sched_op,
  __HYPERVISOR_sched_op_compat,
  __HYPERVISOR_set_timer_op,
  DOMID_SELF,
  SCHEDOP_block,
  SCHEDOP_pin_override,
  SCHEDOP_poll,
  SCHEDOP_remote_shutdown,
  SCHEDOP_shutdown,
  SCHEDOP_shutdown_code,
  SCHEDOP_watchdog,
  SCHEDOP_yield,
  SHUTDOWN_crash,
  SHUTDOWN_poweroff,
  SHUTDOWN_reboot,
  SHUTDOWN_suspend,
  SHUTDOWN_watchdog,
  sched_pin_override,
  sched_poll,
  sched_remote_shutdown,
  sched_shutdown,
  sched_watchdog,
  VIRQ_TIMER,
  XEN_EFAULT,
  XEN_EINVAL,
  XEN_ENOSPC,
  XEN_ENOSYS,
  XEN_EPERM,
  XEN_ESRCH,
} from '@proxeny/abi';
import type { NativeArgument, NativeCode, NativeGuest } from '@proxeny/pv-guest';
import { describe, expect, it } from 'vitest';
import { BYSTANDER, hypercallContract } from './conformance-case.js';
import { alloc, bind, send, virq } from './event-calls.js';
import { NativeMachine } from './native-machine.js';

const PORTS = 3 * 4096;

function sched(g: NativeGuest, command: number): NativeCode<number> {
  return g.hypercall(__HYPERVISOR_sched_op, command, 0);
}

function* poll(
  g: NativeGuest,
  ports: readonly number[],
  timeout: NativeArgument = 0,
  at = PORTS,
): NativeCode<number> {
  for (const [i, port] of ports.entries()) g.write32(PORTS + i * 4, port);
  const values = { ports: at, nr_ports: ports.length, timeout };
  return (yield* g.schedOp(SCHEDOP_poll, sched_poll, values)).result;
}

function* watchdog(g: NativeGuest, id: number, timeout: number): NativeCode<number> {
  return (yield* g.schedOp(SCHEDOP_watchdog, sched_watchdog, { id, timeout })).result;
}

describe('SCHEDOP_yield and block', () => {
  hypercallContract([
    ['yield returns 0', 0, (g) => sched(g, SCHEDOP_yield)],
    [
      'yield by the older call returns 0',
      0,
      (g) => g.hypercall(__HYPERVISOR_sched_op_compat, SCHEDOP_yield, 0),
    ],
    [
      'block returns at once when an event is pending, and unmasks',
      0,
      function* (g) {
        const far = yield* alloc(g);
        yield* bind(g, DOMID_SELF, far);
        return yield* sched(g, SCHEDOP_block);
      },
    ],
    [
      'block ends with the timer',
      [0, 0],
      function* (g) {
        yield* virq(g, VIRQ_TIMER);
        const set = yield* g.hypercall(__HYPERVISOR_set_timer_op, 5_000_000);
        return [set, yield* sched(g, SCHEDOP_block)];
      },
    ],
    ['an operation there is not returns -ENOSYS', -XEN_ENOSYS, (g) => sched(g, 8)],
    [
      'an operation the older call has not returns -ENOSYS',
      -XEN_ENOSYS,
      (g) => g.hypercall(__HYPERVISOR_sched_op_compat, SCHEDOP_poll, 0),
    ],
  ]);
});

describe('SCHEDOP_poll', () => {
  hypercallContract([
    [
      'of a pending port returns at once',
      0,
      function* (g) {
        const far = yield* alloc(g);
        const near = yield* bind(g, DOMID_SELF, far);
        return yield* poll(g, [near]);
      },
    ],
    [
      'ends when the port becomes pending',
      [0, 0],
      function* (g) {
        const far = yield* alloc(g);
        const near = yield* bind(g, DOMID_SELF, far);
        const sent = yield* send(g, near);
        return [sent, yield* poll(g, [far])];
      },
    ],
    [
      'ends with its deadline',
      0,
      function* (g) {
        return yield* poll(g, [yield* alloc(g)], 5_000_000);
      },
    ],
    [
      'of several ports ends with its deadline',
      0,
      function* (g) {
        return yield* poll(g, [yield* alloc(g), yield* alloc(g)], 5_000_000);
      },
    ],
    ['of no port ends with its deadline', 0, (g) => poll(g, [], 5_000_000)],
    ['with a deadline that has passed returns', 0, (g) => poll(g, [], 1)],
    ['of a port beyond all ports returns -EINVAL', -XEN_EINVAL, (g) => poll(g, [100_000])],
    ['of more than 128 ports returns -EINVAL', -XEN_EINVAL, (g) => poll(g, new Array(129).fill(1))],
    [
      'of ports that cannot be read returns -EFAULT',
      -XEN_EFAULT,
      (g) => poll(g, [1], 0, 0x700_0000),
    ],
    [
      'with a record that is not mapped returns -EFAULT',
      -XEN_EFAULT,
      (g) => g.hypercall(__HYPERVISOR_sched_op, SCHEDOP_poll, 0x700_0000),
    ],
  ]);
});

describe('SCHEDOP_remote_shutdown and pin_override', () => {
  function* remote(g: NativeGuest, domain_id: number): NativeCode<number> {
    const values = { domain_id, reason: SHUTDOWN_crash };
    return (yield* g.schedOp(SCHEDOP_remote_shutdown, sched_remote_shutdown, values)).result;
  }
  hypercallContract([
    ['of another domain returns -EPERM', -XEN_EPERM, (g) => remote(g, BYSTANDER)],
    ['of the caller itself returns -EPERM', -XEN_EPERM, (g) => remote(g, g.domainId)],
    ['of DOMID_SELF returns -ESRCH: it takes numbers', -XEN_ESRCH, (g) => remote(g, DOMID_SELF)],
    ['of a domain that does not exist returns -ESRCH', -XEN_ESRCH, (g) => remote(g, 77)],
    [
      'of the domain one is the device model of is allowed',
      0,
      (g) => remote(g, BYSTANDER),
      { target: BYSTANDER },
    ],
    ['by a privileged domain is allowed', 0, (g) => remote(g, BYSTANDER), { isPrivileged: true }],
    [
      'pin_override returns -EPERM: it is the hardware domain’s',
      -XEN_EPERM,
      function* (g) {
        return (yield* g.schedOp(SCHEDOP_pin_override, sched_pin_override, { pcpu: 0 })).result;
      },
    ],
  ]);
});

describe('SCHEDOP_watchdog', () => {
  hypercallContract([
    [
      'makes two watchdogs, with ids from 1',
      [1, 2],
      function* (g) {
        const made = [yield* watchdog(g, 0, 10), yield* watchdog(g, 0, 10)];
        yield* watchdog(g, 1, 0);
        yield* watchdog(g, 2, 0);
        return made;
      },
    ],
    [
      'a third returns -ENOSPC',
      -XEN_ENOSPC,
      function* (g) {
        yield* watchdog(g, 0, 10);
        yield* watchdog(g, 0, 10);
        return yield* watchdog(g, 0, 10);
      },
    ],
    [
      'is poked, and stopped with timeout 0',
      [0, 0, -XEN_EINVAL],
      function* (g) {
        yield* watchdog(g, 0, 10);
        return [yield* watchdog(g, 1, 20), yield* watchdog(g, 1, 0), yield* watchdog(g, 1, 5)];
      },
    ],
    ['that is not in use returns -EINVAL', -XEN_EINVAL, (g) => watchdog(g, 2, 5)],
    ['beyond the second returns -EINVAL', -XEN_EINVAL, (g) => watchdog(g, 3, 5)],
  ]);
});

describe('how domains end', () => {
  /** Runs a kernel to its end: the reason it shut down for. */
  function reasonOf(kernel: (g: NativeGuest) => NativeCode<unknown>, vcpuCount = 1): number | null {
    const machine = new NativeMachine();
    const { domain } = machine.guest(kernel, { vcpuCount });
    machine.run();
    expect(machine.violations).toEqual([]);
    const reason = domain.shutdownReason;
    expect(machine.destroyAll()).toBeNull();
    return reason;
  }
  function* shutdown(g: NativeGuest, reason: number): NativeCode<unknown> {
    return yield* g.schedOp(SCHEDOP_shutdown, sched_shutdown, { reason });
  }

  it.each([SHUTDOWN_poweroff, SHUTDOWN_reboot, SHUTDOWN_suspend, SHUTDOWN_crash])(
    'SCHEDOP_shutdown for reason %i tells that reason',
    (reason) => {
      expect(reasonOf((g) => shutdown(g, reason))).toBe(reason);
    },
  );

  it('SCHEDOP_shutdown by the older call takes the reason itself', () => {
    const reason = reasonOf((g) =>
      g.hypercall(__HYPERVISOR_sched_op_compat, SCHEDOP_shutdown, SHUTDOWN_reboot),
    );
    expect(reason).toBe(SHUTDOWN_reboot);
  });

  it('SCHEDOP_shutdown_code changes what a later shutdown tells', () => {
    const reason = reasonOf(function* (g) {
      yield* g.schedOp(SCHEDOP_shutdown_code, sched_shutdown, { reason: SHUTDOWN_reboot });
      yield* shutdown(g, SHUTDOWN_poweroff);
    });
    expect(reason).toBe(SHUTDOWN_reboot);
  });

  it('a watchdog that is not poked ends the domain', () => {
    const machine = new NativeMachine();
    const { domain } = machine.guest(function* (g) {
      yield* watchdog(g, 0, 1);
      yield* sched(g, SCHEDOP_block);
    });
    machine.run();
    machine.clock.advance(1e9);
    machine.run();
    expect(domain.shutdownReason).toBe(SHUTDOWN_watchdog);
  });

  it('a watchdog without time ends it at once', () => {
    const reason = reasonOf(function* (g) {
      yield* watchdog(g, 0, 0);
      yield* sched(g, SCHEDOP_block);
    });
    expect(reason).toBe(SHUTDOWN_watchdog);
  });
});

describe('set_timer_op', () => {
  /** Waits for a deadline: after how long it came, in ms. */
  function wait(deadline: (now: number) => NativeArgument, word: 32 | 64 = 64): number {
    const machine = new NativeMachine();
    const startNs = machine.clock.nowNs();
    const guest = machine.guest(
      function* (g) {
        yield* virq(g, VIRQ_TIMER);
        const value = BigInt(deadline(machine.clock.nowNs()));
        const halves = word === 32 ? [value & 0xffff_ffffn, value >> 32n] : [value];
        yield* g.hypercall(__HYPERVISOR_set_timer_op, ...halves);
        yield* sched(g, SCHEDOP_block);
        return machine.clock.nowNs() - startNs;
      },
      { word },
    );
    machine.run();
    expect(machine.violations).toEqual([]);
    return guest.isDone ? Math.round((guest.value as number) / 1e6) : -1;
  }

  it('raises VIRQ_TIMER at its deadline', () => {
    expect(wait(() => 50_000_000)).toBe(50);
  });
  it('takes a 32-bit guest’s deadline in two registers', () => {
    expect(wait(() => 50_000_000, 32)).toBe(50);
  });
  it('fires at once for a deadline that has passed', () => {
    expect(wait(() => 1)).toBe(0);
  });
  it('fires after 100 ms for a negative deadline', () => {
    expect(wait(() => -5)).toBe(100);
  });
  it('fires after 100 ms for one more than thirteen days away', () => {
    expect(wait(() => 2n ** 51n)).toBe(100);
  });
  it('of 0 stops the timer', () => {
    expect(wait(() => 0)).toBe(-1);
  });
});
