// TrapMachine: a page-table guest on a TrapCpuDouble, for conformance cases about traps. The guest has pages in a row from linear
// address 0 (pv-memory.ts), its code at CODE, its kernel stack below STACK, and does what a case says, one action a slice.
// Every hypercall that returns an error must have changed nothing, in the hypervisor and in the CPU but for its result.
import {
  __HYPERVISOR_multicall,
  __HYPERVISOR_set_callbacks,
  __HYPERVISOR_set_trap_table,
  errno_names,
  FLAT_RING1_CS,
  FLAT_RING1_DS,
  FLAT_RING3_CS64,
  FLAT_RING3_SS64,
} from '@proxeny/abi';
import { CpuRegister, type Domain, type Hypervisor, RESTART, stateDigest } from '@proxeny/hv-core';
import { NativeMachine } from './native-machine.js';
import { buildPvMemory, entry, type PvMemory } from './pv-memory.js';
import { type CpuAction, TrapCpuDouble } from './trap-cpu-double.js';

/** Linear addresses. */
export const CODE = 0x2000;
/** A page of plain data for records. */
export const RECORD = 0x3000;
/** User mode's code and stack. */
export const USER_CODE = 0x4000;
export const USER_STACK = 0x5800;
/** Top of the kernel's stack, and of the one it is entered on from user mode. */
export const STACK = 0x6f00;
export const KERNEL_STACK = 0x7f00;
/** Where handlers would be: any address does. */
export const HANDLER = 0x1000;

/** The page that user mode's own L4 would be. */
const USER_L4_PAGE = 12;

export interface TrapMachineOptions {
  readonly word?: 32 | 64;
  readonly vcpuCount?: number;
  /** Whether hypercalls that fail are held to have changed nothing: true if absent. It is slow. */
  readonly watch?: boolean;
}

export class TrapMachine {
  readonly machine: NativeMachine;
  readonly hypervisor: Hypervisor;
  readonly domain: Domain;
  readonly cpu: TrapCpuDouble;
  readonly word: 32 | 64;
  readonly memory: PvMemory;

  constructor(options: TrapMachineOptions = {}) {
    this.word = options.word ?? 64;
    this.machine = new NativeMachine({ watch: false });
    this.hypervisor = this.machine.hypervisor;
    this.domain = this.hypervisor.createDomain({
      kind: 'pv',
      word: this.word,
      vcpuCount: options.vcpuCount ?? 1,
      createCpu: (vcpu) => new TrapCpuDouble(vcpu),
    });
    this.memory = buildPvMemory(this.domain, 24);
    this.cpu = this.domain.vcpus[0]?.cpu as TrapCpuDouble;
    this.#startKernel();
    if (this.word === 64) this.#buildUserTables();
    this.domain.start();
    this.domain.unpause();
    if (options.watch !== false) this.#watch();
  }

  #startKernel(): void {
    const { cpu } = this;
    const isWide = this.word === 64;
    cpu.set(CpuRegister.ip, CODE);
    cpu.set(CpuRegister.sp, STACK);
    cpu.set(CpuRegister.flags, 0x202);
    cpu.selectors[1] = isWide ? FLAT_RING3_CS64 : FLAT_RING1_CS;
    cpu.selectors[2] = isWide ? FLAT_RING3_SS64 : FLAT_RING1_DS;
    const pv = this.domain.vcpus[0]?.pv;
    if (!pv) throw new Error('the guest has no traps');
    pv.kernelSs = cpu.selectors[2] as number;
    pv.kernelSpLow = KERNEL_STACK;
    this.domain.vcpus[0]?.loadPageTables();
  }

  /** User mode sees the same pages as the kernel, through an L4 of its own. */
  #buildUserTables(): void {
    const { view } = this.hypervisor.memory;
    const mfn = this.memory.mfns[USER_L4_PAGE] as number;
    const l1 = this.memory.mfns[8] as number;
    // Read only, like any page table.
    view.setBigUint64(l1 * 4096 + USER_L4_PAGE * 8, entry(mfn, 0x65), true);
    this.hypervisor.types.putType(mfn);
    view.setBigUint64(mfn * 4096, entry(this.memory.mfns[10] as number), true);
    const vcpu = this.domain.vcpus[0];
    const status = this.hypervisor.types.getPageAndType(mfn, this.domain.id, 4);
    if (status !== 0 || !vcpu) throw new Error(`user tables are refused: ${status}`);
    vcpu.userRoot = mfn as never;
  }

  #watch(): void {
    const before: string[] = [];
    this.hypervisor.observer = {
      enter: () => before.push(this.digest()),
      leave: (call, result) => {
        const digest = before.pop();
        const isError = result < 0 && result !== RESTART && Number.isFinite(result);
        if (!isError || call.number === __HYPERVISOR_multicall || digest === this.digest()) return;
        this.machine.violations.push(
          `hypercall ${call.number} returned -${errno_names[-result] ?? -result} and changed something`,
        );
      },
    };
  }

  /** All state there is. */
  digest(): string {
    return `${stateDigest(this.hypervisor)} ${JSON.stringify(this.cpu.describe())}`;
  }

  /** Has the CPU do something in a slice of its own. */
  act(action: CpuAction): void {
    this.cpu.action = action;
    for (let steps = 0; steps < 100 && this.cpu.action !== null; steps++) this.hypervisor.step();
    if (this.domain.crashCause) throw this.domain.crashCause;
  }

  /** A hypercall; its result, signed. */
  call(number: number, ...args: readonly (number | bigint)[]): number {
    const { cpu } = this;
    const registers = this.word === 64 ? [7, 6, 2, 10, 8, 9] : [3, 1, 2, 6, 7, 5];
    for (const [i, value] of args.entries()) cpu.set(registers[i] as number, value);
    cpu.set(CpuRegister.ax, number);
    this.act('hypercall');
    const result = cpu.get(CpuRegister.ax);
    return Number(BigInt.asIntN(this.word, result));
  }

  /** An exception, from inside of `run` as a CPU raises it. */
  exception(vector: number, errorCode = -1): void {
    this.act(() => void this.traps.exception(vector, errorCode));
  }

  get traps() {
    const traps = this.domain.vcpus[0]?.traps;
    if (!traps) throw new Error('the guest takes no traps');
    return traps;
  }

  get pv() {
    return this.traps.pv;
  }

  // The guest's memory, by linear address

  write(address: number, bytes: readonly number[] | Uint8Array): void {
    if (!this.domain.vcpus[0]?.access.copyTo(address, Uint8Array.from(bytes)))
      throw new Error(`nothing to write at ${address}`);
  }

  read(address: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    if (!this.domain.vcpus[0]?.access.copyFrom(address, bytes))
      throw new Error(`nothing to read at ${address}`);
    return bytes;
  }

  write32(address: number, ...values: readonly number[]): void {
    this.write(address, new Uint8Array(new Uint32Array(values).buffer));
  }

  write64(address: number, ...values: readonly (number | bigint)[]): void {
    const words = values.map((value) => BigInt.asUintN(64, BigInt(value)));
    this.write(address, new Uint8Array(new BigUint64Array(words).buffer));
  }

  /** The stack's top, as words of the guest's size. */
  stack(count: number): readonly bigint[] {
    const width = this.word / 8;
    const view = new DataView(
      this.read(Number(this.cpu.get(CpuRegister.sp)), count * width).buffer,
    );
    return Array.from({ length: count }, (_, i) =>
      width === 8 ? view.getBigUint64(i * 8, true) : BigInt(view.getUint32(i * 4, true)),
    );
  }

  // What guests do first

  /** Registers a handler through set_trap_table. */
  setTrap(
    vector: number,
    options: { level?: number; masks?: boolean; address?: number } = {},
  ): void {
    const { level = 0, masks = false, address = HANDLER + vector * 16 } = options;
    const flags = level | (masks ? 4 : 0);
    if (this.word === 64) {
      this.write(RECORD, [vector, flags, 0x33, 0xe0, 0, 0, 0, 0]);
      this.write64(RECORD + 8, address, 0, 0);
    } else {
      this.write(RECORD, [vector, flags, 0x19, 0xe0]);
      this.write32(RECORD + 4, address, 0, 0);
    }
    if (this.call(__HYPERVISOR_set_trap_table, RECORD) !== 0) throw new Error('no trap table');
  }

  /** Registers event, failsafe and (64-bit) syscall callbacks. */
  setCallbacks(event: number, failsafe = 0, syscall = 0): void {
    const args =
      this.word === 64
        ? [event, failsafe, syscall]
        : [FLAT_RING1_CS, event, FLAT_RING1_CS, failsafe];
    this.call(__HYPERVISOR_set_callbacks, ...args);
  }

  /** Goes to user mode as an iret to it does. */
  enterUser(): void {
    const { cpu } = this;
    if (this.word === 64) this.domain.vcpus[0]?.switchMode(false);
    else {
      cpu.selectors[1] = 0xe02b;
      cpu.selectors[2] = 0xe033;
    }
    cpu.set(CpuRegister.ip, USER_CODE);
    cpu.set(CpuRegister.sp, USER_STACK);
  }

  /** Puts an instruction at rIP. */
  code(...bytes: readonly number[]): void {
    this.write(Number(this.cpu.get(CpuRegister.ip)), bytes);
  }

  set isMasked(isMasked: boolean) {
    const vcpu = this.domain.vcpus[0];
    if (vcpu) vcpu.isUpcallMasked = isMasked;
  }

  get isMasked(): boolean {
    return this.domain.vcpus[0]?.isUpcallMasked ?? false;
  }

  /** Ends it; what was wrong: errors that changed something, frames that were lost. */
  finish(): readonly string[] {
    const lost = this.machine.destroyAll();
    return lost === null ? this.machine.violations : [...this.machine.violations, lost];
  }
}
