// set_timer_op: one deadline a vCPU, in ns of system time, that raises VIRQ_TIMER. 0 stops it. xen.h.
import { __HYPERVISOR_set_timer_op } from '@proxeny/abi';
import type { Hypercall } from './hypercall.js';

/** Deadlines this far away, or negative, come of a guest's confusion; Xen fires them soon rather than never. */
const FAR_NS = 2 ** 50;
const SOON_NS = 100_000_000;

export const setTimerOp: Hypercall = {
  number: __HYPERVISOR_set_timer_op,
  name: 'set_timer_op',
  arguments: 2,
  decode: (call) => {
    const { vcpu, hypervisor } = call;
    const high = call.word === 32 ? call.uint(1) : (call.high[0] as number);
    const deadlineNs = (high | 0) * 2 ** 32 + call.uint(0);
    return () => {
      const nowNs = hypervisor.clock.nowNs();
      const isConfused = deadlineNs < 0 || deadlineNs - nowNs >= FAR_NS;
      if (deadlineNs === 0) hypervisor.timers.stop(vcpu.singleshot);
      else hypervisor.setTimer(vcpu.singleshot, isConfused ? nowNs + SOON_NS : deadlineNs);
      return 0;
    };
  },
};
