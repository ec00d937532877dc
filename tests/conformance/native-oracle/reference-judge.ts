// The reference evaluator in the host's place, for modes that the host cannot judge: asked as a NativeOracle is.
import type { CodeBits } from '../../../packages/vcpu-x86/src/isa/instruction.js';
import type { ExecutionResult, LdtDescriptor, NativeCase } from './protocol.js';
import { ReferenceCpu } from './reference.js';

/** Whoever says what a case has to come to; a NativeOracle is one. */
export interface Judge {
  /** Sets LDT entry `index` for the following cases. */
  setDescriptor(index: number, descriptor: LdtDescriptor): void;
  /** Runs each case once, in order. */
  run(cases: readonly NativeCase[]): Promise<readonly ExecutionResult[]>;
  close(): Promise<void>;
}

export class ReferenceJudge implements Judge {
  readonly #cpu: ReferenceCpu;

  /** @param bits code size of CS; 16 needs an LDT code segment */
  constructor(bits: CodeBits) {
    this.#cpu = new ReferenceCpu({ bits });
  }

  setDescriptor(index: number, descriptor: LdtDescriptor): void {
    this.#cpu.setDescriptor(index, descriptor);
  }

  async run(cases: readonly NativeCase[]): Promise<readonly ExecutionResult[]> {
    return cases.map((input) => this.#cpu.run(input));
  }

  async close(): Promise<void> {}
}
