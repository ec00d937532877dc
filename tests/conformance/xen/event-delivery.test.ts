// Events on their way: upcalls between domains, and notifications of the host.
import { __HYPERVISOR_sched_op, SCHEDOP_block } from '@proxeny/abi';
import type { NativeCode, NativeGuest } from '@proxeny/pv-guest';
import { describe, expect, it } from 'vitest';
import { acknowledge, alloc, bind, send } from './event-calls.js';
import { NativeMachine } from './native-machine.js';

describe('event delivery', () => {
  it('rings a channel back and forth between two domains through upcalls', () => {
    const machine = new NativeMachine();
    const rings = { first: 0, second: 0 };
    /** Answers each event of `port` with one until there were ten. */
    function* answer(g: NativeGuest, port: number, who: 'first' | 'second'): NativeCode {
      g.onUpcall = function* () {
        acknowledge(g, port);
        rings[who]++;
        if (rings[who] <= 10) yield* send(g, port);
      };
      while (rings[who] < 10) yield* g.hypercall(__HYPERVISOR_sched_op, SCHEDOP_block, 0);
    }
    const first = machine.guest(
      function* (g) {
        yield* answer(g, yield* alloc(g, 2), 'first');
      },
      { id: 1 },
    );
    const second = machine.guest(
      function* (g) {
        const port = yield* bind(g, 1, 1);
        yield* send(g, port);
        yield* answer(g, port, 'second');
      },
      { id: 2 },
    );
    machine.run();
    first.check();
    second.check();
    expect([first.isDone, second.isDone]).toEqual([true, true]);
    expect(rings.first).toBeGreaterThanOrEqual(10);
    expect(machine.violations).toEqual([]);
    expect(machine.destroyAll()).toBeNull();
  });

  it('calls the host between slices for a port it listens on, and keeps the guest off that port', () => {
    const machine = new NativeMachine();
    const { hypervisor } = machine;
    const host = hypervisor.createDomain({ id: 0, isPrivileged: true });
    const far = host.events.allocUnbound(1);
    let calls = 0;
    host.events.listen(far.port, () => {
      calls++;
    });
    const guest = machine.guest(
      function* (g) {
        const port = yield* bind(g, 0, far.port);
        return [yield* send(g, port), yield* send(g, port)];
      },
      { id: 1 },
    );
    machine.run();
    guest.check();
    expect(guest.value).toEqual([0, 0]);
    expect(calls).toBe(1); // two sends in one slice are one notification
    expect(machine.destroyAll()).toBeNull();
  });
});
