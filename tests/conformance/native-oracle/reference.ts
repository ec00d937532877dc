// The reference evaluator as an emulated counterpart of the native oracle: from NativeCase to ExecutionResult, on a UserMachine.
//
// Semantics and routines are the joined tables', or given by the caller, so a family can be tested alone.
import { Core, type Routine } from '../../../packages/vcpu-x86/src/core.js';
import { CPU_FAULT } from '../../../packages/vcpu-x86/src/fault.js';
import { Builder } from '../../../packages/vcpu-x86/src/ir/builder.js';
import { type EvaluateContext, evaluate } from '../../../packages/vcpu-x86/src/ir/evaluate.js';
import type { Node } from '../../../packages/vcpu-x86/src/ir/node.js';
import {
  DECODE_TOO_LONG,
  DECODE_TRUNCATED,
  decode,
} from '../../../packages/vcpu-x86/src/isa/decode.js';
import { type CodeBits, Instruction } from '../../../packages/vcpu-x86/src/isa/instruction.js';
import { routines as allRoutines } from '../../../packages/vcpu-x86/src/routines/table.js';
import { boundBinding } from '../../../packages/vcpu-x86/src/semantics/binding.js';
import { Operands, type Semantics } from '../../../packages/vcpu-x86/src/semantics/operands.js';
import { bindFields, Fields, shapeOf } from '../../../packages/vcpu-x86/src/semantics/shape.js';
import { semantics as allSemantics } from '../../../packages/vcpu-x86/src/semantics/table.js';
import * as L from '../../../packages/vcpu-x86/src/state/layout.js';
import type { ExecutionResult, LdtDescriptor, NativeCase, Outcome } from './protocol.js';
import { UserMachine } from './user-machine.js';
import type { MemoryLayout } from './user-mode-tables.js';

const MAX_ITERATIONS = 1 << 17;
/** Instructions of a sequence: one that has not ended by then goes round in circles. */
export const MAX_SEQUENCE: number = 1 << 13;

export interface ReferenceOptions {
  /** Code size of CS; 16 needs an LDT code segment (see {@link ReferenceCpu.setDescriptor}). */
  readonly bits: CodeBits;
  readonly semantics?: Readonly<Record<string, Semantics>>;
  readonly routines?: Readonly<Record<string, Routine>>;
}

/** The mnemonic has no semantics in the record given. */
export class NoSemantics extends Error {
  override name = 'NoSemantics';
}

/** One emulated CPU; every {@link run} starts from the case's state alone. */
export class ReferenceCpu {
  readonly core: Core;
  readonly #machine: UserMachine;
  readonly #semantics: Readonly<Record<string, Semantics>>;
  readonly #routines: Readonly<Record<string, Routine>>;
  readonly #bits: CodeBits;
  readonly #instruction = new Instruction();
  readonly #fields = new Fields();

  constructor(options: ReferenceOptions) {
    this.#machine = new UserMachine(options);
    this.core = this.#machine.core;
    this.#semantics = options.semantics ?? allSemantics;
    this.#routines = options.routines ?? allRoutines;
    this.#bits = options.bits;
  }

  /** Sets LDT entry `index`, as NativeOracle.setDescriptor does. */
  setDescriptor(index: number, descriptor: LdtDescriptor): void {
    this.#machine.setDescriptor(index, descriptor);
  }

  /**
   * Runs the case's one instruction.
   * @throws NoSemantics when the instruction's mnemonic is not in the record
   */
  run(input: NativeCase): ExecutionResult {
    this.#load(input);
    return this.#machine.result(input, this.#execute(input));
  }

  /** Runs the case's code, instruction by instruction as they lie in memory, to the INT3 behind it (or to wherever it faults). */
  runSequence(input: NativeCase, layout?: MemoryLayout): ExecutionResult {
    const { state } = this.core;
    this.#load(input, layout);
    for (let n = 0; n < MAX_SEQUENCE; n++) {
      if (state.get(L.CPL) !== 3) return this.#machine.result(input, 'completed');
      if (this.#fetchAndStep() === 'fault') return this.#machine.result(input, 'fault');
    }
    return this.#machine.result(input, 'timeout');
  }

  /** The machine that it runs on. */
  get machine(): UserMachine {
    return this.#machine;
  }

  #load(input: NativeCase, layout?: MemoryLayout): void {
    this.#machine.load(input, layout);
    // Repeated string instructions stop between iterations when the budget is spent: a single step is one iteration.
    this.core.state.set(L.BUDGET, input.steps > 0 ? 0 : 1 << 20);
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
      const repeats =
        outcome === 'jump' && state.rip === input.rip && this.#instruction.repeat !== 0;
      if (!repeats) return this.#machine.canFetch() ? 'completed' : 'fault';
    }
    return 'timeout';
  }

  #step({ code, rip }: NativeCase): 'next' | 'jump' | 'fault' {
    const offset = this.core.state.rip - rip;
    return this.#perform(decode(code, offset, code.length, this.#bits, null, this.#instruction));
  }

  /** The instruction at rIP as it lies in memory now, which may be on two pages. */
  #fetchAndStep(): 'next' | 'jump' | 'fault' {
    const { core } = this;
    const { u8 } = core.state;
    const linear = core.codeLinear(core.state.rip);
    const at = this.#translate(linear);
    if (at < 0) return 'fault';
    const here = 4096 - (at & 4095);
    const length = decode(u8, at, at + here, this.#bits, null, this.#instruction);
    if (length !== DECODE_TRUNCATED) return this.#perform(length);
    const next = this.#translate(core.mmu.wrap(linear + here));
    if (next < 0) return 'fault';
    const bytes = Uint8Array.from(
      { length: 16 },
      (_, i) => u8[i < here ? at + i : next + i - here],
    );
    return this.#perform(decode(bytes, 0, 16, this.#bits, null, this.#instruction));
  }
  #translate(linear: number): number {
    const { mmu, state } = this.core;
    const at = mmu.translateCode(linear, true);
    if (at === -2) state.fault(6, -1);
    return at;
  }

  /** Executes what was decoded; `length`: decode's answer. */
  #perform(length: number): 'next' | 'jump' | 'fault' {
    const { core } = this;
    const { state } = core;
    const rip = state.rip;
    const isBeyond = !core.mmu.longMode && rip + length - 1 > state.segmentLimit(L.CS);
    if (length <= 0 || isBeyond) {
      if (isBeyond || length === DECODE_TOO_LONG) state.fault(13, 0);
      else state.fault(6, -1);
      return 'fault';
    }
    const { mnemonic } = this.#instruction.row;
    const context: EvaluateContext = {
      state,
      mmu: core.mmu,
      rip,
      nextRip: this.#bits === 64 ? rip + length : (rip + length) % 2 ** 32,
      call: (name, args) => {
        const routine = this.#routines[name];
        if (!routine) throw new NoSemantics(`${mnemonic}: no routine ${name}`);
        try {
          return routine(core, ...args);
        } catch (e) {
          if (e !== CPU_FAULT) throw e;
          return -1;
        }
      },
    };
    return evaluate(this.#program(length), context);
  }

  /** The IR of the decoded instruction with its operands bound. */
  #program(length: number): readonly Node[] {
    const { mnemonic } = this.#instruction.row;
    const meaning = Object.hasOwn(this.#semantics, mnemonic)
      ? this.#semantics[mnemonic]
      : undefined;
    if (!meaning) throw new NoSemantics(`${mnemonic} has no semantics`);
    const mode = Core.modeOf(this.core.state.get(L.MODE_KEY));
    bindFields(this.#instruction, mode, this.#fields, length);
    const b = new Builder();
    const shape = shapeOf(this.#instruction, mode);
    meaning(b, new Operands(b, shape, boundBinding(this.#fields, length)));
    return b.statements;
  }
}
