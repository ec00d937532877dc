// Hostile page-table guests on the double of a CPU: random registers, memory, traps, privileged instructions, stores to read-only pages
// and hypercalls of the trap family. Never may the hypervisor throw, a frame's counts stop adding up, or anything be left behind;
// that guests crash is their own business. TRAPS_SEED=<seed> TRAPS_WORLDS=1 runs one world again.
import {
  __HYPERVISOR_callback_op,
  __HYPERVISOR_fpu_taskswitch,
  __HYPERVISOR_get_debugreg,
  __HYPERVISOR_iret,
  __HYPERVISOR_mmuext_op,
  __HYPERVISOR_nmi_op,
  __HYPERVISOR_physdev_op,
  __HYPERVISOR_set_callbacks,
  __HYPERVISOR_set_debugreg,
  __HYPERVISOR_set_gdt,
  __HYPERVISOR_set_segment_base,
  __HYPERVISOR_set_trap_table,
  __HYPERVISOR_stack_switch,
  __HYPERVISOR_update_descriptor,
  __HYPERVISOR_update_va_mapping,
  __HYPERVISOR_vcpu_op,
  __HYPERVISOR_vm_assist,
} from '@proxeny/abi';
import { CpuRegister, findMiscount } from '@proxeny/hv-core';
import { describe, expect, it } from 'vitest';
import { Random } from '../conformance/native-oracle/random.js';
import { TrapMachine } from '../conformance/xen/trap-machine.js';

const firstSeed = Number(process.env.TRAPS_SEED ?? 1);
const worlds = Number(process.env.TRAPS_WORLDS ?? 60);
const ACTIONS = 150;
const PAGES = 24;
/** Pages of plain data: those below the page tables, and those behind. */
const DATA_PAGES = [1, 2, 3, 4, 5, 6, 7, 13, 14, 15, 17, 18, 19, 20, 21, 22, 23];

const numbers = [
  __HYPERVISOR_callback_op,
  __HYPERVISOR_fpu_taskswitch,
  __HYPERVISOR_get_debugreg,
  __HYPERVISOR_iret,
  __HYPERVISOR_mmuext_op,
  __HYPERVISOR_nmi_op,
  __HYPERVISOR_physdev_op,
  __HYPERVISOR_set_callbacks,
  __HYPERVISOR_set_debugreg,
  __HYPERVISOR_set_gdt,
  __HYPERVISOR_set_segment_base,
  __HYPERVISOR_set_trap_table,
  __HYPERVISOR_stack_switch,
  __HYPERVISOR_update_descriptor,
  __HYPERVISOR_update_va_mapping,
  __HYPERVISOR_vcpu_op,
  __HYPERVISOR_vm_assist,
];
/** Opcodes of what is emulated, and some that are not; random bytes follow. */
const opcodes: readonly (readonly number[])[] = [
  [0x0f, 0x01],
  [0x0f, 0x06],
  [0x0f, 0x09],
  [0x0f, 0x20],
  [0x0f, 0x21],
  [0x0f, 0x22],
  [0x0f, 0x23],
  [0x0f, 0x30],
  [0x0f, 0x31],
  [0x0f, 0x32],
  [0x0f, 0xa2],
  [0x6c],
  [0x6d],
  [0x6e],
  [0x6f],
  [0xe4],
  [0xe7],
  [0xec],
  [0xef],
  [0xf4],
  [0xfa],
];
const prefixes = [0x66, 0x67, 0xf2, 0xf3, 0x64, 0x65, 0x2e, 0x48, 0x41, 0x45];
const msrs = [0x10, 0x1b, 0x48, 0x174, 0x1a0, 0x277, 0x400, 0x4000_0000, 0xc000_0080, 0xc000_0101];

class TrapWorld {
  readonly machine: TrapMachine;
  readonly random: Random;
  /** Actions after which the guest still ran. */
  survived = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
    const watch = seed % 8 < 2;
    this.machine = new TrapMachine({ word: seed % 2 === 0 ? 32 : 64, vcpuCount: 2, watch });
    const vectors = [0, 1, 3, 6, 7, 13, 14];
    for (const vector of vectors) this.machine.setTrap(vector, { level: this.random.below(4) });
    this.machine.setCallbacks(0x1800, 0x1900, 0x1a00);
  }

  /** Something a guest might have in a register. */
  value(): bigint {
    const { random, machine } = this;
    const page = BigInt(random.below(PAGES) * 4096 + random.below(512) * 8);
    const mfn = BigInt(random.pick(machine.memory.mfns));
    switch (random.below(9)) {
      case 0:
        return BigInt(random.below(64));
      case 1:
        return mfn;
      case 2:
        return (mfn << 12n) | BigInt(random.below(512) * 8);
      case 3:
        return (mfn << 12n) | BigInt(random.below(0x1000));
      case 4:
        return random.u64();
      case 5:
        return BigInt(random.pick([0xe019, 0xe021, 0xe02b, 0xe033, 0xe023, 8, 0x0f, 3, 0]));
      case 6:
        return 0xffff_8000_0000_0000n + page;
      case 7:
        return BigInt(random.pick(msrs));
      default:
        return page;
    }
  }

  /** A page of data with values in it. */
  scribble(): void {
    const { machine, random } = this;
    const page = random.pick(DATA_PAGES);
    const count = 1 + random.below(64);
    const at = page * 4096 + random.below(512 - count) * 8;
    const bytes = new Uint8Array(count * 8);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < count; i++)
      view.setBigUint64(i * 8, BigInt.asUintN(64, this.value()), true);
    machine.domain.vcpus[0]?.access.copyTo(at, bytes);
  }

  registers(): void {
    const { cpu } = this.machine;
    for (let register = 0; register < 16; register++) cpu.set(register, this.value());
    const { random } = this;
    if (random.below(3) > 0) cpu.set(CpuRegister.sp, 0x5000 + random.below(0x1000));
    cpu.set(CpuRegister.ip, random.pick(DATA_PAGES) * 4096 + random.below(4096));
    cpu.set(CpuRegister.flags, 0x202 | (random.u32() & 0x4_4dd5));
  }

  act(): void {
    const { machine, random } = this;
    const { traps } = machine;
    switch (random.below(9)) {
      case 0:
        machine.exception(random.below(32), random.below(3) === 0 ? random.below(0x1_0000) : 0);
        return;
      case 1:
        machine.act(
          () => void traps.pageFault(Number(BigInt.asIntN(48, this.value())), random.below(32)),
        );
        return;
      case 2:
        machine.act(() => void traps.softwareInterrupt(random.below(256), 2));
        return;
      case 3:
        machine.act(
          () => void (random.below(2) === 0 ? traps.systemEnter() : traps.systemCall(false)),
        );
        return;
      case 4:
        machine.act(
          () =>
            void traps.storeReadOnly(
              random.below(PAGES * 4096),
              random.pick([1, 2, 4, 8, 16]),
              Number(this.value() & 0xffff_ffffn),
              random.below(4) === 0 ? random.u32() : 0,
            ),
        );
        return;
      case 5:
        machine.enterUser();
        return;
      case 6:
        this.instruction();
        return;
      default:
        this.hypercall();
    }
  }

  instruction(): void {
    const { machine, random } = this;
    const bytes: number[] = [];
    for (let i = random.below(3); i > 0; i--) bytes.push(random.pick(prefixes));
    bytes.push(...random.pick(opcodes), random.below(256), random.below(256));
    const at = Number(machine.cpu.get(CpuRegister.ip));
    machine.domain.vcpus[0]?.access.copyTo(at, Uint8Array.from(bytes));
    machine.exception(random.below(8) === 0 ? 6 : 13, random.below(8) === 0 ? 6 : 0);
  }

  hypercall(): void {
    const { machine, random } = this;
    const arguments_ = Array.from({ length: 5 }, () => this.value());
    // Sub-operations and counts are small.
    if (random.below(2) === 0) arguments_[0] = BigInt(random.below(16));
    if (random.below(2) === 0) arguments_[1] = BigInt(random.below(8));
    if (machine.pv.isKernelMode) machine.call(random.pick(numbers), ...arguments_);
  }

  run(): void {
    const { domain } = this.machine;
    for (let i = 0; i < ACTIONS; i++) {
      // A guest that crashed goes on from where that left it, as no real one could.
      if (domain.shutdownReason !== null) this.#revive();
      this.registers();
      if (this.random.below(2) === 0) this.scribble();
      this.act();
      if (domain.shutdownReason === null) this.survived++;
    }
  }

  #revive(): void {
    const { domain } = this.machine;
    domain.resume();
    domain.vcpus[0]?.switchMode(true);
    domain.vcpus[0]?.unblock();
  }
}

describe('random traps of page-table guests', () => {
  it(
    'never raise an exception in the host, or leave counts that do not add up',
    () => {
      let survived = 0;
      for (let seed = firstSeed; seed < firstSeed + worlds; seed++) {
        const world = new TrapWorld(seed);
        world.run();
        expect(findMiscount(world.machine.hypervisor), `seed ${seed}`).toBeNull();
        expect(world.machine.finish(), `seed ${seed}`).toEqual([]);
        survived += world.survived;
      }
      // Most actions leave a guest that runs.
      expect(survived).toBeGreaterThan((worlds * ACTIONS) / 4);
    },
    worlds * 20_000,
  );
});
