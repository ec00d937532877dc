// HostileCalls: one guest's random hypercalls: every number that the ABI names, every sub-operation, records filled in by what their
// members are called. And what a hostile kernel does besides: grants, page tables prepared in data pages, stores anywhere.
import {
  __HYPERVISOR_mmu_update,
  __HYPERVISOR_mmuext_op,
  __HYPERVISOR_multicall,
  __HYPERVISOR_update_va_mapping,
  type ArgumentType,
  DOMID_SELF,
  type HypercallSignature,
  hypercall_signatures,
  MMUEXT_PIN_L1_TABLE,
  mmuext_op,
  type Operation,
} from '@proxeny/abi';
import type { Vcpu } from '@proxeny/hv-core';
import type { PlacedField, ScalarField, StructField } from '@proxeny/memory';
import type { Random } from '../../conformance/native-oracle/random.js';
import { aimRecord } from './hostile-aims.js';
import { GRANT_PAGE, GUEST_PAGES, HostileValues } from './hostile-values.js';

/** How often a hypercall is chosen, by name; others 1. */
const weights: Readonly<Record<string, number>> = {
  mmu_update: 14,
  mmuext_op: 12,
  update_va_mapping: 10,
  update_va_mapping_otherdomain: 1,
  grant_table_op: 14,
  event_channel_op: 12,
  memory_op: 12,
  vcpu_op: 5,
  multicall: 5,
  sched_op: 3,
};
/** Operations that end or stop the guest; chosen only one time in many. */
const ending: ReadonlySet<string> = new Set([
  'SCHEDOP_shutdown',
  'VCPUOP_down',
  'SCHEDOP_block',
  'SCHEDOP_poll',
]);

type Call = readonly [number: number, ...values: number[]];

export class HostileCalls {
  readonly values: HostileValues;
  readonly #random: Random;
  readonly #vcpu: Vcpu;
  readonly #signatures: readonly HypercallSignature[];
  /** Calls of a plan that takes several. */
  readonly #planned: Call[] = [];

  constructor(random: Random, vcpu: Vcpu, domainIds: readonly number[]) {
    this.values = new HostileValues(random, vcpu, domainIds);
    this.#random = random;
    this.#vcpu = vcpu;
    const weighted: HypercallSignature[] = [];
    for (const signature of hypercall_signatures[vcpu.domain.word]) {
      if (!signature) continue;
      for (let i = weights[signature.name] ?? 1; i > 0; i--) weighted.push(signature);
    }
    this.#signatures = weighted;
  }

  /** Fills in the arguments of the next hypercall; its number. */
  next(low: Uint32Array, high: Uint32Array): number {
    while (this.#random.oneIn(3)) this.#scribble();
    const planned = this.#planned.shift();
    if (planned) {
      const [number, ...values] = planned;
      for (let i = 0; i < 6; i++) setArgument(low, high, i, values[i] ?? 0);
      return number;
    }
    if (!this.#vcpu.domain.p2m && this.#random.oneIn(12)) this.#planTable();
    if (this.#random.oneIn(100)) return this.#random.pick([-1, 11, 43, 55, 56, 63, 64, 0xffff]);
    const signature = this.#random.pick(this.#signatures);
    this.#fillArguments(signature, low, high, 4096 + this.#random.below(24) * 128);
    return signature.number;
  }

  #store(address: number, bytes: Uint8Array): void {
    this.#vcpu.access.copyTo(address, bytes);
  }

  #store64(address: number, low: number, high: number): void {
    const words = Uint32Array.of(low, high);
    this.#store(address, new Uint8Array(words.buffer));
  }

  /** What needs no hypercall. */
  #scribble(): void {
    const { values } = this;
    switch (this.#random.below(5)) {
      case 0:
      case 1:
        return this.#grant();
      case 2: {
        const [low, high] = values.entry();
        return this.#store64(values.address(), low, high);
      }
      case 3:
        return this.#store64(values.address(), values.small(), values.small());
      default:
        return this.#copyWithin();
    }
  }

  /** What a program that may read a page can do with what is there. */
  #copyWithin(): void {
    const bytes = new Uint8Array(256);
    const { access } = this.#vcpu;
    if (access.copyFrom(this.values.address(), bytes)) access.copyTo(this.values.address(), bytes);
  }

  #grant(): void {
    const { values } = this;
    const { grants } = this.#vcpu.domain;
    const flags = this.#random.pick([1, 1, 1, 1, 5, 5, 0, 2, 3, 0x101, 0x105, 9, 0x19]);
    const ref = values.ref();
    const head = ((this.#random.pick(values.domainIds) << 16) | flags) >>> 0;
    if (grants.version === 1) {
      this.#store64(GRANT_PAGE * 4096 + ref * 8, head, values.frame());
    } else {
      this.#store64(GRANT_PAGE * 4096 + ref * 16, head, (256 << 16) | this.#random.below(4096));
      this.#store64(GRANT_PAGE * 4096 + ref * 16 + 8, values.frame(), 0);
    }
  }

  /** Makes a page of data into a page table: entries, then only mapped read only, then pinned. */
  #planTable(): void {
    const { values } = this;
    const page = this.#random.below(GUEST_PAGES);
    const l1 = this.#vcpu.pageWalk?.findL1(page * 4096, false) ?? -1;
    const at = this.#vcpu.access.space.translate(page * 4096, true);
    if (l1 === -1 || at < 0) return;
    this.#store(page * 4096, new Uint8Array(4096));
    const slots = this.#random.below(5);
    for (let i = 0; i < slots; i++) {
      const [low, high] = values.entry();
      const slot = this.#random.oneIn(3) ? this.#random.below(512) : i;
      this.#store64(page * 4096 + slot * 8, low & ~0x198, high & 0x8000_0000);
    }
    const mfn = Math.floor(at / 4096);
    const readOnly = mfn * 4096 + 0x65;
    const isNarrow = this.#vcpu.domain.word === 32;
    this.#planned.push(
      isNarrow
        ? [__HYPERVISOR_update_va_mapping, page * 4096, readOnly, 0, 2]
        : [__HYPERVISOR_update_va_mapping, page * 4096, readOnly, 2],
    );
    const record = 4096 * 2;
    const { fields, byteLength } = mmuext_op.of(this.#vcpu.domain.word);
    const bytes = new Uint8Array(byteLength);
    const view = new DataView(bytes.buffer);
    fields.cmd.set(view, 0, MMUEXT_PIN_L1_TABLE + this.#random.below(4));
    fields.arg1.fields.mfn.set(view, 0, mfn);
    this.#store(record, bytes);
    this.#planned.push([__HYPERVISOR_mmuext_op, record, 1, 0, DOMID_SELF]);
  }

  /** Arguments by what the ABI says they are. Records go to memory from `room` on. */
  #fillArguments(
    signature: HypercallSignature,
    low: Uint32Array,
    high: Uint32Array,
    room: number,
  ): void {
    low.fill(0);
    high.fill(0);
    let operation: Operation | undefined;
    let register = 0;
    let count = this.values.count();
    if (signature.number === __HYPERVISOR_multicall) count = Math.min(count, 3);
    const named = this.#random.oneIn(20) ? this.values.recordAddress() : room;
    for (const { name, kind, type } of signature.parameters) {
      switch (kind) {
        case 'op':
          operation = this.#pickOperation(signature);
          setArgument(low, high, register, operation?.number ?? this.#random.below(70));
          break;
        case 'record':
        case 'array': {
          const argument = type ?? operation?.argument ?? null;
          if (argument)
            this.#writeRecords(argument, named, kind === 'array' ? count : 1, signature);
          setArgument(low, high, register, named);
          break;
        }
        case 'u64': {
          const [entryLow, entryHigh] =
            name === 'timeout'
              ? [this.#random.below(2e9), this.#random.below(3)]
              : this.values.entry();
          low[register] = entryLow;
          if (this.#vcpu.domain.word === 32) low[++register] = entryHigh;
          else high[register] = entryHigh;
          break;
        }
        default:
          setArgument(low, high, register, this.#scalar(name, count));
      }
      register++;
    }
    if (signature.number === __HYPERVISOR_mmu_update && this.#random.oneIn(2))
      this.#aimAtTables(named);
  }

  #pickOperation(signature: HypercallSignature): Operation | undefined {
    if (this.#random.oneIn(30) || !signature.operations) return undefined;
    const operation = this.#random.pick(signature.operations);
    if (!operation || (ending.has(operation.name) && !this.#random.oneIn(12))) return undefined;
    return operation;
  }

  #writeRecords(type: ArgumentType, at: number, count: number, outer: HypercallSignature): void {
    const { domain } = this.#vcpu;
    const layout = type.of(domain.word) as StructField;
    const bytes = new Uint8Array(layout.byteLength);
    for (let i = 0; i < Math.min(count, 4); i++) {
      bytes.fill(0);
      if (outer.number === __HYPERVISOR_multicall) this.#fillEntry(bytes, i);
      else {
        const view = new DataView(bytes.buffer);
        this.#fillRecord(view, layout);
        aimRecord(this.values, type.name, view);
      }
      this.#store(at + i * layout.byteLength, bytes);
    }
  }

  /** An entry of a multicall: a hypercall with records of its own. */
  #fillEntry(bytes: Uint8Array, index: number): void {
    const signature = this.#random.pick(this.#signatures);
    const low = new Uint32Array(6);
    const high = new Uint32Array(6);
    if (signature.number !== __HYPERVISOR_multicall)
      this.#fillArguments(signature, low, high, 4096 * 3 + index * 512);
    const width = this.#vcpu.domain.word / 32;
    const words = new Uint32Array(bytes.buffer);
    words[0] = signature.number;
    for (let i = 0; i < 6; i++) {
      words[(2 + i) * width] = low[i] as number;
      if (width === 2) words[(2 + i) * 2 + 1] = high[i] as number;
    }
  }

  #fillRecord(view: DataView, field: StructField): void {
    for (const [name, inner] of Object.entries(field.fields) as [string, PlacedField][]) {
      if (inner.kind === 'struct') this.#fillRecord(view, inner);
      else if (inner.kind === 'scalar') this.#fillScalar(view, name, inner);
    }
  }

  #fillScalar(view: DataView, name: string, field: ScalarField): void {
    if (name === 'val') {
      const [low, high] = this.values.entry();
      field.setHalves(view, 0, low, high);
    } else field.set(view, 0, this.#scalar(name, this.values.count()));
  }

  /** A number for a member or parameter of this name. */
  #scalar(name: string, count: number): number {
    const { values } = this;
    const random = this.#random;
    switch (name) {
      case 'dom':
      case 'domid':
      case 'remote_dom':
      case 'domain_id':
      case 'foreign_domid':
        return values.domid();
      case 'foreigndom':
        return random.oneIn(12) ? values.domid() : DOMID_SELF;
      case 'port':
      case 'remote_port':
        return values.port();
      case 'ref':
      case 'gref':
      case 'ref_a':
      case 'ref_b':
        return values.ref();
      case 'handle':
        return random.below(6);
      case 'vcpu':
      case 'vcpuid':
        return values.vcpuId();
      case 'mfn':
      case 'src_mfn':
      case 'frame':
      case 'gpfn':
      case 'gmfn':
      case 'idx':
      case 'control_gfn':
      case 'array_gfn':
        return random.oneIn(8) ? random.below(3) : values.frame();
      case 'ptr':
        return values.mfn() * 4096 + random.below(40) * 8 + (random.oneIn(4) ? random.below(8) : 0);
      case 'va':
      case 'linear_addr':
      case 'ports':
      case 'buffer':
      case 'extent_start':
      case 'frame_list':
      case 'pdone':
      case 'v':
      case 'vcpumask':
        return random.oneIn(3) ? 0 : values.address();
      case 'host_addr':
        if (this.#vcpu.domain.p2m || random.oneIn(2)) return values.address();
        return values.mfn() * 4096 + random.below(40) * 8;
      case 'dev_bus_addr':
        return random.oneIn(2) ? 0 : values.mfn() * 4096;
      case 'count':
      case 'nr_calls':
      case 'entries':
        return count;
      case 'nr_extents':
      case 'nr_frames':
      case 'nr_ports':
      case 'nr_ents':
        return values.count();
      case 'extent_order':
        return random.oneIn(3) ? random.below(12) : 0;
      case 'cmd':
        return random.below(22);
      case 'flags':
        return random.oneIn(6) ? values.small() : random.pick([0, 1, 2, 2, 2, 4, 6, 6, 18, 22, 3]);
      case 'space':
        return random.below(6);
      case 'version':
        return random.below(4);
      case 'virq':
        return random.below(26);
      case 'offset':
      case 'len':
        return random.oneIn(2) ? random.below(16) * 8 : random.below(4200);
      case 'reason':
        return random.below(7);
      default:
        return values.small();
    }
  }

  /** Half of the updates go to what is, or could become, a page table of the guest's, with entries that fit. */
  #aimAtTables(at: number): void {
    const l1 = this.#vcpu.pageWalk?.findL1(4096, false) ?? -1;
    if (l1 === -1) return;
    const slot = this.#random.below(40);
    const [low, high] = this.values.entry();
    this.#store64(at, l1 * 4096 + slot * 8, 0);
    this.#store64(at + 8, low, high);
  }
}

function setArgument(low: Uint32Array, high: Uint32Array, index: number, value: number): void {
  low[index] = value;
  high[index] = Math.floor(value / 2 ** 32);
}
