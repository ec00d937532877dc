// Conformance of the time a guest is told: vcpu_time_info, the wall clock, the run state area. xen.h, vcpu.h.
import {
  __HYPERVISOR_sched_op,
  SCHEDOP_yield,
  shared_info,
  VCPUOP_register_runstate_memory_area,
  vcpu_info,
  vcpu_register_runstate_memory_area,
  vcpu_runstate_info,
  vcpu_time_info,
} from '@proxeny/abi';
import type { NativeCode, NativeGuest } from '@proxeny/pv-guest';
import { describe, expect, it } from 'vitest';
import { hypercallContract } from './conformance-case.js';
import { SHARED_INFO } from './event-calls.js';
import { pv32, pv64 } from './mmu-calls.js';
import { NativeMachine } from './native-machine.js';

function time(g: NativeGuest, member: string): number {
  return g.readMember(
    vcpu_time_info,
    SHARED_INFO + vcpu_info.of(g.word).fields.time.offset,
    member,
  );
}
function* pass(g: NativeGuest): NativeCode<void> {
  yield* g.hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
}

for (const options of [pv64, pv32, { word: 32 } as const, { word: 64 } as const]) {
  const kind = 'kind' in options ? 'page-table' : 'translated';
  describe(`time of a ${options.word}-bit ${kind} guest`, () => {
    hypercallContract(
      [
        [
          'has an even version that is not 0: it was written and is not being written',
          [0, true],
          function* (g) {
            yield* pass(g);
            return [time(g, 'version') % 2, time(g, 'version') > 0];
          },
        ],
        [
          'computes nanoseconds of ticks by its scale',
          true,
          function* (g) {
            yield* pass(g);
            // The clock of these tests ticks once a nanosecond: ((1e9 << shift) × mul) >> 32 is a second.
            const shift = (time(g, 'tsc_shift') << 24) >> 24;
            const second = Math.floor((1e9 * 2 ** shift * time(g, 'tsc_to_system_mul')) / 2 ** 32);
            return Math.abs(second - 1e9) < 2;
          },
        ],
        [
          'has a wall clock with an even version',
          0,
          function* (g) {
            yield* pass(g);
            const { wc_version } = shared_info.of(g.word).fields;
            return g.read32(SHARED_INFO + wc_version.offset) % 2;
          },
        ],
      ],
      options,
    );
  });
}

describe('time that passes', () => {
  it('changes the version of vcpu_time_info by two with each update, so that readers see it', () => {
    const machine = new NativeMachine();
    const seen: number[] = [];
    machine.only(function* (g) {
      for (let i = 0; i < 3; i++) {
        seen.push(time(g, 'version'), time(g, 'system_time'));
        machine.clock.advance(1.5e9);
        yield* pass(g);
      }
    });
    expect(seen[2]).toBe((seen[0] as number) + 2);
    expect(seen[4]).toBe((seen[0] as number) + 4);
    expect((seen[3] as number) - (seen[1] as number)).toBeGreaterThanOrEqual(1.5e9);
  });

  it('tells the wall clock of the host', () => {
    const machine = new NativeMachine();
    machine.clock.wallClockBaseNs = 1_700_000_000.5e9;
    let told: number[] = [];
    machine.only(function* (g) {
      yield* pass(g);
      const { wc_sec, wc_nsec } = shared_info.of(64).fields;
      told = [g.read32(SHARED_INFO + wc_sec.offset), g.read32(SHARED_INFO + wc_nsec.offset)];
    });
    expect(told).toEqual([1_700_000_000, 500_000_000]);
  });

  it('keeps a registered run state area up to date', () => {
    const machine = new NativeMachine();
    const AREA = 6 * 4096;
    const entries: number[] = [];
    machine.only(function* (g) {
      yield* g.vcpuOp(VCPUOP_register_runstate_memory_area, 0, vcpu_register_runstate_memory_area, {
        addr: { v: AREA },
      });
      for (let i = 0; i < 2; i++) {
        entries.push(g.readMember(vcpu_runstate_info, AREA, 'state_entry_time'));
        machine.clock.advance(5000);
        yield* pass(g);
      }
    });
    expect(entries[1]).toBeGreaterThan(entries[0] as number);
  });
});
