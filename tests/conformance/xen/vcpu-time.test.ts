// Conformance of vcpu_op: vCPUs up and down, timers, run states, and places for vcpu_info and time.
import {
  __HYPERVISOR_vcpu_op,
  RUNSTATE_offline,
  RUNSTATE_running,
  VCPU_SSHOTTMR_future,
  VCPUOP_down,
  VCPUOP_get_physid,
  VCPUOP_get_runstate_info,
  VCPUOP_is_up,
  VCPUOP_register_runstate_memory_area,
  VCPUOP_register_vcpu_info,
  VCPUOP_register_vcpu_time_memory_area,
  VCPUOP_send_nmi,
  VCPUOP_set_periodic_timer,
  VCPUOP_set_singleshot_timer,
  VCPUOP_stop_periodic_timer,
  VCPUOP_stop_singleshot_timer,
  VCPUOP_up,
  vcpu_get_physid,
  vcpu_info,
  vcpu_register_runstate_memory_area,
  vcpu_register_time_memory_area,
  vcpu_register_vcpu_info,
  vcpu_runstate_info,
  vcpu_set_periodic_timer,
  vcpu_set_singleshot_timer,
  vcpu_time_info,
  XEN_EFAULT,
  XEN_EINVAL,
  XEN_ENOENT,
  XEN_ENOSYS,
  XEN_ENXIO,
} from '@proxeny/abi';
import type { NativeArgument, NativeCode, NativeGuest } from '@proxeny/pv-guest';
import { describe } from 'vitest';
import { hypercallContract } from './conformance-case.js';
import { mfnOf, pv32, pv64 } from './mmu-calls.js';
import { L1_PAGE } from './pv-memory.js';

const two = { vcpuCount: 2 };
const NOWHERE = 0x700_0000;

function* plain(g: NativeGuest, command: number, vcpu = 0): NativeCode<number> {
  return (yield* g.vcpuOp(command, vcpu, null)).result;
}
function raw(g: NativeGuest, command: number, vcpu = 0, at = NOWHERE): NativeCode<number> {
  return g.hypercall(__HYPERVISOR_vcpu_op, command, vcpu, at);
}
function* registerInfo(g: NativeGuest, mfn: number, offset: number, vcpu = 0): NativeCode<number> {
  const values = { mfn, offset };
  return (yield* g.vcpuOp(VCPUOP_register_vcpu_info, vcpu, vcpu_register_vcpu_info, values)).result;
}
function* periodic(g: NativeGuest, period_ns: NativeArgument, vcpu = 0): NativeCode<number> {
  const values = { period_ns };
  return (yield* g.vcpuOp(VCPUOP_set_periodic_timer, vcpu, vcpu_set_periodic_timer, values)).result;
}
function* singleshot(
  g: NativeGuest,
  timeout_abs_ns: NativeArgument,
  flags = 0,
  vcpu = 0,
): NativeCode<number> {
  const values = { timeout_abs_ns, flags };
  const made = yield* g.vcpuOp(
    VCPUOP_set_singleshot_timer,
    vcpu,
    vcpu_set_singleshot_timer,
    values,
  );
  return made.result;
}
function* runstateArea(g: NativeGuest, v: NativeArgument, vcpu = 0): NativeCode<number> {
  const type = vcpu_register_runstate_memory_area;
  const made = yield* g.vcpuOp(VCPUOP_register_runstate_memory_area, vcpu, type, { addr: { v } });
  return made.result;
}
function* timeArea(g: NativeGuest, v: NativeArgument, vcpu = 0): NativeCode<number> {
  const type = vcpu_register_time_memory_area;
  const made = yield* g.vcpuOp(VCPUOP_register_vcpu_time_memory_area, vcpu, type, { addr: { v } });
  return made.result;
}

describe('VCPUOP_is_up, up and down', () => {
  hypercallContract(
    [
      [
        'is_up tells which vCPUs are',
        [1, 0],
        function* (g) {
          return [yield* plain(g, VCPUOP_is_up, 0), yield* plain(g, VCPUOP_is_up, 1)];
        },
      ],
      [
        'up of a vCPU that was not initialised returns -EINVAL',
        -XEN_EINVAL,
        (g) => plain(g, VCPUOP_up, 1),
      ],
      ['up of a vCPU that is up returns 0', 0, (g) => plain(g, VCPUOP_up, 0)],
      ['down of a vCPU that is down returns 0', 0, (g) => plain(g, VCPUOP_down, 1)],
      [
        'of a vCPU that does not exist return -ENOENT',
        [-XEN_ENOENT, -XEN_ENOENT, -XEN_ENOENT, -XEN_ENOENT],
        function* (g) {
          return [
            yield* plain(g, VCPUOP_is_up, 2),
            yield* plain(g, VCPUOP_up, 8191),
            yield* plain(g, VCPUOP_down, 0xffff_ffff),
            yield* plain(g, 99, 2),
          ];
        },
      ],
      ['an operation there is not returns -ENOSYS', -XEN_ENOSYS, (g) => plain(g, 14)],
    ],
    two,
  );
});

describe('VCPUOP_register_vcpu_info', () => {
  for (const options of [pv64, pv32]) {
    hypercallContract(
      [
        [
          `moves a ${options.word}-bit guest’s vcpu_info, once, and marks events pending there`,
          [0, 1, -XEN_EINVAL],
          function* (g, m) {
            const status = yield* registerInfo(g, mfnOf(m, 5), 128);
            // The upcall this causes has cleared the pending byte; the clock is there.
            const time = vcpu_info.of(g.word).fields.time.offset;
            const version = g.read32(5 * 4096 + 128 + time);
            return [status, version > 0 ? 1 : 0, yield* registerInfo(g, mfnOf(m, 6), 0)];
          },
        ],
        [
          `takes the last place in a page for a ${options.word}-bit guest`,
          0,
          (g, m) => registerInfo(g, mfnOf(m, 5), 4096 - vcpu_info.of(g.word).byteLength),
        ],
        [
          `across a page’s end returns -ENXIO for a ${options.word}-bit guest`,
          -XEN_ENXIO,
          (g, m) => registerInfo(g, mfnOf(m, 5), 4096 - vcpu_info.of(g.word).byteLength + 8),
        ],
      ],
      options,
    );
  }
  hypercallContract(
    [
      ['not aligned returns -ENXIO', -XEN_ENXIO, (g, m) => registerInfo(g, mfnOf(m, 5), 4)],
      [
        'in a frame of another domain returns -EINVAL',
        -XEN_EINVAL,
        (g, m) => registerInfo(g, m.strangerMfn, 0),
      ],
      [
        'in a page table returns -EINVAL',
        -XEN_EINVAL,
        (g, m) => registerInfo(g, mfnOf(m, L1_PAGE), 0),
      ],
      ['in a frame of the hypervisor returns -EINVAL', -XEN_EINVAL, (g) => registerInfo(g, 0, 0)],
      ['in a frame there is not returns -EINVAL', -XEN_EINVAL, (g) => registerInfo(g, 0xf_0000, 0)],
      ['of a vCPU that is down is allowed', 0, (g, m) => registerInfo(g, mfnOf(m, 5), 0, 1), two],
      [
        'of a vCPU that does not exist returns -ENOENT',
        -XEN_ENOENT,
        (g, m) => registerInfo(g, mfnOf(m, 5), 0, 1),
      ],
      [
        'with a record that is not mapped returns -EFAULT',
        -XEN_EFAULT,
        (g) => raw(g, VCPUOP_register_vcpu_info),
      ],
    ],
    pv64,
  );
});

describe('VCPUOP timers', () => {
  hypercallContract(
    [
      ['a period of a millisecond is allowed', 0, (g) => periodic(g, 1_000_000)],
      ['a shorter period returns -EINVAL', -XEN_EINVAL, (g) => periodic(g, 999_999)],
      ['a period of 0 returns -EINVAL', -XEN_EINVAL, (g) => periodic(g, 0)],
      [
        'a period longer than time is counted returns -EINVAL',
        -XEN_EINVAL,
        (g) => periodic(g, 2n ** 63n),
      ],
      ['a period may be another vCPU’s', 0, (g) => periodic(g, 1_000_000, 1)],
      ['stop_periodic returns 0, set or not', 0, (g) => plain(g, VCPUOP_stop_periodic_timer)],
      ['a singleshot deadline is set', 0, (g) => singleshot(g, 1e15)],
      [
        'a singleshot deadline that has passed fires at once and returns 0',
        0,
        (g) => singleshot(g, 0),
      ],
      ['also when it was to be in the future', 0, (g) => singleshot(g, 0, VCPU_SSHOTTMR_future)],
      [
        'a singleshot timer of another vCPU returns -EINVAL',
        -XEN_EINVAL,
        (g) => singleshot(g, 1e15, 0, 1),
      ],
      ['stop_singleshot returns 0, set or not', 0, (g) => plain(g, VCPUOP_stop_singleshot_timer)],
      [
        'stop_singleshot of another vCPU returns -EINVAL',
        -XEN_EINVAL,
        (g) => plain(g, VCPUOP_stop_singleshot_timer, 1),
      ],
      [
        'with records that are not mapped return -EFAULT',
        [-XEN_EFAULT, -XEN_EFAULT],
        function* (g) {
          return [
            yield* raw(g, VCPUOP_set_periodic_timer),
            yield* raw(g, VCPUOP_set_singleshot_timer),
          ];
        },
      ],
    ],
    two,
  );
});

describe('VCPUOP run states', () => {
  const AREA = 6 * 4096;
  hypercallContract(
    [
      [
        'get_runstate_info tells that the caller runs and another vCPU is offline',
        [RUNSTATE_running, RUNSTATE_offline],
        function* (g) {
          const states: number[] = [];
          for (const vcpu of [0, 1]) {
            const made = yield* g.vcpuOp(VCPUOP_get_runstate_info, vcpu, vcpu_runstate_info);
            states.push(made.get('state'));
          }
          return states;
        },
      ],
      [
        'an area is written when it is registered',
        [0, RUNSTATE_running],
        function* (g) {
          g.write32(AREA, 99);
          const status = yield* runstateArea(g, AREA);
          return [status, g.readMember(vcpu_runstate_info, AREA, 'state')];
        },
      ],
      [
        'an area that is not mapped is taken: it is looked at when it is used',
        0,
        (g) => runstateArea(g, NOWHERE),
      ],
      [
        'get_runstate_info to where nothing is mapped returns -EFAULT',
        -XEN_EFAULT,
        (g) => raw(g, VCPUOP_get_runstate_info),
      ],
    ],
    two,
  );
  hypercallContract(
    [
      [
        'an area at the hypervisor’s addresses returns -EFAULT',
        -XEN_EFAULT,
        (g) => runstateArea(g, -(2n ** 47n)),
      ],
      [
        'a time area is written when it is registered, with an even version',
        [0, 0, true],
        function* (g) {
          const status = yield* timeArea(g, AREA);
          const version = g.readMember(vcpu_time_info, AREA, 'version');
          return [status, version % 2, version > 0];
        },
      ],
      ['a time area that is not mapped is taken', 0, (g) => timeArea(g, 0x7000_0000)],
      [
        'a time area at the hypervisor’s addresses returns -EFAULT',
        -XEN_EFAULT,
        (g) => timeArea(g, -(2n ** 47n)),
      ],
      [
        'get_physid returns -EINVAL: nobody is pinned',
        -XEN_EINVAL,
        function* (g) {
          return (yield* g.vcpuOp(VCPUOP_get_physid, 0, vcpu_get_physid)).result;
        },
      ],
      [
        'send_nmi with an argument returns -EINVAL',
        -XEN_EINVAL,
        (g) => raw(g, VCPUOP_send_nmi, 0, 0x1000),
      ],
    ],
    pv64,
  );
});
