// The cold tier as an emulated counterpart of the native oracle: bytes → records → the interpreter's WebAssembly, as X86Cpu runs
// it, on a UserMachine. One instruction a case (a block of its own, as in a single step), or a sequence in whole blocks; with the hot
// tier, one instruction's region too. Handlers are compiled once per form and kept, so one ColdCpu serves thousands of cases.
import { BlockCache } from '../../../packages/vcpu-x86/src/block/block-cache.js';
import {
  MAX_BLOCK_INSTRUCTIONS,
  Translator,
} from '../../../packages/vcpu-x86/src/block/translate.js';
import { Core, MODE_CLASS_MASK, MODE_STEP } from '../../../packages/vcpu-x86/src/core.js';
import { FeatureGate } from '../../../packages/vcpu-x86/src/isa/feature-gate.js';
import type { CodeBits } from '../../../packages/vcpu-x86/src/isa/instruction.js';
import type { Mode, Shape } from '../../../packages/vcpu-x86/src/semantics/shape.js';
import { JUMP_CACHE_SIZE, JumpCache } from '../../../packages/vcpu-x86/src/state/jump-cache.js';
import * as L from '../../../packages/vcpu-x86/src/state/layout.js';
import { coldImports, ModeHandlers } from '../../../packages/vcpu-x86/src/tier/cold.js';
import { HotTier } from '../../../packages/vcpu-x86/src/tier/hot.js';
import { inlineForms } from '../../../packages/vcpu-x86/src/tier/hot-forms.js';
import { EXIT_BUDGET, EXIT_FAULT } from '../../../packages/vcpu-x86/src/tier/interpreter.js';
import { RegionTable } from '../../../packages/vcpu-x86/src/tier/region-table.js';
import type { ExecutionResult, LdtDescriptor, NativeCase, Outcome } from './protocol.js';
import { MAX_SEQUENCE } from './reference.js';
import { FREE, STATE_BASE, UserMachine } from './user-machine.js';
import type { MemoryLayout } from './user-mode-tables.js';
import { windowChanges } from './window-memory.js';

const BLOCKS: number = FREE + JUMP_CACHE_SIZE;
const BLOCK_BYTES = 0x40000;
const BUDGET = 1 << 20;

export interface ColdOptions {
  readonly bits: CodeBits;
  /** The forms that the interpreter handles inline: `hot` those of hot-forms.ts (default), or these, or none. */
  readonly inline?: 'hot' | 'none' | readonly Shape[];
  /** Compiles regions of a sequence's blocks, which then run in its second run; see {@link ColdCpu.runSequence}. */
  readonly withHotTier?: boolean;
  /** Regions compiled together; default 1. */
  readonly batchRegions?: number;
  /** Of a sequence's blocks the first and one in so many may become a region; default 1: all. */
  readonly offerShare?: number;
}

/** How a case went whose instruction has a region; neither: it has none, the whole form is the cold tier's. */
export interface RegionRun {
  /** The region did the instruction. */
  readonly hot: ExecutionResult | null;
  /** The region left at the instruction, and the cold tier did it. */
  readonly left: ExecutionResult | null;
}

/** Instructions after which a region that waits for company is compiled alone. */
const LONG_WAIT = 100_000_000;
/** Executions before a block is hot, where the hot tier takes part: the second run of a sequence is hot. */
const HOT_THRESHOLD = 1;

export class ColdCpu {
  readonly core: Core;
  readonly #machine: UserMachine;
  readonly #blocks: BlockCache;
  readonly #translator: Translator;
  readonly #imports: WebAssembly.Imports;
  readonly #hot: HotTier;
  readonly #modes = new Map<number, ModeHandlers>();
  readonly #inline: (mode: Mode) => readonly Shape[];
  #current: ModeHandlers | undefined;
  #input: NativeCase | undefined;
  #limit = 1;
  #lookups = 0;
  #stopped = false;
  #offered = 0;

  constructor(options: ColdOptions) {
    const { inline = 'hot' } = options;
    this.#inline = inline === 'hot' ? inlineForms : inline === 'none' ? () => [] : () => inline;
    let blocks: BlockCache | undefined;
    const extraBytes = JUMP_CACHE_SIZE + BLOCK_BYTES;
    this.#machine = new UserMachine({
      bits: options.bits,
      extraBytes,
      watch: (memory) => {
        blocks = new BlockCache(memory, BLOCKS, BLOCKS + BLOCK_BYTES);
        return blocks;
      },
    });
    this.#blocks = blocks as unknown as BlockCache;
    this.core = this.#machine.core;
    this.#blocks.attach(this.core.tlb);
    this.#blocks.onClear(() => this.core.forgetJumps());
    const gate = FeatureGate.all();
    this.#translator = new Translator(this.core, this.#blocks, gate);
    const regions = new RegionTable();
    regions.jumpCaches.add(new JumpCache(this.core.state, FREE));
    this.#hot = new HotTier({
      current: () => this.core,
      blocks: this.#blocks,
      regions,
      gate,
      handlersOf: (modeClass) => this.#handlers(modeClass),
      threshold: options.withHotTier ? HOT_THRESHOLD : Infinity,
      batchRegions: options.batchRegions ?? 1,
    });
    if (options.withHotTier) this.#blocks.regions = this.#hot;
    const { offerShare = 1 } = options;
    const becameHot = (rec: number): void => {
      if (this.#offered++ % offerShare === 0) this.#hot.offer(rec);
    };
    this.#imports = coldImports(
      this.core.state.memory,
      regions,
      () => this.core,
      () => this.#lookup(),
      becameHot,
      (rec) => this.#hot.isolate(rec),
    );
  }

  /** Sets LDT entry `index`, as NativeOracle.setDescriptor does. */
  setDescriptor(index: number, descriptor: LdtDescriptor): void {
    this.#machine.setDescriptor(index, descriptor);
  }

  /** Runs the case's one instruction (all iterations of a repeated one, or as many as it has steps). */
  run(input: NativeCase): ExecutionResult {
    this.#load(input, 1);
    return this.#runOne(input);
  }

  #runOne(input: NativeCase): ExecutionResult {
    const { state } = this.core;
    state.set(L.MODE_KEY, state.get(L.MODE_KEY) | MODE_STEP);
    if (input.steps === 0) return this.#machine.result(input, this.#go(BUDGET));
    for (let n = 0; n < input.steps; n++) {
      this.#lookups = 0;
      const outcome = this.#go(1);
      if (outcome === 'fault') return this.#machine.result(input, 'fault');
    }
    return this.#machine.result(input, 'stepped');
  }

  /** Regions that the hot tier has compiled. */
  get compiledRegions(): number {
    return this.#hot.counters.compiled;
  }

  /** Blocks that the cold tier has decoded. */
  get translatedBlocks(): number {
    return this.#blocks.translated;
  }
  /** The machine that it runs on. */
  get machine(): UserMachine {
    return this.#machine;
  }

  /**
   * Runs the case's code, in whole blocks, to the INT3 behind it (or to wherever it faults). With the hot tier, runs it twice from
   * the same state: what the first run has compiled runs in the second, whose result is given.
   * @param layout its pages
   * @param trained those of the first run, if they are others; with them there are two runs without the hot tier too
   */
  runSequence(input: NativeCase, layout?: MemoryLayout, trained?: MemoryLayout): ExecutionResult {
    const isHot = this.#blocks.heat === HOT_THRESHOLD;
    this.#offered = 0;
    this.#loadNew(input, trained ?? layout);
    if (isHot || trained) {
      this.#runBlocks(input);
      this.#compileWaiting();
      this.#loadAgain(input, layout);
    }
    return this.#runBlocks(input);
  }

  /**
   * Has the regions of these cases' instructions compiled; the library keeps them.
   * @param inputs at most eight: of regions that begin alike it keeps no more
   */
  compileRegions(inputs: readonly NativeCase[]): void {
    for (const input of inputs) this.#offer(input);
    this.#compileWaiting();
  }
  /** Whatever waits for others is compiled when that much has been executed meanwhile. */
  #compileWaiting(): void {
    this.#hot.tick(LONG_WAIT, 0);
    this.#hot.tick(LONG_WAIT, 0);
  }

  /** Runs the case's one instruction in its region, which {@link ColdCpu.compileRegions} has seen to. */
  runRegion(input: NativeCase): RegionRun {
    const none = { hot: null, left: null };
    if (input.steps > 0) return none;
    const rec = this.#offer(input);
    if (rec === 0 || !this.#blocks.isHot(rec)) return none;
    let left: ExecutionResult | null = null;
    // What misses the TLB is left to the cold tier, and that one fills it.
    for (let attempt = 0; attempt < 2; attempt++) {
      this.#load(input, MAX_BLOCK_INSTRUCTIONS);
      // Less than the entry and the instruction cost: the slice ends where the region does.
      const outcome = this.#go(1);
      if (this.core.state.rip !== input.rip)
        return { hot: this.#machine.result(input, outcome), left };
      this.#limit = 1;
      this.#lookups = 0;
      left = this.#runOne(input);
    }
    return { hot: null, left };
  }

  /** Loads a case whose code is new, and offers its block to the hot tier; the block, or 0. */
  #offer(input: NativeCase): number {
    this.#loadNew(input);
    const { state } = this.core;
    const modeClass = state.get(L.MODE_KEY) & MODE_CLASS_MASK;
    const handlers = this.#handlers(modeClass);
    const rec = this.#translator.block(handlers, modeClass, MAX_BLOCK_INSTRUCTIONS);
    if (rec === 0) return 0;
    state.set64(L.BLOCK_RIP, state.rip);
    this.#hot.offer(rec);
    return rec;
  }

  #loadNew(input: NativeCase, layout?: MemoryLayout): void {
    this.#load(input, MAX_BLOCK_INSTRUCTIONS, layout);
    // The code was written behind the CPU's back.
    const { frames } = this.#machine;
    this.#blocks.written(frames.byteOffset, frames.length);
    this.core.forgetJumps();
  }
  /** Loads a case that has just run: only what that has changed is new. */
  #loadAgain(input: NativeCase, layout?: MemoryLayout): void {
    const before = this.#machine.frames.slice();
    this.#load(input, MAX_BLOCK_INSTRUCTIONS, layout);
    const { frames } = this.#machine;
    for (const { offset, bytes } of windowChanges(before, frames))
      this.#blocks.written(frames.byteOffset + offset, bytes.length);
  }

  #runBlocks(input: NativeCase): ExecutionResult {
    const { state } = this.core;
    // After some instructions (POPF) the CPU looks at what is pending, as often as they are executed.
    for (let n = 0; n < MAX_SEQUENCE; n++) {
      const outcome = this.#go(BUDGET);
      if (outcome !== 'completed' || state.get(L.CPL) !== 3)
        return this.#machine.result(input, outcome);
    }
    return this.#machine.result(input, 'timeout');
  }

  #load(input: NativeCase, limit: number, layout?: MemoryLayout): void {
    this.#machine.load(input, layout);
    this.core.state.set(L.JUMP_CACHE, FREE);
    this.#input = input;
    this.#limit = limit;
    this.#lookups = 0;
    this.#stopped = false;
  }

  #go(budget: number): Outcome {
    const { state } = this.core;
    state.set(L.BUDGET, budget);
    const handlers = this.#handlers(state.get(L.MODE_KEY) & MODE_CLASS_MASK);
    this.#current = handlers;
    const exit = handlers.run(STATE_BASE);
    state.set(L.PENDING, 0);
    if (exit === EXIT_FAULT && !this.#stopped) return 'fault';
    if (exit === EXIT_BUDGET && budget > 1) return 'timeout';
    return this.#machine.canFetch() ? 'completed' : 'fault';
  }

  #handlers(modeClass: number): ModeHandlers {
    let handlers = this.#modes.get(modeClass);
    if (!handlers) {
      const mode = Core.modeOf(modeClass);
      handlers = new ModeHandlers(mode, this.#imports, { inline: this.#inline(mode) });
      this.#modes.set(modeClass, handlers);
      this.#blocks.recordSizes[modeClass] = handlers.sizes;
    }
    return handlers;
  }

  /** The block at rIP, or 0 with {@link ColdCpu.#stopped} set once the case's instruction is done. */
  #lookup(): number {
    const { state } = this.core;
    const input = this.#input as NativeCase;
    if (this.#limit === 1 && this.#lookups++ > 0 && (input.steps > 0 || !this.#repeats(input))) {
      this.#stopped = true;
      return 0;
    }
    const modeClass = state.get(L.MODE_KEY) & MODE_CLASS_MASK;
    const rec = this.#translator.block(this.#current as ModeHandlers, modeClass, this.#limit);
    if (rec !== 0) this.#hot.confirm(rec, this.core.codeLinear(state.rip));
    return rec;
  }

  /** Is rIP at the case's own instruction, because a repeated one left in the middle? */
  #repeats(input: NativeCase): boolean {
    const prefixes = input.code.subarray(0, Math.max(1, input.code.length - 1));
    return (
      this.core.state.rip === input.rip && (prefixes.includes(0xf2) || prefixes.includes(0xf3))
    );
  }
}
