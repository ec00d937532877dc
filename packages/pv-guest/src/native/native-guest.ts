// NativeGuest: what a native kernel sees: its memory, and hypercalls with typed records. Records are put together in scratch memory of
// the guest, so the hypervisor reads them exactly as it reads an x86 guest's.
import {
  __HYPERVISOR_event_channel_op,
  __HYPERVISOR_grant_table_op,
  __HYPERVISOR_memory_op,
  __HYPERVISOR_sched_op,
  __HYPERVISOR_vcpu_op,
  type ArgumentType,
} from '@proxeny/abi';
import type { PlacedField, ScalarField, StructField } from '@proxeny/memory';
import { hypercall, type NativeArgument, type NativeCode } from './native-code.js';
import type { NativeVcpu } from './native-vcpu.js';

/** Values of a record's members by name; members left out are zero. */
export interface RecordValues {
  readonly [member: string]: NativeArgument | RecordValues;
}

/** The guest touched memory that is not mapped, or not writable. */
export class NativePageFault extends Error {
  override readonly name = 'NativePageFault';
  constructor(address: number, isWrite: boolean) {
    super(
      `${isWrite ? 'write to' : 'read from'} unmapped linear address 0x${address.toString(16)}`,
    );
  }
}

/** What a hypercall with a record left behind. */
export interface RecordResult {
  readonly result: number;
  /** A scalar member by its path, `u.virq`. */
  get(path: string): number;
}

const DEFAULT_SCRATCH = 0x1000;

export class NativeGuest {
  readonly vcpuId: number;
  readonly domainId: number;
  readonly word: 32 | 64;
  /** A page of memory for hypercalls' records; each vCPU wants its own. */
  scratch: number;
  /** Runs when the hypervisor delivers an upcall. */
  onUpcall: () => NativeCode = function* () {};
  readonly #vcpu: NativeVcpu;

  constructor(vcpu: NativeVcpu) {
    this.#vcpu = vcpu;
    this.vcpuId = vcpu.id;
    this.domainId = vcpu.domain.id;
    this.word = vcpu.domain.word;
    this.scratch = DEFAULT_SCRATCH * (vcpu.id + 1);
  }

  /** Reads linear memory. @throws NativePageFault */
  read(address: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    if (!this.#vcpu.access.copyFrom(address, bytes)) throw new NativePageFault(address, false);
    return bytes;
  }

  /** Writes linear memory. @throws NativePageFault */
  write(address: number, bytes: Uint8Array): void {
    if (!this.#vcpu.access.copyTo(address, bytes)) throw new NativePageFault(address, true);
  }

  read32(address: number): number {
    return new DataView(this.read(address, 4).buffer).getUint32(0, true);
  }

  write32(address: number, value: number): void {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value, true);
    this.write(address, bytes);
  }

  write64(address: number, value: bigint): void {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, value), true);
    this.write(address, bytes);
  }

  /** Writes a record. */
  writeRecord(type: ArgumentType, address: number, values: RecordValues): void {
    const layout = type.of(this.word) as StructField;
    const bytes = new Uint8Array(layout.byteLength);
    fill(new DataView(bytes.buffer), layout, values);
    this.write(address, bytes);
  }

  /** A scalar member of a record, by its path. */
  readMember(type: ArgumentType, address: number, path: string): number {
    const layout = type.of(this.word) as StructField;
    const view = new DataView(this.read(address, layout.byteLength).buffer);
    return memberAt(layout, path).get(view, 0);
  }

  hypercall(number: number, ...parameters: readonly NativeArgument[]): NativeCode<number> {
    return hypercall(number, ...parameters);
  }

  /** A sub-operation with a record in scratch memory: `number(command, record)`. */
  *operation(
    number: number,
    command: number,
    type: ArgumentType,
    values: RecordValues,
  ): NativeCode<RecordResult> {
    this.writeRecord(type, this.scratch, values);
    const result = yield* hypercall(number, command, this.scratch);
    return this.#result(type, result);
  }

  #result(type: ArgumentType, result: number): RecordResult {
    return { result, get: (path) => this.readMember(type, this.scratch, path) };
  }

  eventChannelOp(
    command: number,
    type: ArgumentType,
    values: RecordValues,
  ): NativeCode<RecordResult> {
    return this.operation(__HYPERVISOR_event_channel_op, command, type, values);
  }

  schedOp(command: number, type: ArgumentType, values: RecordValues): NativeCode<RecordResult> {
    return this.operation(__HYPERVISOR_sched_op, command, type, values);
  }

  memoryOp(command: number, type: ArgumentType, values: RecordValues): NativeCode<RecordResult> {
    return this.operation(__HYPERVISOR_memory_op, command, type, values);
  }

  *vcpuOp(
    command: number,
    vcpuId: number,
    type: ArgumentType | null,
    values: RecordValues = {},
  ): NativeCode<RecordResult> {
    if (type) this.writeRecord(type, this.scratch, values);
    const result = yield* hypercall(__HYPERVISOR_vcpu_op, command, vcpuId, this.scratch);
    return {
      result,
      get: (path) => (type ? this.readMember(type, this.scratch, path) : Number.NaN),
    };
  }

  /** One grant operation; its `status` is a member of the record. */
  *grantOp(command: number, type: ArgumentType, values: RecordValues): NativeCode<RecordResult> {
    this.writeRecord(type, this.scratch, values);
    const result = yield* hypercall(__HYPERVISOR_grant_table_op, command, this.scratch, 1);
    return this.#result(type, result);
  }
}

function fill(view: DataView, layout: StructField, values: RecordValues): void {
  for (const [name, value] of Object.entries(values)) {
    const field = layout.fields[name] as PlacedField | undefined;
    if (field?.kind === 'struct' && typeof value === 'object') fill(view, field, value);
    else if (field?.kind === 'scalar' && typeof value === 'number') field.set(view, 0, value);
    else if (field?.kind === 'scalar' && typeof value === 'bigint') field.setBig(view, 0, value);
    else throw new TypeError(`record has no member ${name} that takes ${typeof value}`);
  }
}

function memberAt(layout: StructField, path: string): ScalarField {
  let at: PlacedField | undefined = layout;
  for (const name of path.split('.')) at = at?.kind === 'struct' ? at.fields[name] : undefined;
  if (at?.kind !== 'scalar') throw new TypeError(`record has no scalar member ${path}`);
  return at;
}
