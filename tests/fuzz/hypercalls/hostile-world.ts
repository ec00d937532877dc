// HostileWorld: a machine with three hostile domains (pv64, pv32, translated) of two vCPUs each and two bystanders. It runs slices,
// revives who ended itself, now and then destroys one, and after every slice checks that nothing happened that must not.
import { EVTCHNSTAT_interdomain } from '@proxeny/abi';
import {
  type Domain,
  findMiscount,
  type HypercallFrame,
  Hypervisor,
  MachineMemory,
  ManualClock,
  P2mKind,
  RESTART,
  type Vcpu,
} from '@proxeny/hv-core';
import type { Gfn } from '@proxeny/memory';
import { Random } from '../../conformance/native-oracle/random.js';
import { buildPvMemory, L1_PAGE } from '../../conformance/xen/pv-memory.js';
import { HostileCalls } from './hostile-calls.js';
import { HostileCpu, type SliceWatcher } from './hostile-cpu.js';
import { GRANT_PAGE, GUEST_PAGES } from './hostile-values.js';
import { IsolationShadow, SECRET } from './isolation-shadow.js';

const FRAMES = 400;
/** Slices, each a sequence of hypercalls, before everything is destroyed and counted. */
export const SLICES_OF_WORLD = 250;
/** frame-table.ts, FRAME_PINNED. */
const PINNED = 2;
const kinds = ['pv64', 'pv32', 'translated'] as const;
type Kind = (typeof kinds)[number];

export interface WorldStatistics {
  slices: number;
  hypercalls: number;
  errors: number;
  restarts: number;
  domains: number;
  /** Sums over all slices of what there was after them. */
  grantsMapped: number;
  tables: number;
  channels: number;
}

/** What went wrong, and how to see it again. */
export class IsolationBreach extends Error {
  override readonly name = 'IsolationBreach';
}

export class HostileWorld implements SliceWatcher {
  readonly hypervisor: Hypervisor;
  readonly statistics: WorldStatistics = {
    slices: 0,
    hypercalls: 0,
    errors: 0,
    restarts: 0,
    domains: 0,
    grantsMapped: 0,
    tables: 0,
    channels: 0,
  };
  /** Results by hypercall and sub-operation, if somebody wants to know. */
  readonly results: Map<string, number> | null;
  readonly #seed: number;
  readonly #random: Random;
  readonly #clock = new ManualClock();
  readonly #shadow: IsolationShadow;
  readonly #hostile = new Map<Kind, Domain>();
  readonly #bystanders: Domain[] = [];
  /** Last numbers of domains, for guests to guess. */
  readonly #domainIds: number[] = [];
  readonly #freeAtStart: number;
  #isInSlice = false;
  #log: string[] = [];

  constructor(seed: number, results: Map<string, number> | null = null) {
    this.#seed = seed;
    this.results = results;
    this.#random = new Random(seed);
    this.hypervisor = new Hypervisor({
      memory: new MachineMemory(FRAMES * 4096),
      clock: this.#clock,
      workPerCall: this.#random.pick([2560, 4096, 16_384]),
    });
    this.#freeAtStart = this.hypervisor.frames.freeCount;
    this.#shadow = new IsolationShadow(this.hypervisor);
    this.hypervisor.observer = {
      enter: (call) => this.#shadow.notePermissions(call.domain),
      leave: (call, result) => this.#noteResult(call, result),
    };
    for (const kind of kinds) this.#create(kind);
    for (const kind of ['pv64', 'translated'] as const) this.#createBystander(kind);
    this.#shadow.findBreach(null);
  }

  #noteResult(call: HypercallFrame, result: number): void {
    this.statistics.hypercalls++;
    if (result < 0) this.statistics.errors++;
    if (result === RESTART) this.statistics.restarts++;
    const values = [...call.low].map((value) => value.toString(16)).join(' ');
    this.#log.push(
      `domain ${call.domain.id} vCPU ${call.vcpu.id}: ${call.number}(${values}) = ${result}`,
    );
    const { results } = this;
    if (!results) return;
    const key = `${call.number}/${call.uint(0) < 40 ? call.uint(0) & 63 : '-'} ${result}`;
    results.set(key, (results.get(key) ?? 0) + 1);
  }

  #build(kind: Kind, vcpuCount: number): Domain {
    const domain = this.hypervisor.createDomain({
      kind: kind === 'translated' ? 'translated' : 'pv',
      word: kind === 'pv32' ? 32 : 64,
      vcpuCount,
      createCpu: (vcpu) => new HostileCpu(vcpu, this),
      limits: { maxFrames: 48, maxGrantFrames: 3, maxPort: 70, maxMappings: 8 },
      gfnLimit: 64,
    });
    const { frames, types, memory } = this.hypervisor;
    const table = domain.grants.entries.frames[0] as number;
    if (domain.p2m) {
      domain.populate(0, GUEST_PAGES);
      frames.getAgain(table);
      domain.p2m.set(GRANT_PAGE as Gfn, table as never, P2mKind.ram);
    } else {
      const built = buildPvMemory(domain, GUEST_PAGES);
      const l1 = built.mfns[L1_PAGE] as number;
      if (types.getPageAndType(table, domain.id, 7) !== 0)
        throw new Error('grant table not writable');
      memory.view.setBigUint64(l1 * 4096 + GRANT_PAGE * 8, BigInt(table * 4096 + 0x67), true);
    }
    this.statistics.domains++;
    return domain;
  }

  #create(kind: Kind): void {
    const domain = this.#build(kind, 2);
    this.#hostile.set(kind, domain);
    this.#domainIds.push(domain.id);
    if (this.#domainIds.length > 8) this.#domainIds.shift();
    for (const vcpu of domain.vcpus) {
      const cpu = vcpu.cpu as HostileCpu;
      cpu.calls = new HostileCalls(this.#random, vcpu, this.#domainIds);
      domain.start(vcpu.id);
    }
    domain.unpause();
  }

  /** A domain that does nothing. Two of its pages and a port are granted to every hostile domain, the others to nobody. */
  #createBystander(kind: Kind): void {
    const domain = this.#build(kind, 1);
    const { memory } = this.hypervisor;
    const table = (domain.grants.entries.frames[0] as number) * 4096;
    for (let page = 0; page < GUEST_PAGES; page++) {
      const at = domain.vcpus[0]?.access.space.translate(page * 4096, true) ?? -1;
      if (at < 0 || page === 16) continue;
      const mfn = at / 4096;
      memory.words.fill(
        page === 20 || page === 21 ? 0x3c3c_3c3c : SECRET,
        mfn * 1024,
        mfn * 1024 + 1024,
      );
      if (page !== 20 && page !== 21) continue;
      let ref = page === 20 ? 8 : 12;
      for (const hostile of this.#hostile.values()) {
        memory.view.setUint32(table + ref * 8 + 4, domain.p2m ? page : mfn, true);
        memory.view.setUint32(table + ref * 8, (hostile.id << 16) | (page === 20 ? 5 : 1), true);
        ref++;
      }
    }
    for (const hostile of this.#hostile.values()) domain.events.allocUnbound(hostile.id);
    this.#bystanders.push(domain);
    this.#domainIds.push(domain.id);
  }

  beginSlice(vcpu: Vcpu): void {
    if (this.#isInSlice) return;
    this.#isInSlice = true;
    const cpu = vcpu.cpu as HostileCpu;
    cpu.callsLeft = 1 + this.#random.below(8);
    cpu.calls?.values.refresh();
  }

  /** One slice of somebody, and everything checked after it. */
  step(): void {
    this.#log = [];
    this.#shadow.begin();
    this.#isInSlice = false;
    const { vcpu } = this.hypervisor.step();
    this.#clock.advance(1 + this.#random.below(200_000));
    if (vcpu) {
      this.statistics.slices++;
      this.#count();
      this.#check(vcpu.domain);
    } else this.#revive();
    if (this.#random.oneIn(60)) this.#replace(this.#random.pick(kinds));
  }

  #count(): void {
    const { statistics } = this;
    for (const { grants, events } of this.#hostile.values()) {
      statistics.grantsMapped += grants.mappings.count;
      for (const channel of events.open()) {
        if (channel.state === EVTCHNSTAT_interdomain) statistics.channels++;
      }
    }
    const { flags } = this.hypervisor.frames;
    for (const each of flags) if ((each & PINNED) !== 0) statistics.tables++;
  }

  #check(domain: Domain): void {
    if (domain.crashCause) this.#fail(`domain ${domain.id}: ${(domain.crashCause as Error).stack}`);
    const breach =
      this.#shadow.findBreach(domain) ??
      this.#shadow.findSecret(domain) ??
      findMiscount(this.hypervisor);
    if (breach) this.#fail(breach);
    if (domain.shutdownReason === null) return;
    for (const [kind, each] of this.#hostile) if (each === domain) this.#replace(kind);
  }

  #fail(what: string): never {
    const { slices } = this.statistics;
    throw new IsolationBreach(
      `${what}\nseed ${this.#seed}, slice ${slices}; the last calls:\n${this.#log.join('\n')}`,
    );
  }

  /** Everybody waits: events come. */
  #revive(): void {
    for (const [kind, domain] of this.#hostile) {
      if (domain.shutdownReason !== null) this.#replace(kind);
      else for (const vcpu of domain.vcpus) vcpu.unblock();
    }
  }

  #replace(kind: Kind): void {
    const domain = this.#hostile.get(kind);
    if (domain) this.hypervisor.destroyDomain(domain);
    this.#create(kind);
    this.#shadow.findBreach(null);
    const miscount = findMiscount(this.hypervisor);
    if (miscount) this.#fail(`after the ${kind} domain was replaced: ${miscount}`);
  }

  /** Destroys everybody; every frame and timer must have come back. */
  end(): void {
    for (const domain of [...this.hypervisor.domains]) this.hypervisor.destroyDomain(domain);
    const { frames, dyingCount, timers } = this.hypervisor;
    const lost = this.#freeAtStart - frames.freeCount;
    if (dyingCount > 0 || lost !== 0 || timers.size > 0)
      this.#fail(
        `at the end ${lost} frames, ${dyingCount} domains and ${timers.size} timers are left`,
      );
    const miscount = findMiscount(this.hypervisor);
    if (miscount) this.#fail(miscount);
  }
}

/** Runs one world from its seed for so many slices. */
export function runWorld(
  seed: number,
  slices: number,
  results: Map<string, number> | null = null,
): WorldStatistics {
  const world = new HostileWorld(seed, results);
  // Steps in which everybody waits are none.
  for (let step = 0; world.statistics.slices < slices && step < slices * 20; step++) world.step();
  world.end();
  return world.statistics;
}
