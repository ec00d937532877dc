// EmitTarget: what the emitter is told by whoever wants an instruction's code.
import type { FunctionWriter } from './encoder.js';
import type { ModuleWriter } from './module.js';

/** Where an instruction's code goes and how it leaves. */
export interface EmitTarget {
  readonly writer: FunctionWriter;
  readonly module: ModuleWriter;
  /** Locals that hold the state page's address and the record's. */
  readonly state: number;
  readonly record: number;
  /** Routines that have a WebAssembly function in front of them, see fast-name.ts. */
  readonly fastRoutines?: ReadonlySet<string>;
  /** Local that holds the address of the TLB set in use; absent: the state page says. */
  readonly tlbBase?: number;
  /** Leaves with a recorded fault. */
  fault(): void;
  /** Leaves with rIP stored in the state. */
  jump(): void;
  /** Leaves for a target; `target` pushes it (i64). `direct`: always the same target for this record's place in its block. */
  branch(direct: boolean, target: () => void): void;
  /** Stores the next rIP in the state (before a transfer). */
  storeNextRip(): void;
}
