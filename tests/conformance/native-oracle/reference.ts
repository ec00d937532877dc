// The reference evaluator as an emulated counterpart of the native oracle: one instruction from NativeCase to
// ExecutionResult. A 32-bit (PAE) or 64-bit user-mode CPU whose page tables map exactly the harness's regions:
// the code pages at CODE_REGION_ADDRESS and the two pages of the data window, everything else not present.
//
// The cold tier's handlers can stand in for the evaluator. Semantics and routines are given by the caller, so a family can be tested before the joined tables exist.
import { Core, type Routine } from '../../../packages/vcpu-x86/src/core.js';
import { CPU_FAULT } from '../../../packages/vcpu-x86/src/fault.js';
import { Builder } from '../../../packages/vcpu-x86/src/ir/builder.js';
import { type EvaluateContext, evaluate } from '../../../packages/vcpu-x86/src/ir/evaluate.js';
import { DECODE_TOO_LONG, decode } from '../../../packages/vcpu-x86/src/isa/decode.js';
import { type CodeBits, Instruction } from '../../../packages/vcpu-x86/src/isa/instruction.js';
import type { CodeWatch } from '../../../packages/vcpu-x86/src/mmu/mmu.js';
import { TLB_SET_SIZE, TLB_SETS } from '../../../packages/vcpu-x86/src/mmu/tlb.js';
import type { CpuPlatform, SecondStage } from '../../../packages/vcpu-x86/src/platform.js';
import {
  boundBinding,
  RECORD,
  RECORD_SIZE,
} from '../../../packages/vcpu-x86/src/semantics/binding.js';
import { Operands, type Semantics } from '../../../packages/vcpu-x86/src/semantics/operands.js';
import {
  bindFields,
  Fields,
  type Shape,
  shapeKey,
  shapeOf,
} from '../../../packages/vcpu-x86/src/semantics/shape.js';
import * as L from '../../../packages/vcpu-x86/src/state/layout.js';
import { setSegment } from '../../../packages/vcpu-x86/src/state/segments.js';
import { VcpuState } from '../../../packages/vcpu-x86/src/state/vcpu-state.js';
import { coldImports } from '../../../packages/vcpu-x86/src/tier/cold.js';
import {
  handlerModule,
  handlerProgram,
  recordSize,
} from '../../../packages/vcpu-x86/src/tier/handler.js';
import {
  CODE_ADDRESS,
  CODE_REGION_ADDRESS,
  CODE_REGION_BYTES,
  clearReserved,
  type ExecutionResult,
  FXSAVE_BYTES,
  type LdtDescriptor,
  type NativeCase,
  type Outcome,
  SEGMENT_DEFAULT,
  WINDOW_ADDRESS,
  WINDOW_BYTES,
} from './protocol.js';
import { initialWindow, windowChanges } from './window-memory.js';

const PAGE = 4096;
// Machine memory: state page, TLB, then frames. The second stage is the identity.
const STATE_BASE = 0x1000;
const RECORD_AT = 0x3000;
const TLB_AT = 0x10000;
const FRAMES = TLB_AT + TLB_SETS * TLB_SET_SIZE;
const PML4 = FRAMES;
const PDPT = FRAMES + PAGE;
const DIRECTORY = FRAMES + 2 * PAGE;
const CODE_TABLE = FRAMES + 3 * PAGE;
const WINDOW_TABLE = FRAMES + 4 * PAGE;
const CODE_FRAMES = FRAMES + 5 * PAGE;
const WINDOW_FRAMES = CODE_FRAMES + CODE_REGION_BYTES;
const MEMORY_BYTES = WINDOW_FRAMES + WINDOW_BYTES;

const PRESENT_USER = 0x25; // P, U/S, A
const WRITABLE = 0x42; // R/W, D
const NO_EXECUTE = 0x8000_0000;
/** PE MP ET NE WP AM PG; OSFXSR OSXMMEXCPT PAE OSXSAVE; LME LMA NXE SCE: what Linux runs user code with. */
const CR0 = 0x8005_0033;
const CR4 = 0x0004_0620;
const EFER_LONG = 0x0d01;
const EFER_PAE = 0x0800;
const MAX_ITERATIONS = 1 << 17;

const nowhere: CpuPlatform = {
  portRead: (_port, size) => (size === 4 ? 0xffffffff : size === 2 ? 0xffff : 0xff),
  portWrite: () => {},
  mmioRead: (_at, size) => (size === 4 ? 0xffffffff : size === 2 ? 0xffff : 0xff),
  mmioWrite: () => {},
  acknowledgeInterrupt: () => -1,
  nowNs: () => 0,
  readTaskPriority: () => 0,
  writeTaskPriority: () => {},
  readMsr: () => false,
  writeMsr: () => false,
} as CpuPlatform;
const identity = {
  mfnOf: (gfn: number) => (gfn * PAGE < MEMORY_BYTES ? gfn : -1),
} as unknown as SecondStage;
const noCode: CodeWatch = { holdsCode: () => false, written: () => {} };

export interface ReferenceOptions {
  /** Code size of CS; 16 needs an LDT code segment (see {@link ReferenceCpu.setDescriptor}). */
  readonly bits: CodeBits;
  readonly semantics: Readonly<Record<string, Semantics>>;
  readonly routines?: Readonly<Record<string, Routine>>;
  /** Runs the cold tier's handlers (which know the joined tables only) instead of the evaluator. */
  readonly cold?: boolean;
}

/** The mnemonic has no semantics in the record given. */
export class NoSemantics extends Error {
  override name = 'NoSemantics';
}

/** One emulated CPU; every {@link run} starts from the case's state alone. */
export class ReferenceCpu {
  readonly core: Core;
  readonly #options: ReferenceOptions;
  readonly #descriptors = new Map<number, LdtDescriptor>();
  readonly #instruction = new Instruction();
  readonly #fields = new Fields();
  readonly #handlers = new Map<number, (state: number, record: number) => number>();
  readonly #imports: WebAssembly.Imports;

  constructor(options: ReferenceOptions) {
    this.#options = options;
    const memory = new WebAssembly.Memory({ initial: Math.ceil(MEMORY_BYTES / 65536) });
    const state = new VcpuState(memory, STATE_BASE);
    const model = { name: 'reference', features: new Set<string>() };
    this.core = new Core(state, TLB_AT, model, nowhere, identity, noCode);
    this.#imports = coldImports(this.core, () => 0);
  }

  /** Sets LDT entry `index`, as NativeOracle.setDescriptor does. */
  setDescriptor(index: number, descriptor: LdtDescriptor): void {
    this.#descriptors.set(index, descriptor);
  }

  /** @throws NoSemantics when the instruction's mnemonic is not in the record */
  run(input: NativeCase): ExecutionResult {
    const { core } = this;
    const { state } = core;
    this.#load(input);
    const before = initialWindow(input.seed, input.patches);
    state.u8.set(before, WINDOW_FRAMES);
    const outcome = this.#execute(input);
    const changes = windowChanges(
      before,
      state.u8.slice(WINDOW_FRAMES, WINDOW_FRAMES + WINDOW_BYTES),
    );
    const gpr = new Uint32Array(32);
    for (let i = 0; i < 32; i++) gpr[i] = state.getU(L.GPR + i * 4);
    const vector = outcome === 'fault' ? state.get(L.FAULT_VECTOR) : -1;
    return {
      outcome,
      vector,
      errorCode: outcome === 'fault' ? Math.max(0, state.get(L.FAULT_ERROR)) : 0,
      faultAddress: vector === 14 ? state.getF64(L.FAULT_ADDRESS) : 0,
      rip: state.rip,
      gpr,
      rflags: state.rflags,
      fxsave: this.#saveFxsave(),
      segments: Uint16Array.from({ length: 6 }, (_, i) => state.selector(i)),
      fsBase: state.segmentBase(L.FS),
      gsBase: state.segmentBase(L.GS),
      changes,
    };
  }

  #execute(input: NativeCase): Outcome {
    const { state } = this.core;
    for (let n = 0; n < MAX_ITERATIONS; n++) {
      const outcome = this.#step(input);
      if (outcome === 'fault') return 'fault';
      if (input.steps > 0) {
        if (n + 1 >= input.steps) return 'stepped';
        continue;
      }
      // A REP iteration may come back to its own instruction.
      if (
        outcome === 'jump' &&
        state.rip === input.rip &&
        input.code.length > 0 &&
        this.#instruction.repeat !== 0
      )
        continue;
      const linear = this.core.codeLinear(state.rip);
      if (linear >= CODE_REGION_ADDRESS && linear < CODE_REGION_ADDRESS + CODE_REGION_BYTES) {
        return 'completed';
      }
      // The jump went where nothing may be fetched.
      return this.core.mmu.translateCode(linear, true) < 0 ? 'fault' : 'completed';
    }
    return 'timeout';
  }

  #step(input: NativeCase): 'next' | 'jump' | 'fault' {
    const { core } = this;
    const { state } = core;
    const { bits, semantics, routines } = this.#options;
    const rip = state.rip;
    const offset = rip - input.rip;
    const length = decode(input.code, offset, input.code.length, bits, null, this.#instruction);
    if (length <= 0) {
      if (length === DECODE_TOO_LONG) state.fault(13, 0);
      else state.fault(6, -1);
      return 'fault';
    }
    const { mnemonic } = this.#instruction.row;
    const meaning = Object.hasOwn(semantics, mnemonic) ? semantics[mnemonic] : undefined;
    if (!meaning) throw new NoSemantics(`${mnemonic} has no semantics`);
    const mode = Core.modeOf(state.get(L.MODE_KEY));
    bindFields(this.#instruction, mode, this.#fields, length);
    const shape = shapeOf(this.#instruction, mode);
    if (this.#options.cold)
      return this.#runCold(shape, shapeKey(this.#instruction, mode), rip, length);
    const b = new Builder();
    meaning(b, new Operands(b, shape, boundBinding(this.#fields, length)));
    const context: EvaluateContext = {
      state,
      mmu: core.mmu,
      rip,
      nextRip: bits === 64 ? rip + length : (rip + length) % 2 ** 32,
      call: (name, args) => {
        const routine = routines?.[name];
        if (!routine) throw new NoSemantics(`${mnemonic}: no routine ${name}`);
        try {
          return routine(core, ...args);
        } catch (e) {
          if (e !== CPU_FAULT) throw e;
          return -1;
        }
      },
    };
    return evaluate(b.statements, context);
  }

  /** The form's handler on a record as block/translate.ts writes it. */
  #runCold(shape: Shape, key: number, rip: number, length: number): 'next' | 'jump' | 'fault' {
    const { state } = this.core;
    let handler = this.#handlers.get(key);
    if (!handler) {
      const module = new WebAssembly.Module(handlerModule(shape, handlerProgram(shape)));
      const { exports } = new WebAssembly.Instance(module, this.#imports);
      handler = exports.handler as (state: number, record: number) => number;
      this.#handlers.set(key, handler);
    }
    const f = this.#fields;
    const { view } = state;
    view.setUint16(RECORD_AT + RECORD.nextOffset, length, true);
    view.setUint8(RECORD_AT + RECORD.length, length);
    view.setUint8(RECORD_AT + RECORD.reg, f.reg);
    view.setUint8(RECORD_AT + RECORD.rm, f.rm);
    view.setInt32(RECORD_AT + RECORD.immLow, f.immLow, true);
    view.setInt32(RECORD_AT + RECORD.immHigh, f.immHigh, true);
    // A short record ends before these: a handler that reads them sees rubbish.
    const isLong = recordSize(shape) > RECORD_SIZE;
    view.setInt32(RECORD_AT + RECORD.disp, isLong ? f.disp | f.imm2 : -1, true);
    view.setUint8(RECORD_AT + RECORD.base, isLong ? f.base : 255);
    view.setUint8(RECORD_AT + RECORD.index, isLong ? f.index : 255);
    view.setUint8(RECORD_AT + RECORD.scale, isLong ? f.scale : 255);
    view.setUint8(RECORD_AT + RECORD.segment, isLong ? f.segment : 255);
    state.set64(L.BLOCK_RIP, rip);
    const result = handler(STATE_BASE, RECORD_AT);
    if (result > 0) {
      state.rip = this.#options.bits === 64 ? rip + length : (rip + length) % 2 ** 32;
      return 'next';
    }
    if (result < 0) state.rip = rip;
    return result < 0 ? 'fault' : 'jump';
  }

  #load(input: NativeCase): void {
    const { core } = this;
    const { state } = core;
    const long = this.#options.bits === 64;
    state.u8.fill(0, STATE_BASE, STATE_BASE + L.STATE_SIZE);
    state.u8.fill(0xcc, CODE_FRAMES, CODE_FRAMES + CODE_REGION_BYTES);
    state.u8.set(input.code, CODE_FRAMES + CODE_ADDRESS - CODE_REGION_ADDRESS);
    this.#buildPageTables(input);
    for (let i = 0; i < 32; i++) state.set(L.GPR + i * 4, input.gpr[i]);
    state.rflags = input.rflags;
    state.rip = input.rip;
    state.set(L.CR0, CR0);
    state.set(L.CR4, CR4);
    state.set(L.CR3, long ? PML4 : PDPT);
    state.set(L.EFER, long ? EFER_LONG : EFER_PAE);
    state.set(L.XCR0, 3);
    state.set(L.CPL, 3);
    state.set(L.DR6, 0xffff0ff0 | 0);
    state.set(L.DR7, 0x400);
    this.#loadSegments(input);
    this.#loadFxsave(input.fxsave);
    core.updateMode();
    core.flushTlb(false);
    state.set(L.PENDING, 0);
    // Repeated string instructions stop between iterations when the budget is spent: a single step is one iteration.
    state.set(L.BUDGET, input.steps > 0 ? 0 : 1 << 20);
  }

  #buildPageTables(input: NativeCase): void {
    const { u8, u32 } = this.core.state;
    u8.fill(0, FRAMES, CODE_FRAMES);
    const long = this.#options.bits === 64;
    const put = (at: number, low: number, high = 0): void => {
      u32[at >> 2] = low;
      u32[(at >> 2) + 1] = high;
    };
    const indexOf = (linear: number, shift: number): number => (linear >>> shift) & 511;
    put(PML4, PDPT | PRESENT_USER | WRITABLE);
    put(PDPT, long ? DIRECTORY | PRESENT_USER | WRITABLE : DIRECTORY | 1);
    put(DIRECTORY + indexOf(CODE_REGION_ADDRESS, 21) * 8, CODE_TABLE | PRESENT_USER | WRITABLE);
    put(DIRECTORY + indexOf(WINDOW_ADDRESS, 21) * 8, WINDOW_TABLE | PRESENT_USER | WRITABLE);
    for (let i = 0; i < CODE_REGION_BYTES / PAGE; i++) {
      const at = CODE_TABLE + (indexOf(CODE_REGION_ADDRESS, 12) + i) * 8;
      put(at, (CODE_FRAMES + i * PAGE) | PRESENT_USER);
    }
    for (let i = 0; i < WINDOW_BYTES / PAGE; i++) {
      const at = WINDOW_TABLE + (indexOf(WINDOW_ADDRESS, 12) + i) * 8;
      const protection = i === 0 ? 'read-write' : input.protection;
      const rights = protection === 'read-write' ? WRITABLE : 0;
      if (protection !== 'none')
        put(at, (WINDOW_FRAMES + i * PAGE) | PRESENT_USER | rights, NO_EXECUTE);
    }
    const { pdpte } = this.core.mmu.walk;
    pdpte.fill(0);
    pdpte[0] = DIRECTORY | 1;
  }

  #loadSegments(input: NativeCase): void {
    const { state } = this.core;
    const long = this.#options.bits === 64;
    const names = [L.ES, L.CS, L.SS, L.DS, L.FS, L.GS];
    for (const i of names) {
      const selector = input.segments[i];
      const code = i === L.CS;
      if (selector === SEGMENT_DEFAULT) {
        const isNull = i >= L.FS || (long && i !== L.CS && i !== L.SS);
        const flat = code ? (long ? 0x20fb00 : 0x40fb00) : 0x40f300;
        const attributes = isNull ? 0 : flat | 0x800000;
        const value = isNull ? 0 : code ? (long ? 0x33 : 0x23) : 0x2b;
        setSegment(state, i, value, 0, isNull ? 0 : 0xffffffff, attributes);
      } else if ((selector & 0xfffc) === 0) {
        setSegment(state, i, selector, 0, 0, 0);
      } else {
        this.#loadDescriptor(i, selector);
      }
    }
    if (input.bases) {
      setSegment(state, L.FS, 0, input.bases.fs, 0, 0);
      setSegment(state, L.GS, 0, input.bases.gs, 0, 0);
    }
  }

  #loadDescriptor(segment: number, selector: number): void {
    const d = this.#descriptors.get(selector >> 3);
    if (!d) throw new Error(`selector ${selector.toString(16)}: no descriptor set for it`);
    const type = d.code
      ? 0x0800 | (d.conforming ? 0x0400 : 0) | (d.restricted ? 0 : 0x0200)
      : (d.expandDown ? 0x0400 : 0) | (d.restricted ? 0 : 0x0200);
    const attributes =
      0x7100 |
      type |
      (d.notPresent ? 0 : 0x8000) |
      (d.big ? 0x400000 : 0) |
      (d.pageGranular ? 0x800000 : 0);
    const limit = d.pageGranular ? ((d.limit << 12) | 0xfff) >>> 0 : d.limit;
    setSegment(this.core.state, segment, selector, d.base, limit, attributes);
  }

  /** ST order and abridged tags to physical order and two-bit tags (SDM vol. 1 §10.5.1.1). */
  #loadFxsave(image: Uint8Array): void {
    const { state } = this.core;
    const { u8, view, base } = state;
    const source = new DataView(image.buffer, image.byteOffset, FXSAVE_BYTES);
    const status = source.getUint16(2, true);
    const top = (status >> 11) & 7;
    state.set(L.FPU_CONTROL, source.getUint16(0, true));
    state.set(L.FPU_STATUS, status);
    state.set(L.FPU_OPCODE, source.getUint16(6, true));
    state.set(L.MXCSR, source.getUint32(24, true));
    let tags = 0;
    for (let i = 0; i < 8; i++) {
      const physical = (top + i) & 7;
      const at = base + L.FPU_REGISTERS + physical * 16;
      u8.set(image.subarray(32 + i * 16, 42 + i * 16), at);
      const significand = view.getBigUint64(at, true);
      const exponent = view.getUint16(at + 8, true) & 0x7fff;
      const valid = exponent !== 0 && exponent !== 0x7fff && significand >> 63n !== 0n;
      const tag = valid ? 0 : exponent === 0 && significand === 0n ? 1 : 2;
      tags |= ((image[4] >> physical) & 1 ? tag : 3) << (physical * 2);
    }
    state.set(L.FPU_TAG, tags);
    u8.set(image.subarray(160, 416), base + L.XMM);
  }

  #saveFxsave(): Uint8Array {
    const { state } = this.core;
    const { u8, base } = state;
    const image = new Uint8Array(FXSAVE_BYTES);
    const target = new DataView(image.buffer);
    const status = state.get(L.FPU_STATUS);
    const top = (status >> 11) & 7;
    target.setUint16(0, state.get(L.FPU_CONTROL), true);
    target.setUint16(2, status, true);
    const tags = state.get(L.FPU_TAG);
    for (let i = 0; i < 8; i++) {
      const physical = (top + i) & 7;
      const at = base + L.FPU_REGISTERS + physical * 16;
      image.set(u8.subarray(at, at + 10), 32 + i * 16);
      if (((tags >> (physical * 2)) & 3) !== 3) image[4] |= 1 << physical;
    }
    target.setUint16(6, state.get(L.FPU_OPCODE), true);
    target.setUint32(24, state.getU(L.MXCSR), true);
    image.set(u8.subarray(base + L.XMM, base + L.XMM + 256), 160);
    clearReserved(image, this.#options.bits === 64 ? 64 : 32);
    return image;
  }
}
