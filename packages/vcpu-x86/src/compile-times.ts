// Where the time goes that code generation takes. Whoever wants to know gives a clock; without one nothing is measured.

/** Bytes → instructions; their meaning → IR; IR → WebAssembly; WebAssembly → machine code, by the engine. */
export const compileStages = ['decode', 'ir', 'emit', 'compile'] as const;
export type CompileStage = (typeof compileStages)[number];

export class CompileTimes {
  /** In ms, by stage. */
  readonly ms: Record<CompileStage, number> = { decode: 0, ir: 0, emit: 0, compile: 0 };
  readonly #nowMs: (() => number) | null;
  #stage: CompileStage | null = null;
  #since = 0;

  constructor(nowMs: (() => number) | null = null) {
    this.#nowMs = nowMs;
  }

  /** What is done from now on, null: nothing of it; what was done so far. */
  enter(stage: CompileStage | null): CompileStage | null {
    const before = this.#stage;
    if (!this.#nowMs) return before;
    const now = this.#nowMs();
    if (before) this.ms[before] += now - this.#since;
    this.#stage = stage;
    this.#since = now;
    return before;
  }
}
