// Conformance of vcpu_op: vCPUs up and down, their timers, and what they register.
import {
  __HYPERVISOR_vcpu_op,
  shared_info,
  VCPU_SSHOTTMR_future,
  VCPUOP_down,
  VCPUOP_get_physid,
  VCPUOP_get_runstate_info,
  VCPUOP_is_up,
  VCPUOP_register_runstate_memory_area,
  VCPUOP_register_vcpu_info,
  VCPUOP_register_vcpu_time_memory_area,
  VCPUOP_set_periodic_timer,
  VCPUOP_set_singleshot_timer,
  VCPUOP_stop_periodic_timer,
  VCPUOP_stop_singleshot_timer,
  VCPUOP_up,
  VIRQ_TIMER,
  vcpu_get_physid,
  vcpu_register_runstate_memory_area,
  vcpu_register_time_memory_area,
  vcpu_register_vcpu_info,
  vcpu_runstate_info,
  vcpu_set_periodic_timer,
  vcpu_set_singleshot_timer,
  XEN_EFAULT,
  XEN_EINVAL,
  XEN_ENOENT,
  XEN_ENOSYS,
  XEN_ENXIO,
} from '@proxeny/abi';
import { compute, type NativeCode, type NativeGuest } from '@proxeny/pv-guest';
import { describe } from 'vitest';
import { hypercallContract } from './conformance-case.js';
import { virq } from './event-calls.js';

const call = (g: NativeGuest, command: number, vcpu: number, at = 0): NativeCode<number> =>
  g.hypercall(__HYPERVISOR_vcpu_op, command, vcpu, at);
const two = { vcpuCount: 2 };

describe('vcpu_op', () => {
  hypercallContract([
    ['is_up of the running vCPU is 1', 1, (g) => call(g, VCPUOP_is_up, 0)],
    ['is_up of one that was never started is 0', 0, (g) => call(g, VCPUOP_is_up, 1), two],
    [
      'is_up of one that cannot exist returns -ENOENT',
      -XEN_ENOENT,
      (g) => call(g, VCPUOP_is_up, 2),
      two,
    ],
    ['of an unknown number returns -ENOSYS', -XEN_ENOSYS, (g) => call(g, 99, 0)],
    ['up before initialise returns -EINVAL', -XEN_EINVAL, (g) => call(g, VCPUOP_up, 1), two],
    ['up of the running vCPU returns 0', 0, (g) => call(g, VCPUOP_up, 0)],
    ['down of one that is down returns 0', 0, (g) => call(g, VCPUOP_down, 1), two],
    [
      'get_physid of a vCPU that is not pinned returns -EINVAL',
      -XEN_EINVAL,
      function* (g) {
        return (yield* g.vcpuOp(VCPUOP_get_physid, 0, vcpu_get_physid)).result;
      },
    ],
  ]);
});

describe('VCPUOP_get_runstate_info', () => {
  hypercallContract([
    [
      'tells that the caller runs',
      [0, 0],
      function* (g) {
        const { result, get } = yield* g.vcpuOp(VCPUOP_get_runstate_info, 0, vcpu_runstate_info);
        return [result, get('state')];
      },
    ],
    [
      'to nowhere returns -EFAULT',
      -XEN_EFAULT,
      (g) => call(g, VCPUOP_get_runstate_info, 0, 0x5000_0000),
    ],
  ]);
});

describe('areas a vCPU registers', () => {
  hypercallContract([
    [
      'a run state is kept there',
      [0, 0],
      function* (g) {
        g.write(0x3000, new Uint8Array(64).fill(255));
        const values = { addr: { p: 0x3000 } };
        const type = vcpu_register_runstate_memory_area;
        const { result } = yield* g.vcpuOp(VCPUOP_register_runstate_memory_area, 0, type, values);
        return [result, g.read32(0x3000)];
      },
    ],
    [
      'a clock is kept there',
      [0, true],
      function* (g) {
        const values = { addr: { p: 0x3000 } };
        const type = vcpu_register_time_memory_area;
        const { result } = yield* g.vcpuOp(VCPUOP_register_vcpu_time_memory_area, 0, type, values);
        return [result, g.read32(0x3000) > 0 && g.read32(0x3000) % 2 === 0];
      },
    ],
    [
      'nowhere is taken: it is looked at when it is used',
      0,
      function* (g) {
        const values = { addr: { p: 0x5000_0000 } };
        const type = vcpu_register_time_memory_area;
        return (yield* g.vcpuOp(VCPUOP_register_vcpu_time_memory_area, 0, type, values)).result;
      },
    ],
  ]);
});

describe('VCPUOP_register_vcpu_info', () => {
  const register = function* (
    g: NativeGuest,
    mfn: number,
    offset: number,
    vcpu = 0,
  ): NativeCode<number> {
    const type = vcpu_register_vcpu_info;
    return (yield* g.vcpuOp(VCPUOP_register_vcpu_info, vcpu, type, { mfn, offset })).result;
  };
  hypercallContract([
    [
      'moves it, once, and says that events are pending',
      [0, 1, -XEN_EINVAL],
      function* (g) {
        const result = yield* register(g, 5, 0x100);
        return [result, g.read(0x5100, 1)[0], yield* register(g, 5, 0x200)];
      },
    ],
    ['across the end of the page returns -ENXIO', -XEN_ENXIO, (g) => register(g, 5, 4096 - 56)],
    ['at an offset that is not aligned returns -ENXIO', -XEN_ENXIO, (g) => register(g, 5, 0x104)],
    ['of a frame there is not returns -EINVAL', -XEN_EINVAL, (g) => register(g, 999, 0)],
    ['of a vCPU that is down returns 0', 0, (g) => register(g, 5, 0, 1), two],
  ]);
});

describe('timers of a vCPU', () => {
  function* singleshot(
    g: NativeGuest,
    timeout_abs_ns: number,
    flags = 0,
    vcpu = 0,
  ): NativeCode<number> {
    const values = { timeout_abs_ns, flags };
    return (yield* g.vcpuOp(VCPUOP_set_singleshot_timer, vcpu, vcpu_set_singleshot_timer, values))
      .result;
  }
  function* periodic(g: NativeGuest, period_ns: number): NativeCode<number> {
    return (yield* g.vcpuOp(VCPUOP_set_periodic_timer, 0, vcpu_set_periodic_timer, { period_ns }))
      .result;
  }
  hypercallContract([
    [
      'whose time has passed raise VIRQ_TIMER at once, whatever the flags say',
      [0, true],
      function* (g) {
        const port = yield* virq(g, VIRQ_TIMER);
        yield* compute(50_000_000); // more than a slice: the clock moves between them
        const result = yield* singleshot(g, 1, VCPU_SSHOTTMR_future);
        const pending = g.read32(16 * 4096 + shared_info.of(64).fields.evtchn_pending.offset);
        return [result, ((pending >>> port) & 1) === 1];
      },
    ],
    ['of another vCPU return -EINVAL', -XEN_EINVAL, (g) => singleshot(g, 1, 0, 1), two],
    [
      'are stopped by their own vCPU only',
      -XEN_EINVAL,
      (g) => call(g, VCPUOP_stop_singleshot_timer, 1),
      two,
    ],
    ['stop', 0, (g) => call(g, VCPUOP_stop_singleshot_timer, 0)],
    ['with a period under a millisecond return -EINVAL', -XEN_EINVAL, (g) => periodic(g, 999_999)],
    ['with a period of a millisecond return 0', 0, (g) => periodic(g, 1_000_000)],
    ['with a period beyond 2^62 return -EINVAL', -XEN_EINVAL, (g) => periodic(g, 2 ** 63)],
    ['stop their period', 0, (g) => call(g, VCPUOP_stop_periodic_timer, 0)],
  ]);
});
