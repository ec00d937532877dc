// SystemMachine: a whole CPU on 2 MiB of RAM, run instruction by instruction by the reference evaluator. For tests of system
// instructions: descriptor tables and page tables are poked by hand, programs are assembled.
import { assemble } from '../asm/assembler.js';
import { Core } from '../core.js';
import { CPU_FAULT } from '../fault.js';
import { Builder } from '../ir/builder.js';
import { evaluate } from '../ir/evaluate.js';
import { decode } from '../isa/decode.js';
import { FeatureGate } from '../isa/feature-gate.js';
import { type CodeBits, Instruction } from '../isa/instruction.js';
import { TLB_SET_SIZE, TLB_SETS } from '../mmu/tlb.js';
import type { CpuPlatform } from '../platform.js';
import { boundBinding } from '../semantics/binding.js';
import { Operands, type Semantics } from '../semantics/operands.js';
import { bindFields, Fields, shapeOf } from '../semantics/shape.js';
import { semantics } from '../semantics/table.js';
import {
  CPL,
  CR0,
  CR3,
  CR4,
  CS,
  DS,
  EFER,
  ES,
  FAULT_ERROR,
  FAULT_VECTOR,
  GDTR_BASE,
  GDTR_LIMIT,
  IDTR_BASE,
  IDTR_LIMIT,
  MODE_KEY,
  SS,
  STATE_SIZE,
  TR,
} from '../state/layout.js';
import { setSegment } from '../state/segments.js';
import { VcpuState } from '../state/vcpu-state.js';
import { ArchitecturalTraps } from './architectural-traps.js';
import { cpuModel } from './cpu-models.js';
import { deliverEvent } from './deliver-event.js';
import { resetCpu } from './reset.js';
import { systemRoutines } from './system.js';

const RAM_BYTES = 0x200000;

export const GDT = 0x1000;
export const IDT = 0x2000;
export const TSS = 0x3000;

/** Flat selectors of {@link SystemMachine.protect}. */
export const CODE0 = 0x08;
export const DATA0 = 0x10;
export const CODE3 = 0x18 | 3;
export const DATA3 = 0x20 | 3;
export const TSS_SELECTOR = 0x28;
export const CODE64 = 0x38;
export const CODE64_USER = 0x40 | 3;
/** First selector that tests may define. */
export const FREE = 0x60;

/** A fault as a test names it. */
export type Fault = readonly [vector: number, errorCode: number];

export class SystemMachine {
  readonly state: VcpuState;
  readonly core: Core;
  readonly ram: DataView;
  readonly ports: string[] = [];
  /** Set after a triple fault. */
  isShutdown = false;
  nowNs = 1000;
  private readonly gate: FeatureGate;

  constructor(model = 'max') {
    const bytes = RAM_BYTES + STATE_SIZE + TLB_SETS * TLB_SET_SIZE;
    const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 65536) });
    this.state = new VcpuState(memory, RAM_BYTES);
    this.ram = new DataView(memory.buffer, 0, RAM_BYTES);
    const platform: CpuPlatform = {
      portRead: (port, size) => {
        this.ports.push(`in ${port} ${size}`);
        return 0x12345678;
      },
      portWrite: (port, size, value) => void this.ports.push(`out ${port} ${size} ${value}`),
      mmioRead: () => 0xffffffff,
      mmioWrite: () => {},
      acknowledgeInterrupt: () => -1,
      nowNs: () => this.nowNs,
      randomU32: () => 4,
      readTaskPriority: () => 0,
      writeTaskPriority: () => {},
      readMsr: () => false,
      writeMsr: () => false,
    };
    const stage = {
      mfnOf: (gfn: number) => (gfn < RAM_BYTES / 4096 ? gfn : -1),
    } as ConstructorParameters<typeof Core>[4];
    const code = { holdsCode: () => false, written: () => {} };
    const chosen = cpuModel(model);
    if (!chosen) throw new Error(`no model ${model}`);
    this.gate = new FeatureGate(chosen.features as Iterable<never>);
    this.core = new Core(this.state, RAM_BYTES + STATE_SIZE, chosen, platform, stage, code);
    this.core.traps = new ArchitecturalTraps(this.core);
    resetCpu(this.core);
  }

  /** Writes a descriptor into the GDT. */
  descriptor(selector: number, low: number, high: number): void {
    this.ram.setUint32(GDT + (selector & 0xfff8), low >>> 0, true);
    this.ram.setUint32(GDT + (selector & 0xfff8) + 4, high >>> 0, true);
  }
  /** Writes a segment or system descriptor; `access` is bits 8–15, `flags` bits 20–23 of the second dword. */
  segment(selector: number, base: number, limit: number, access: number, flags: number): void {
    this.descriptor(
      selector,
      (limit & 0xffff) | (base << 16),
      ((base >>> 16) & 0xff) |
        (base & 0xff000000) |
        (access << 8) |
        (limit & 0xf0000) |
        (flags << 20),
    );
  }
  /** Writes a gate into the GDT (`table` GDT) or IDT. */
  gateAt(at: number, selector: number, offset: number, access: number, count = 0): void {
    this.ram.setUint32(at, (selector << 16) | (offset & 0xffff), true);
    this.ram.setUint32(at + 4, (offset & 0xffff0000) | (access << 8) | count, true);
  }
  /** Interrupt gate (access 0x8e, or as given) of the IDT. */
  vector(vector: number, selector: number, offset: number, access = 0x8e): void {
    this.gateAt(IDT + vector * 8, selector, offset, access);
  }
  vector64(vector: number, selector: number, offset: number, access = 0x8e, ist = 0): void {
    this.gateAt(IDT + vector * 16, selector, offset, access, ist);
    this.ram.setUint32(IDT + vector * 16 + 8, 0, true);
    this.ram.setUint32(IDT + vector * 16 + 12, 0, true);
  }

  /** Flat 32-bit protected mode at level 0 with GDT, IDT and TSS (ESP0 9000h). */
  protect(): void {
    const { state } = this;
    this.segment(CODE0, 0, 0xfffff, 0x9b, 0xc);
    this.segment(DATA0, 0, 0xfffff, 0x93, 0xc);
    this.segment(CODE3, 0, 0xfffff, 0xfb, 0xc);
    this.segment(DATA3, 0, 0xfffff, 0xf3, 0xc);
    this.segment(TSS_SELECTOR, TSS, 0x67, 0x8b, 0);
    this.segment(CODE64, 0, 0xfffff, 0x9b, 0xa);
    this.segment(CODE64_USER, 0, 0xfffff, 0xfb, 0xa);
    state.set64(GDTR_BASE, GDT);
    state.set(GDTR_LIMIT, 0xff);
    state.set64(IDTR_BASE, IDT);
    state.set(IDTR_LIMIT, 0x7ff);
    this.ram.setUint32(TSS + 4, 0x9000, true);
    this.ram.setUint16(TSS + 8, DATA0, true);
    this.ram.setUint16(TSS + 102, 0x68, true);
    setSegment(state, TR, TSS_SELECTOR, TSS, 0x67, 0x8b00);
    state.set(CR0, 0x11);
    this.level(0);
    state.setGpr32(4, 0x8000);
  }
  /** Sets code, stack and data segments to the flat ones of a level. */
  level(level: 0 | 3): void {
    const { state } = this;
    const access = level === 3 ? 0x6000 : 0;
    const data = level === 3 ? DATA3 : DATA0;
    setSegment(state, CS, level === 3 ? CODE3 : CODE0, 0, 0xffffffff, 0xc09b00 | access);
    for (const s of [DS, ES, SS]) setSegment(state, s, data, 0, 0xffffffff, 0xc09300 | access);
    state.set(CPL, level);
    this.core.updateMode();
  }
  /** 64-bit mode at level 0: identity page tables of 2 MiB (user, writable) at 10000h. */
  enterLong(): void {
    const { state, ram } = this;
    this.protect();
    ram.setUint32(0x10000, 0x11007, true);
    ram.setUint32(0x11000, 0x12007, true);
    ram.setUint32(0x12000, 0x13007, true);
    for (let i = 0; i < 512; i++) ram.setUint32(0x13000 + i * 8, (i << 12) | 7, true);
    state.set64(CR3, 0x10000);
    state.set(CR4, 0x20);
    state.set(EFER, 0xd01);
    state.set(CR0, -0x7fffffef);
    state.set(IDTR_LIMIT, 0xfff);
    setSegment(state, CS, CODE64, 0, 0xffffffff, 0xa09b00);
    this.core.flushTlb(false);
    this.core.updateMode();
  }
  /** 32-bit paging: identity 4 KiB pages of all RAM, directory at 10000h, table at 11000h. */
  page32(): void {
    const { state, ram } = this;
    ram.setUint32(0x10000, 0x11007, true);
    for (let i = 0; i < 512; i++) ram.setUint32(0x11000 + i * 4, (i << 12) | 7, true);
    state.set64(CR3, 0x10000);
    state.set(CR0, -0x7ffeffef);
    this.core.flushTlb(false);
    this.core.updateMode();
  }

  /** Assembles a program at a physical address. */
  program(at: number, text: string, bits: CodeBits): void {
    const { bytes } = assemble(text, { bits, origin: at });
    new Uint8Array(this.ram.buffer, 0, RAM_BYTES).set(bytes, at);
  }

  /** Executes the instruction at CS:rIP. Its fault, not delivered, or null. */
  step(): Fault | null {
    const { core, state } = this;
    const { rip } = state;
    const mode = Core.modeOf(state.get(MODE_KEY) & 31);
    const host = core.mmu.translateCode(core.codeLinear(rip), state.cpl === 3);
    if (host < 0) return [state.get(FAULT_VECTOR), state.get(FAULT_ERROR)];
    const i = new Instruction();
    const length = decode(
      new Uint8Array(this.ram.buffer),
      host,
      host + 15,
      mode.bits,
      this.gate,
      i,
    );
    if (length <= 0) {
      state.fault(6, -1);
      return [6, -1];
    }
    const fields = new Fields();
    bindFields(i, mode, fields, length);
    const b = new Builder();
    const meaning = (semantics as Readonly<Record<string, Semantics>>)[i.row.mnemonic];
    meaning(b, new Operands(b, shapeOf(i, mode), boundBinding(fields, length)));
    const call = (name: string, args: readonly number[]): number => {
      try {
        return systemRoutines[name](core, ...args);
      } catch (e) {
        if (e === CPU_FAULT) return -1;
        throw e;
      }
    };
    const nextRip = mode.bits === 64 ? rip + length : (rip + length) % 4294967296;
    const outcome = evaluate(b.statements, { state, mmu: core.mmu, call, rip, nextRip });
    return outcome === 'fault' ? [state.get(FAULT_VECTOR), state.get(FAULT_ERROR)] : null;
  }
  /** Executes `count` instructions, delivering faults. */
  run(count: number): void {
    for (let i = 0; i < count && !this.isShutdown; i++) {
      const fault = this.step();
      if (fault) this.deliver(fault[0], fault[1]);
    }
  }
  deliver(vector: number, errorCode = -1): void {
    if (!deliverEvent(this.core, vector, errorCode, 'exception')) this.isShutdown = true;
  }
  /** Runs one instruction of a text at 7000h with the current mode's code size. */
  execute(text: string): Fault | null {
    const mode = Core.modeOf(this.state.get(MODE_KEY) & 31);
    const base = this.core.codeLinear(0);
    this.program(0x7000, text, mode.bits);
    this.state.rip = 0x7000 - base;
    return this.step();
  }
  /** The 32-bit words on the stack from its pointer up. */
  stack32(count: number): number[] {
    const at = this.state.segmentBase(SS) + this.state.gpr32(4);
    return Array.from({ length: count }, (_, i) => this.ram.getUint32(at + i * 4, true));
  }
  stack64(count: number): number[] {
    const at = this.state.gpr64(4);
    return Array.from({ length: count }, (_, i) => Number(this.ram.getBigUint64(at + i * 8, true)));
  }
}
