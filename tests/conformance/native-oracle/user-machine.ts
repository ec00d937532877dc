// A machine in the state in which the harness runs a case: CPL 3, its segments, paging over exactly the harness's pages. Whoever
// executes (the reference evaluator, the cold tier) loads a case, runs, and takes the result; nothing of a case is left in the next
// one but TLB entries, so that fast paths are met too.
import { Core } from '../../../packages/vcpu-x86/src/core.js';
import type { CodeBits } from '../../../packages/vcpu-x86/src/isa/instruction.js';
import type { CodeWatch } from '../../../packages/vcpu-x86/src/mmu/mmu.js';
import { TLB_SET_SIZE, TLB_SETS } from '../../../packages/vcpu-x86/src/mmu/tlb.js';
import type { CpuPlatform, SecondStage } from '../../../packages/vcpu-x86/src/platform.js';
import { ArchitecturalTraps } from '../../../packages/vcpu-x86/src/routines/architectural-traps.js';
import * as L from '../../../packages/vcpu-x86/src/state/layout.js';
import { ATTRIBUTE_MASK, setSegment } from '../../../packages/vcpu-x86/src/state/segments.js';
import { VcpuState } from '../../../packages/vcpu-x86/src/state/vcpu-state.js';
import { HIGH_RAM } from '../../../packages/vcpu-x86/src/testing-machine.contract.js';
import { loadFxsave, saveFxsave } from './fxsave-image.js';
import {
  CODE_ADDRESS,
  CODE_REGION_ADDRESS,
  CODE_REGION_BYTES,
  type ExecutionResult,
  type LdtDescriptor,
  type NativeCase,
  type Outcome,
  SEGMENT_DEFAULT,
  WINDOW_ADDRESS,
  WINDOW_BYTES,
  type WindowProtection,
} from './protocol.js';
import { HANDLERS, type MemoryLayout, PAGES, UserModeTables } from './user-mode-tables.js';
import { initialWindow, windowChanges } from './window-memory.js';

/** Machine memory: state page, TLB, what the executor asks for, and far above tables and frames. The second stage is the identity. */
export const STATE_BASE = 0x1000;
const TLB_AT = 0x10000;
/** First byte that the machine itself does not use. */
export const FREE: number = TLB_AT + TLB_SETS * TLB_SET_SIZE;
const TABLES: number = HIGH_RAM;

/** PE MP ET NE WP AM PG; OSFXSR OSXMMEXCPT PAE UMIP FSGSBASE OSXSAVE; LME LMA NXE SCE: what Linux runs user code with. */
const CR0 = 0x8005_0033;
const CR4 = 0x0005_0e20;
const EFER_LONG = 0x0d01;
const EFER_PAE = 0x0800;
const GRANULAR = 0x80_0000;

const nowhere = {
  portRead: (_port: number, size: number) => 2 ** (size * 8) - 1,
  portWrite: () => {},
  mmioRead: (_at: number, size: number) => 2 ** (size * 8) - 1,
  mmioWrite: () => {},
  acknowledgeInterrupt: () => -1,
  nowNs: () => 0,
  randomU32: () => 4,
  readTaskPriority: () => 0,
  writeTaskPriority: () => {},
  readMsr: () => false,
  writeMsr: () => false,
} as unknown as CpuPlatform;
const noCode: CodeWatch = { holdsCode: () => false, written: () => {} };

export interface UserMachineOptions {
  /** Code size of CS; 16 needs an LDT code segment (see {@link UserMachine.setDescriptor}). */
  readonly bits: CodeBits;
  /** Bytes of machine memory from {@link FREE} on for the executor. */
  readonly extraBytes?: number;
  /** Makes the watcher of frames that hold code; default: none do. */
  readonly watch?: (memory: WebAssembly.Memory) => CodeWatch;
}

export class UserMachine {
  readonly core: Core;
  readonly bits: CodeBits;
  readonly #tables: UserModeTables;
  #isArranged = false;
  #protection: WindowProtection = 'read-write';
  #input: NativeCase | undefined;
  #before: Uint8Array = new Uint8Array(WINDOW_BYTES);
  #codeLength = 0;
  #loads = 0;

  constructor(options: UserMachineOptions) {
    this.bits = options.bits;
    const bytes = TABLES + UserModeTables.size;
    if (FREE + (options.extraBytes ?? 0) > TABLES)
      throw new Error('the executor asks for too much');
    const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 65536) });
    const state = new VcpuState(memory, STATE_BASE);
    const model = { name: 'oracle', features: new Set<string>() };
    const stage = {
      mfnOf: (gfn: number) => (gfn * 4096 >= TABLES && gfn * 4096 < bytes ? gfn : -1),
    } as unknown as SecondStage;
    const watch = options.watch?.(memory) ?? noCode;
    this.core = new Core(state, TLB_AT, model, nowhere, stage, watch);
    this.core.traps = new ArchitecturalTraps(this.core);
    this.#tables = new UserModeTables(this.core, options.bits === 64, TABLES);
    state.u8.fill(0xcc, this.#tables.codeFrames, this.#tables.codeFrames + CODE_REGION_BYTES);
  }

  /** Sets LDT entry `index`, as NativeOracle.setDescriptor does. */
  setDescriptor(index: number, descriptor: LdtDescriptor): void {
    this.#tables.setDescriptor(index, descriptor);
  }

  /** Machine address of the case's first code byte. */
  get codeAt(): number {
    return this.#tables.codeFrames + CODE_ADDRESS - CODE_REGION_ADDRESS;
  }

  /** Machine memory of code and window, a page each. */
  get frames(): Uint8Array {
    const { codeFrames } = this.#tables;
    return this.core.state.u8.subarray(codeFrames, codeFrames + PAGES * 4096);
  }
  /** Their page-table entries: words, low and high. */
  get pageEntries(): Uint32Array {
    return this.#tables.entries();
  }

  /** Loads a case; with a layout, all of its pages as that says (and from then on every case has to have one). */
  load(input: NativeCase, layout?: MemoryLayout): void {
    this.#isArranged ||= layout !== undefined;
    if (this.#isArranged && !layout) throw new Error('this machine was loaded with a layout');
    const { core } = this;
    const { state } = core;
    const tables = this.#tables;
    const long = this.bits === 64;
    state.u8.fill(0, STATE_BASE, STATE_BASE + L.STATE_SIZE);
    if (!layout) {
      state.u8.fill(0xcc, this.codeAt, this.codeAt + this.#codeLength);
      state.u8.set(input.code, this.codeAt);
      this.#codeLength = input.code.length;
    }
    if (input !== this.#input) this.#before = initialWindow(input.seed, input.patches);
    this.#input = input;
    state.u8.set(this.#before, tables.windowFrames);
    for (let i = 0; i < 32; i++) state.set(L.GPR + i * 4, input.gpr[i]);
    state.rflags = input.rflags;
    state.rip = input.rip;
    state.set(L.CR0, CR0);
    state.set(L.CR4, CR4);
    state.set(L.CR3, long ? tables.pml4 : tables.pdpt);
    state.set(L.EFER, long ? EFER_LONG : EFER_PAE);
    state.set(L.XCR0, 3);
    state.set(L.CPL, 3);
    state.set(L.DR6, 0xffff0ff0 | 0);
    state.set(L.DR7, 0x400);
    this.#loadTables();
    this.#loadSegments(input);
    loadFxsave(state, input.fxsave);
    core.updateMode();
    if (layout) this.#arrange(input, layout);
    else if (input.protection !== this.#protection || this.#loads++ % 16 === 0) {
      tables.protect(input.protection);
      this.#protection = input.protection;
      core.flushTlb(false);
    }
    state.set(L.PENDING, 0);
  }

  #arrange({ code }: NativeCase, layout: MemoryLayout): void {
    const { core, frames } = this;
    frames.fill(0xcc, 0, CODE_REGION_BYTES);
    const first = core.codeLinear(core.state.rip) - CODE_REGION_ADDRESS;
    code.forEach((byte, i) => {
      const page = (first + i) >> 12;
      frames[layout.codeFrames[page] * 4096 + ((first + i) & 4095)] = byte;
    });
    this.#tables.arrange(layout.entries);
    for (let page = 0; page < CODE_REGION_BYTES; page += 4096)
      core.flushPage(CODE_REGION_ADDRESS + page);
    for (let page = 0; page < WINDOW_BYTES; page += 4096) core.flushPage(WINDOW_ADDRESS + page);
  }

  /** Code that ends where nothing may be fetched ends with a fault. True if rIP can be fetched; else the fault is recorded. */
  canFetch(): boolean {
    const { core } = this;
    const linear = core.codeLinear(core.state.rip);
    if (linear >= CODE_REGION_ADDRESS && linear < CODE_REGION_ADDRESS + CODE_REGION_BYTES)
      return true;
    return core.mmu.translateCode(linear, core.cpl === 3) >= 0;
  }

  result(input: NativeCase, outcome: Outcome): ExecutionResult {
    const { state } = this.core;
    const isInKernel = state.get(L.CPL) !== 3;
    // SYSCALL, to which code that changes itself may come, enters it without an event, at address 0: that is an end.
    const isCall = isInKernel && state.rip === 0;
    const delivered = isInKernel && !isCall;
    const frame = delivered ? this.#tables.eventFrame() : undefined;
    const { windowFrames } = this.#tables;
    const after = state.u8.subarray(windowFrames, windowFrames + WINDOW_BYTES);
    const gpr = new Uint32Array(32);
    for (let i = 0; i < 32; i++) gpr[i] = state.getU(L.GPR + i * 4);
    const isFault = outcome === 'fault' && !isInKernel;
    const vector = delivered ? state.rip - HANDLERS : isFault ? state.get(L.FAULT_VECTOR) : -1;
    const segments = Uint16Array.from({ length: 6 }, (_, i) => state.selector(i));
    if (frame) {
      gpr[8] = frame[6];
      gpr[9] = frame[7];
      segments[L.CS] = frame[2];
      segments[L.SS] = frame[8];
    }
    const rip = frame ? frame[0] + (frame[1] | 0) * 2 ** 32 : state.rip;
    const isEnd = delivered && vector === 3 && rip !== input.rip + 1;
    return {
      outcome: isEnd || isCall ? 'completed' : delivered ? 'fault' : outcome,
      vector: isEnd ? -1 : vector,
      errorCode: isFault ? Math.max(0, state.get(L.FAULT_ERROR)) : 0,
      faultAddress: isFault && vector === 14 ? state.getF64(L.FAULT_ADDRESS) : 0,
      rip: isEnd ? rip - 1 : rip,
      gpr,
      rflags: frame ? frame[4] : state.rflags,
      fxsave: saveFxsave(state, this.bits === 64 ? 64 : 32),
      segments,
      fsBase: state.segmentBase(L.FS),
      gsBase: state.segmentBase(L.GS),
      changes: windowChanges(this.#before, after),
    };
  }

  #loadTables(): void {
    const { state } = this.core;
    const { gdt, idt, ldt, tss } = this.#tables.registers();
    state.set64(L.GDTR_BASE, gdt[0]);
    state.set(L.GDTR_LIMIT, gdt[1]);
    state.set64(L.IDTR_BASE, idt[0]);
    state.set(L.IDTR_LIMIT, idt[1]);
    if (ldt[1] > 0) setSegment(state, L.LDTR, 0x50, ldt[0], ldt[1], 0x8200);
    setSegment(state, L.TR, 0x40, tss[0], tss[1], 0x8b00);
  }

  #loadSegments(input: NativeCase): void {
    const { state } = this.core;
    const long = this.bits === 64;
    for (let i = 0; i < 6; i++) {
      const given = input.segments[i];
      const isNull = i >= L.FS || (long && i !== L.CS && i !== L.SS);
      const usual = isNull ? 0 : i !== L.CS ? 0x2b : long ? 0x33 : 0x23;
      this.#loadSegment(i, given === SEGMENT_DEFAULT ? usual : given);
    }
    if (input.bases) {
      setSegment(state, L.FS, 0, input.bases.fs, 0, 0);
      setSegment(state, L.GS, 0, input.bases.gs, 0, 0);
    }
  }

  #loadSegment(segment: number, selector: number): void {
    const { state } = this.core;
    if ((selector & 0xfffc) === 0) {
      setSegment(state, segment, selector, 0, 0, 0);
      return;
    }
    const at = this.#tables.descriptorOf(selector);
    if (at < 0) throw new Error(`selector ${selector.toString(16)}: no descriptor set for it`);
    const [low, high] = [state.u32[at >>> 2], state.u32[(at >>> 2) + 1]];
    const base = ((low >>> 16) | ((high & 0xff) << 16) | (high & 0xff00_0000)) >>> 0;
    const pages = (low & 0xffff) | (high & 0xf_0000);
    const limit = high & GRANULAR ? ((pages << 12) | 0xfff) >>> 0 : pages;
    setSegment(state, segment, selector, base, limit, high & ATTRIBUTE_MASK);
  }
}
