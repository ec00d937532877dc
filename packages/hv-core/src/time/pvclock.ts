// Pvclock: what guests compute time from: the vcpu_time_info of each vCPU and the wall clock in shared_info. xen.h.
// A version is odd while its record is written. Guests and hypervisor take turns on one thread, so none ever sees it odd, but a vCPU
// that reads across a preemption sees a version that has changed, and tries again.
import { arch_shared_info, shared_info, vcpu_info, vcpu_time_info } from '@proxeny/abi';
import { ScalarField } from '@proxeny/memory';
import type { Domain } from '../domain.js';
import type { Vcpu } from '../vcpu.js';
import type { Clock } from './clock.js';

const time = vcpu_time_info.of(64).fields;
export const TIME_INFO_BYTES: number = vcpu_time_info.of(64).byteLength;

/** `tsc_to_system_mul` and `tsc_shift` for a frequency: ns = ((ticks << shift) × mul) >> 32. */
export function pvclockScale(tscHz: number): { mul: number; shift: number } {
  let shift = 0;
  let ticksPerSecond = tscHz;
  // mul must fit 32 bits with its top bit set: 0.5 ≤ 1e9 / scaled frequency < 1.
  while (ticksPerSecond > 2e9) {
    ticksPerSecond /= 2;
    shift--;
  }
  while (ticksPerSecond <= 1e9) {
    ticksPerSecond *= 2;
    shift++;
  }
  return { mul: Math.floor((1e9 / ticksPerSecond) * 2 ** 32), shift };
}

function writeTimeInfo(view: DataView, base: number, clock: Clock): void {
  const { mul, shift } = pvclockScale(clock.tscHz);
  const version = (time.version.get(view, base) + 1) | 1;
  time.version.set(view, base, version);
  time.tsc_timestamp.set(view, base, clock.tsc());
  time.system_time.set(view, base, clock.nowNs());
  time.tsc_to_system_mul.set(view, base, mul);
  time.tsc_shift.set(view, base, shift);
  time.flags.set(view, base, 0);
  time.version.set(view, base, version + 1);
}

/** Brings a vCPU's clock, and its registered copy, up to this moment. */
export function updateVcpuTime(vcpu: Vcpu): void {
  const { hypervisor } = vcpu.domain;
  const offset = vcpu_info.of(vcpu.domain.word).fields.time.offset;
  const at = vcpu.info + offset;
  writeTimeInfo(hypervisor.memory.view, at, hypervisor.clock);
  vcpu.timeUpdatedNs = hypervisor.clock.nowNs();
  if (vcpu.timeArea === null) return;
  // An area that is not mapped now is tried again with the next update.
  vcpu.access.copyTo(vcpu.timeArea, hypervisor.memory.bytes.subarray(at, at + TIME_INFO_BYTES));
}

/** Of a 32-bit guest the high half of the seconds stands in the architecture's part. */
function wallClockHigh32(): ScalarField {
  const arch = shared_info.of(32).fields.arch.offset;
  const { offset, byteLength, isSigned, direction } = arch_shared_info.of(32).fields.wc_sec_hi;
  return new ScalarField(arch + offset, byteLength, isSigned, direction);
}

/** Writes the wall clock of a domain. */
export function updateWallClock(domain: Domain): void {
  const { hypervisor } = domain;
  const { view } = hypervisor.memory;
  const base = domain.sharedInfo;
  const seconds = Math.floor(hypervisor.clock.wallClockBaseNs / 1e9);
  const nanoseconds = Math.floor(hypervisor.clock.wallClockBaseNs - seconds * 1e9);
  const layout = shared_info.of(domain.word);
  const { wc_version, wc_sec, wc_nsec } = layout.fields;
  const version = (wc_version.get(view, base) + 1) | 1;
  wc_version.set(view, base, version);
  wc_sec.set(view, base, seconds >>> 0);
  wc_nsec.set(view, base, nanoseconds);
  const high = Math.floor(seconds / 2 ** 32);
  if (domain.word === 64) shared_info.of(64).fields.wc_sec_hi.set(view, base, high);
  else wallClockHigh32().set(view, base, high);
  wc_version.set(view, base, version + 1);
}
