// The reference evaluator as an emulated counterpart of the native oracle: from NativeCase to ExecutionResult, on a UserMachine.
//
// Semantics and routines are the joined tables', or given by the caller, so a family can be tested alone.
import { Core, type Routine } from '../../../packages/vcpu-x86/src/core.js';
import { CPU_FAULT } from '../../../packages/vcpu-x86/src/fault.js';
import { Builder } from '../../../packages/vcpu-x86/src/ir/builder.js';
import { type EvaluateContext, evaluate } from '../../../packages/vcpu-x86/src/ir/evaluate.js';
import type { Node } from '../../../packages/vcpu-x86/src/ir/node.js';
import { DECODE_TOO_LONG, decode } from '../../../packages/vcpu-x86/src/isa/decode.js';
import { type CodeBits, Instruction } from '../../../packages/vcpu-x86/src/isa/instruction.js';
import { routines as allRoutines } from '../../../packages/vcpu-x86/src/routines/table.js';
import { boundBinding } from '../../../packages/vcpu-x86/src/semantics/binding.js';
import { Operands, type Semantics } from '../../../packages/vcpu-x86/src/semantics/operands.js';
import { bindFields, Fields, shapeOf } from '../../../packages/vcpu-x86/src/semantics/shape.js';
import { semantics as allSemantics } from '../../../packages/vcpu-x86/src/semantics/table.js';
import * as L from '../../../packages/vcpu-x86/src/state/layout.js';
import type { ExecutionResult, LdtDescriptor, NativeCase, Outcome } from './protocol.js';
import { UserMachine } from './user-machine.js';

const MAX_ITERATIONS = 1 << 17;

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

  /** Runs the case's code to its end, instruction by instruction. */
  runSequence(input: NativeCase): ExecutionResult {
    const { state } = this.core;
    this.#load(input);
    for (let n = 0; n < MAX_ITERATIONS; n++) {
      const offset = state.rip - input.rip;
      if (offset < 0 || offset >= input.code.length)
        return this.#machine.result(input, 'completed');
      if (this.#step(input) === 'fault') return this.#machine.result(input, 'fault');
    }
    return this.#machine.result(input, 'timeout');
  }

  #load(input: NativeCase): void {
    this.#machine.load(input);
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

  #step(input: NativeCase): 'next' | 'jump' | 'fault' {
    const { core } = this;
    const { state } = core;
    const rip = state.rip;
    const offset = rip - input.rip;
    const length = decode(
      input.code,
      offset,
      input.code.length,
      this.#bits,
      null,
      this.#instruction,
    );
    if (length <= 0) {
      if (length === DECODE_TOO_LONG) state.fault(13, 0);
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
