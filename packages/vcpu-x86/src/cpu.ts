// The run loop: interrupts, faults, single steps and the choice of the interpreter, around the cold tier's inner loop.
import type { BlockCache } from './block/block-cache.js';
import { Translator } from './block/translate.js';
import { Core, FLAG_IF, FLAG_RF, FLAG_TF, MODE_CLASS_MASK, MODE_STEP } from './core.js';
import type { CpuModel } from './cpu-model.js';
import { Engine } from './engine.js';
import {
  EXIT_HALT,
  EXIT_REQUESTED,
  EXIT_SHUTDOWN,
  EXIT_SLICE,
  type Exit,
  type FaultRecord,
} from './exit.js';
import { DB } from './fault.js';
import { TLB_SET_SIZE, TLB_SETS } from './mmu/tlb.js';
import type { CpuPlatform, SecondStage, TrapDelivery } from './platform.js';
import type { RegionLibrary } from './region/library.js';
import { ArchitecturalTraps } from './routines/architectural-traps.js';
import { resetCpu } from './routines/reset.js';
import { type StartState, startAt } from './routines/start-state.js';
import { JUMP_CACHE_SIZE, JumpCache } from './state/jump-cache.js';
import {
  BUDGET,
  DR6,
  FAULT_ERROR,
  FAULT_VECTOR,
  FLAGS_OTHER,
  INTERRUPT_SHADOW,
  MODE_KEY,
  PENDING,
  PENDING_EXIT,
  PENDING_HALT,
  PENDING_INTERRUPT,
  PENDING_MODE,
  PENDING_NMI,
  PENDING_STEP,
  STATE_SIZE,
} from './state/layout.js';
import { VcpuState } from './state/vcpu-state.js';
import type { ModeHandlers } from './tier/cold.js';
import type { HotTier } from './tier/hot.js';
import { EXIT_BUDGET, EXIT_FAULT } from './tier/interpreter.js';

/** Memory that a vCPU needs beside its guest's, in bytes: state page, TLB, jump cache. */
export const VCPU_SIZE: number = STATE_SIZE + TLB_SETS * TLB_SET_SIZE + JUMP_CACHE_SIZE;

export interface X86CpuOptions {
  readonly memory: WebAssembly.Memory;
  /** Page-aligned machine address of {@link VCPU_SIZE} bytes for this vCPU. */
  readonly base: number;
  /** The CPU's own decoded blocks; or `engine`, if it shares them with other CPUs. */
  readonly blocks?: BlockCache;
  readonly engine?: Engine;
  readonly model: CpuModel;
  readonly platform: CpuPlatform;
  readonly stage: SecondStage;
  /** What becomes of its events; default: the architecture's descriptor tables. */
  readonly traps?: (core: Core) => TrapDelivery;
  /** Executions of a block before the hot tier compiles it; Infinity: everything runs in the cold tier. */
  readonly hotThreshold?: number;
  /** Regions compiled together, and shared; see {@link EngineOptions}. */
  readonly hotBatch?: number;
  readonly library?: RegionLibrary;
  /** A clock, in ms, to measure what compilation takes; default: nothing is measured. */
  readonly stopwatch?: () => number;
  /** Machine address of {@link PROFILE_SIZE} bytes for execution counters (tools/profile-forms.ts); counting slows the CPU down. */
  readonly profile?: number;
}

function ownEngine(options: X86CpuOptions): Engine {
  const { blocks } = options;
  if (!blocks) throw new Error('an X86Cpu needs either an engine or blocks of its own');
  return new Engine({ ...options, blocks });
}

export class X86Cpu {
  readonly core: Core;
  readonly state: VcpuState;
  readonly engine: Engine;
  /** Machine address of its VCPU_SIZE bytes. */
  readonly base: number;
  private readonly forgetJumps = (): void => this.core.forgetJumps();
  private readonly translator: Translator;
  private readonly jumpCache: JumpCache;
  private readonly lookupBlock = (): number => this.lookup();
  private halted = false;
  private down = false;
  private stepping = false;
  private current: ModeHandlers | null = null;
  /** The last fault that an instruction met (not those of its delivery). */
  lastFault: FaultRecord | undefined;
  /** Counters for statistics. */
  readonly counters = { faults: 0, interrupts: 0, lookups: 0, steps: 0 };

  constructor(options: X86CpuOptions) {
    const { memory, base } = options;
    this.base = base;
    this.state = new VcpuState(memory, base);
    this.engine = options.engine ?? ownEngine(options);
    const { blocks, gate } = this.engine;
    this.core = new Core(
      this.state,
      base + STATE_SIZE,
      options.model,
      options.platform,
      options.stage,
      blocks,
    );
    this.engine.current ??= this.core;
    this.core.deliverFast = this.engine.deliverFast;
    this.core.traps = options.traps?.(this.core) ?? new ArchitecturalTraps(this.core);
    this.jumpCache = new JumpCache(this.state, base + STATE_SIZE + TLB_SETS * TLB_SET_SIZE);
    this.engine.regions.jumpCaches.add(this.jumpCache);
    blocks.attach(this.core.tlb);
    blocks.onClear(this.forgetJumps);
    this.core.onGenerationWrap = () => this.jumpCache.clear();
    this.translator = new Translator(this.core, blocks, gate, this.engine.times);
    this.reset();
  }

  /** It is not run any more: the engine, which others may share, forgets it, and its memory can be another's. */
  close(): void {
    this.engine.blocks.detach(this.core.tlb, this.forgetJumps);
    this.engine.regions.jumpCaches.delete(this.jumpCache);
  }

  /** Power-on reset. */
  reset(): void {
    resetCpu(this.core);
    this.core.updateMode();
    this.core.flushTlb(false);
    this.halted = this.down = false;
  }

  /** Resets the CPU and makes it enter an image. */
  start(entry: StartState): void {
    this.reset();
    startAt(this.core, entry);
  }

  /** Drives the INTR line. */
  setInterruptLine(level: boolean): void {
    this.core.interruptLine = level;
    this.core.noticeInterrupt();
  }
  raiseNmi(): void {
    this.state.addPending(PENDING_NMI);
  }
  /** Makes run() return at the next block boundary. */
  requestExit(): void {
    this.state.addPending(PENDING_EXIT);
  }
  /** Something done for the guest, from inside of run(), counts as so many instructions. */
  charge(instructions: number): void {
    this.state.set(BUDGET, this.state.get(BUDGET) - instructions);
  }
  /** HLT was executed and nothing has woken the CPU. */
  get isHalted(): boolean {
    return this.halted;
  }
  /** The hot tier; its counters are public. */
  get hot(): HotTier {
    return this.engine.hot;
  }
  /** Forms executed so far, by mode class, most frequent first (only with `profile`). */
  executedForms(): { readonly modeClass: number; readonly name: string; readonly count: number }[] {
    return this.engine.executedForms(this.state.u32);
  }
  /** How many instructions of the budget of run() are left, about; exact to a block also while it runs. */
  get budgetLeft(): number {
    return this.state.get(BUDGET);
  }
  /** Would run() execute an instruction now? */
  canWake(): boolean {
    const { state, core } = this;
    if (!this.halted) return true;
    return (
      (state.get(PENDING) & (PENDING_NMI | PENDING_EXIT)) !== 0 ||
      (core.interruptLine && (state.get(FLAGS_OTHER) & FLAG_IF) !== 0)
    );
  }
  /** EFLAGS.IF. */
  get takesInterrupts(): boolean {
    return (this.state.get(FLAGS_OTHER) & FLAG_IF) !== 0;
  }
  /** INTR is raised, and would be taken. */
  get hasInterrupt(): boolean {
    return this.core.interruptLine && this.takesInterrupts;
  }
  /** Faults met lately, those of deliveries included, newest last; at most 8. */
  get recentFaults(): readonly FaultRecord[] {
    return this.core.recentFaults;
  }

  /** Runs at most about `budget` instructions (a block is never cut). */
  run(budget: number): Exit {
    const { state, core } = this;
    // First of all: the platform's time may go with what is left of it.
    state.set(BUDGET, budget);
    if (this.down) return EXIT_SHUTDOWN;
    this.enter();
    this.engine.hot.tick(budget, core.platform.nowNs());
    for (;;) {
      const exit = this.attend();
      if (exit >= 0) return exit as Exit;
      if (state.get(BUDGET) <= 0) return EXIT_SLICE;
      const modeClass = state.get(MODE_KEY) & MODE_CLASS_MASK;
      const handlers = this.engine.handlers(modeClass);
      this.current = handlers;
      // The shadow holds off nothing while nothing waits: what rises during a block is taken after its first instruction anyway.
      const step =
        (state.get(INTERRUPT_SHADOW) !== 0 &&
          (core.interruptLine || (state.get(PENDING) & PENDING_NMI) !== 0)) ||
        (state.get(FLAGS_OTHER) & FLAG_TF) !== 0 ||
        core.breakpointsEnabled;
      if (step) {
        if (!this.step(handlers)) return this.shutdown();
      } else {
        state.set(INTERRUPT_SHADOW, 0);
        const code = handlers.run(state.base);
        if (code === EXIT_FAULT && !this.deliverFault()) return this.shutdown();
        if (code === EXIT_BUDGET && state.get(PENDING) === 0) return EXIT_SLICE;
      }
    }
  }

  /** Executes one instruction, after taking what is pending. EXIT_SLICE: it was executed, or has faulted into its handler. */
  stepInstruction(): Exit {
    const { state } = this;
    if (this.down) return EXIT_SHUTDOWN;
    this.enter();
    state.set(BUDGET, 1);
    const exit = this.attend();
    if (exit >= 0) return exit as Exit;
    const modeClass = state.get(MODE_KEY) & MODE_CLASS_MASK;
    const handlers = this.engine.handlers(modeClass);
    this.current = handlers;
    return this.step(handlers) ? EXIT_SLICE : this.shutdown();
  }

  /** Generated code calls this CPU's slow paths from now on. */
  private enter(): void {
    this.engine.current = this.core;
    this.engine.lookup = this.lookupBlock;
  }

  /** Pending requests. -1: go on. */
  private attend(): number {
    const { state, core } = this;
    const pending = state.get(PENDING);
    if (pending === 0 && !this.halted) return -1;
    state.clearPending(PENDING_MODE | PENDING_STEP);
    if ((pending & PENDING_HALT) !== 0) {
      state.clearPending(PENDING_HALT);
      this.halted = true;
    }
    if ((pending & PENDING_EXIT) !== 0) {
      state.clearPending(PENDING_EXIT);
      return EXIT_REQUESTED;
    }
    if (state.get(INTERRUPT_SHADOW) !== 0) return -1;
    if ((pending & PENDING_NMI) !== 0 && !core.nmiBlocked) {
      state.clearPending(PENDING_NMI);
      this.halted = false;
      core.nmiBlocked = true;
      if (!core.traps.interrupt(2)) return this.shutdown();
    } else if (core.interruptLine && (state.get(FLAGS_OTHER) & FLAG_IF) !== 0) {
      this.halted = false;
      const vector = core.platform.acknowledgeInterrupt();
      if (vector >= 0) {
        this.counters.interrupts++;
        if (!core.traps.interrupt(vector)) return this.shutdown();
      }
    }
    if (!(core.interruptLine && (state.get(FLAGS_OTHER) & FLAG_IF) !== 0))
      state.clearPending(PENDING_INTERRUPT);
    return this.halted ? EXIT_HALT : -1;
  }

  /** One instruction alone: interrupt shadow, TF, breakpoints. False: shutdown. */
  private step(handlers: ModeHandlers): boolean {
    const { state, core } = this;
    this.counters.steps++;
    const traps = (state.get(FLAGS_OTHER) & FLAG_TF) !== 0;
    const shadow = state.get(INTERRUPT_SHADOW);
    if ((state.get(FLAGS_OTHER) & FLAG_RF) === 0 && shadow === 0) {
      const hit = core.instructionBreakpoint(core.codeLinear(state.rip));
      if (hit !== 0) {
        state.set(DR6, (state.get(DR6) & ~15) | hit);
        state.fault(DB, -1);
        return this.deliverFault();
      }
    }
    state.set(FLAGS_OTHER, state.get(FLAGS_OTHER) & ~FLAG_RF);
    state.set(INTERRUPT_SHADOW, 0);
    core.dataBreakpoints = 0;
    core.noStepTrap = false;
    const pending = state.get(PENDING);
    const budget = state.get(BUDGET);
    state.set(PENDING, 0);
    state.set(BUDGET, 1);
    state.set(MODE_KEY, state.get(MODE_KEY) | MODE_STEP);
    this.stepping = true;
    const code = handlers.run(state.base);
    this.stepping = false;
    state.set(MODE_KEY, state.get(MODE_KEY) & ~MODE_STEP);
    // 0 is left of the 1, or less if something was charged.
    state.set(BUDGET, budget - 1 + state.get(BUDGET));
    state.addPending(pending);
    if (code === EXIT_FAULT) return this.deliverFault();
    const hits = core.dataBreakpoints | (traps && !core.noStepTrap ? 0x4000 : 0);
    if (hits !== 0 && state.get(INTERRUPT_SHADOW) === 0) {
      state.set(DR6, (state.get(DR6) & ~15) | hits);
      state.fault(DB, -1);
      return this.deliverFault(false);
    }
    return true;
  }

  /** The block at rIP, for the interpreter; 0: a fault is recorded (rIP is right). */
  private lookup(): number {
    const { state } = this;
    const handlers = this.current as ModeHandlers;
    const key = state.get(MODE_KEY);
    const rec = this.translator.block(handlers, key & MODE_CLASS_MASK, this.stepping ? 1 : 64);
    this.counters.lookups++;
    if (rec !== 0) this.hot.confirm(rec, this.core.codeLinear(state.rip));
    if (rec !== 0 && !this.stepping) this.jumpCache.put(rec);
    return rec;
  }
  /** Delivers the recorded fault. False: shutdown. */
  private deliverFault(isFault = true): boolean {
    const { state, core } = this;
    const vector = state.get(FAULT_VECTOR);
    const errorCode = state.get(FAULT_ERROR);
    this.counters.faults++;
    core.noteFault(vector, errorCode);
    this.lastFault = core.recentFaults.at(-1);
    return core.traps.exception(vector, errorCode, isFault);
  }

  private shutdown(): Exit {
    this.down = true;
    return EXIT_SHUTDOWN;
  }
}
