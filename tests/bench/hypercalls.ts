// The microkernel without x86: hypercalls of native guests, events between domains, grants, page-table updates, domains made and
// destroyed, and what idle ones cost. Time of the guests is a clock that stands still but where a measurement moves it.
import {
  __HYPERVISOR_event_channel_op,
  __HYPERVISOR_grant_table_op,
  __HYPERVISOR_mmu_update,
  __HYPERVISOR_sched_op,
  __HYPERVISOR_set_timer_op,
  __HYPERVISOR_xen_version,
  DOMID_SELF,
  EVTCHNOP_send,
  evtchn_send,
  GNTCOPY_dest_gref,
  GNTTABOP_copy,
  GTF_permit_access,
  gnttab_copy,
  mmu_update,
  SCHEDOP_block,
  VIRQ_TIMER,
} from '@proxeny/abi';
import {
  type Domain,
  type GuestCpu,
  GuestExit,
  Hypervisor,
  MachineMemory,
  ManualClock,
  type Vcpu,
} from '@proxeny/hv-core';
import { hypercall, NativeCpu, type NativeKernel } from '@proxeny/pv-guest';
import { buildPvMemory, entry, L1_PAGE } from '../conformance/xen/pv-memory.js';
import type { Measurement } from './measurement.js';

const clock = new ManualClock();

function hypervisor(frames: number): Hypervisor {
  return new Hypervisor({ memory: new MachineMemory(frames * 4096), clock });
}

function startNative(hv: Hypervisor, kernel: NativeKernel, frames = 4): Domain {
  const domain = hv.createDomain({
    kind: 'translated',
    gfnLimit: 64,
    createCpu: (vcpu) => new NativeCpu(vcpu, kernel),
  });
  domain.populate(0, frames);
  domain.start();
  domain.unpause();
  return domain;
}

/** A CPU that makes one hypercall again and again, without a guest's code around it; `left` counts. */
class CallingCpu implements GuestCpu {
  executed = 1;
  left = 0;
  readonly #values: readonly number[];
  readonly #number: number;

  constructor(number: number, values: readonly number[]) {
    this.#number = number;
    this.#values = values;
  }

  run(budget: number): GuestExit {
    this.executed = this.left === 0 ? budget : 1;
    return this.left === 0 ? GuestExit.budget : GuestExit.hypercall;
  }
  hypercallNumber(): number {
    return this.#number;
  }
  hypercallArguments(low: Uint32Array, high: Uint32Array, count: number): void {
    for (let i = 0; i < count; i++) {
      low[i] = this.#values[i] ?? 0;
      high[i] = 0;
    }
  }
  setHypercallArg(): void {}
  finishHypercall(): void {
    this.left--;
  }
  restartHypercall(): void {}
  upcall(): void {}
}

/** Makes `calls` of one hypercall by a domain that `prepare` makes ready. */
function calling(
  name: string,
  unit: string,
  unitsOfCall: number,
  cpu: CallingCpu,
  hv: Hypervisor,
  calls = 1000,
): Measurement {
  const call = (): void => {
    cpu.left = calls;
    while (cpu.left > 0) hv.step();
  };
  return { name, unit, count: calls * unitsOfCall, call };
}

function nullCall(): Measurement {
  const hv = hypervisor(64);
  const cpu = new CallingCpu(__HYPERVISOR_xen_version, [0, 0]);
  const domain = hv.createDomain({ kind: 'translated', gfnLimit: 64, createCpu: () => cpu });
  domain.populate(0, 4);
  domain.start();
  domain.unpause();
  return calling('null hypercall, the microkernel alone', 'call', 1, cpu, hv);
}

function nativeNullCall(): Measurement {
  const hv = hypervisor(64);
  let calls = 0;
  startNative(hv, function* () {
    for (;;) {
      yield* hypercall(__HYPERVISOR_xen_version, 0, 0);
      calls++;
    }
  });
  const call = (): void => {
    for (const end = calls + 1000; calls < end; ) hv.step();
  };
  // A slice makes more than a thousand; the count is measured.
  const before = calls;
  call();
  return { name: 'null hypercall of a native guest', unit: 'call', count: calls - before, call };
}

/** Answers each event with one. */
class RingingCpu implements GuestCpu {
  executed = 1;
  rings = 0;
  readonly #vcpu: Vcpu;
  #isCalled = false;

  constructor(vcpu: Vcpu) {
    this.#vcpu = vcpu;
  }

  run(): GuestExit {
    return this.#isCalled ? GuestExit.hypercall : GuestExit.idle;
  }
  hypercallNumber(): number {
    return __HYPERVISOR_event_channel_op;
  }
  hypercallArguments(low: Uint32Array, high: Uint32Array, count: number): void {
    low.fill(0x1000, 0, count);
    low[0] = EVTCHNOP_send;
    high.fill(0, 0, count);
  }
  setHypercallArg(): void {}
  finishHypercall(): void {
    this.#isCalled = false;
  }
  restartHypercall(): void {}
  upcall(): void {
    // What a kernel's event handler does to shared_info: takes the upcall, the selector and the port.
    const { hypervisor: hv, sharedInfo } = this.#vcpu.domain;
    hv.memory.bytes[this.#vcpu.info] = 0;
    hv.memory.words[(this.#vcpu.info >>> 2) + 2] = 0;
    hv.memory.words.fill(0, (sharedInfo + 2048) >>> 2, (sharedInfo + 2056) >>> 2);
    this.#isCalled = true;
    this.rings++;
    this.#vcpu.isUpcallMasked = false;
  }
}

function pingPong(): Measurement {
  const hv = hypervisor(64);
  const domains = [0, 1].map(() => {
    const domain = hv.createDomain({
      kind: 'translated',
      gfnLimit: 64,
      createCpu: (vcpu) => new RingingCpu(vcpu),
    });
    domain.populate(0, 4);
    return domain;
  });
  const [first, second] = domains as [Domain, Domain];
  const far = first.events.allocUnbound(second.id);
  second.events.bindInterdomain(first, far);
  for (const domain of domains) {
    const bytes = new Uint8Array(4);
    evtchn_send.of(64).fields.port.set(new DataView(bytes.buffer), 0, 1);
    domain.vcpus[0]?.access.copyTo(0x1000, bytes);
    domain.start();
    domain.unpause();
  }
  const cpu = first.vcpus[0]?.cpu as RingingCpu;
  const call = (): void => {
    for (const end = cpu.rings + 50; cpu.rings < end; ) hv.step();
  };
  return {
    name: 'event channel, there and back between two domains',
    unit: 'round trip',
    count: 50,
    call,
  };
}

function grantCopy(): Measurement {
  const hv = hypervisor(128);
  const RECORDS = 32;
  const cpu = new CallingCpu(__HYPERVISOR_grant_table_op, [GNTTABOP_copy, 0x1000, RECORDS]);
  const owner = hv.createDomain({ kind: 'translated', gfnLimit: 64 });
  owner.populate(0, 4);
  const domain = hv.createDomain({ kind: 'translated', gfnLimit: 64, createCpu: () => cpu });
  domain.populate(0, 8);
  const table = (owner.grants.entries.frames[0] as number) * 4096;
  hv.memory.view.setUint32(table + 8 * 8, (domain.id << 16) | GTF_permit_access, true);
  hv.memory.view.setUint32(table + 8 * 8 + 4, 2, true);
  const { fields, byteLength } = gnttab_copy.of(64);
  const bytes = new Uint8Array(RECORDS * byteLength);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < RECORDS; i++) {
    const base = i * byteLength;
    fields.source.fields.u.fields.gmfn.set(view, base, 5);
    fields.source.fields.domid.set(view, base, DOMID_SELF);
    fields.dest.fields.u.fields.ref.set(view, base, 8);
    fields.dest.fields.domid.set(view, base, owner.id);
    fields.len.set(view, base, 4096);
    fields.flags.set(view, base, GNTCOPY_dest_gref);
  }
  domain.vcpus[0]?.access.copyTo(0x1000, bytes);
  domain.start();
  domain.unpause();
  return calling('grant copy, 4 KiB to a granted page, 32 a call', 'page', RECORDS, cpu, hv, 1);
}

function pageTableUpdates(): Measurement {
  const hv = hypervisor(128);
  const REQUESTS = 128;
  const cpu = new CallingCpu(__HYPERVISOR_mmu_update, [0x1000, REQUESTS, 0, DOMID_SELF]);
  const domain = hv.createDomain({ kind: 'pv', createCpu: () => cpu });
  const { mfns } = buildPvMemory(domain, 24);
  const { fields, byteLength } = mmu_update.of(64);
  const bytes = new Uint8Array(REQUESTS * byteLength);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < REQUESTS; i++) {
    const at = (mfns[L1_PAGE] as number) * 4096 + (100 + (i >> 1)) * 8;
    fields.ptr.set(view, i * byteLength, at);
    // Each entry is made and taken away again.
    fields.val.setBig(view, i * byteLength, i % 2 === 0 ? entry(mfns[12] as number) : 0n);
  }
  domain.vcpus[0]?.access.copyTo(0x1000, bytes);
  domain.start();
  domain.unpause();
  return calling('mmu_update of L1 entries, 128 a call', 'entry', REQUESTS, cpu, hv, 1);
}

function lives(): Measurement {
  const hv = hypervisor(256);
  const kernel: NativeKernel = function* () {
    yield* hypercall(__HYPERVISOR_xen_version, 0, 0);
  };
  const call = (): void => {
    const domain = startNative(hv, kernel, 8);
    while (domain.shutdownReason === null) hv.step();
    hv.destroyDomain(domain);
  };
  return {
    name: 'a native domain made, run to its end and destroyed',
    unit: 'domain',
    count: 1,
    call,
  };
}

/** Of a second, as much as is run at a time: short, so that what else the host does seldom comes in between. */
const PART_NS = 1e7;

/** 200 domains whose timers go ten times a second each: the time that a second of theirs takes. */
function idleDomains(): Measurement {
  const hv = hypervisor(4096);
  for (let i = 0; i < 200; i++) {
    startNative(hv, function* (guest) {
      guest.onUpcall = () => {
        const vcpu = domain.vcpus[0] as Vcpu;
        hv.memory.bytes[vcpu.info] = 0;
        hv.memory.words[(vcpu.info >>> 2) + 2] = 0;
        hv.memory.words[(domain.sharedInfo + 2048) >>> 2] = 0;
        return (function* () {})();
      };
      for (;;) {
        yield* hypercall(__HYPERVISOR_set_timer_op, BigInt(clock.nowNs() + 1e8));
        yield* hypercall(__HYPERVISOR_sched_op, SCHEDOP_block, 0);
      }
    });
    const domain = [...hv.domains].at(-1) as Domain;
    domain.events.bindVirq(VIRQ_TIMER, 0);
  }
  const call = (): void => {
    for (const endNs = clock.nowNs() + PART_NS; clock.nowNs() < endNs; ) {
      const { vcpu, wakeNs } = hv.step();
      if (!vcpu) clock.advance(Math.max(1, Math.min(wakeNs, endNs) - clock.nowNs()));
    }
  };
  return {
    name: '200 idle domains with a timer at 10 Hz',
    unit: 'second of theirs',
    count: PART_NS / 1e9,
    call,
  };
}

export const hypercalls: readonly (() => Measurement)[] = [
  nullCall,
  nativeNullCall,
  pingPong,
  grantCopy,
  pageTableUpdates,
  lives,
  idleDomains,
];
