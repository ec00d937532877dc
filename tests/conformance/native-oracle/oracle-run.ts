// Compares forms with the host: cases drawn, run natively, by the reference evaluator and by the cold tier, differences collected.
import { CaseGenerator } from './case-generator.js';
import { ColdCpu } from './cold.js';
import { describeDifference } from './compare.js';
import { NativeOracle } from './driver.js';
import type { OracleForm } from './forms.js';
import { withAccepted } from './host-differences.js';
import { shapesOf } from './inline-shapes.js';
import { descriptors, type OracleMode } from './oracle-modes.js';
import type { ExecutionResult, LdtDescriptor, NativeCase, NativeResult } from './protocol.js';
import { ReferenceCpu } from './reference.js';

/** Whoever executes a case in the host's place. */
export interface EmulatedCpu {
  run(input: NativeCase): ExecutionResult;
  setDescriptor(index: number, descriptor: LdtDescriptor): void;
}

/** What went wrong with one form in one tier: how often, and the first time in full. */
export interface FormFailure {
  readonly form: OracleForm;
  readonly tier: string;
  readonly cases: number;
  differing: number;
  readonly text: string;
}

export interface OracleRunOptions {
  readonly seed: number;
  /** Run each form inline in an interpreter too (default: only those of hot-forms.ts are). */
  readonly inline?: boolean;
}

/** Compares the forms of one mode; open one, use it, close it. */
export class OracleRun {
  readonly mode: OracleMode;
  readonly #oracle: NativeOracle;
  readonly #tiers: Map<string, EmulatedCpu>;
  readonly #options: OracleRunOptions;
  /** How native runs ended, counted. */
  readonly ends = new Map<string, number>();
  cases = 0;

  private constructor(mode: OracleMode, oracle: NativeOracle, options: OracleRunOptions) {
    this.mode = mode;
    this.#oracle = oracle;
    this.#options = options;
    const { bits } = mode;
    this.#tiers = new Map<string, EmulatedCpu>([
      ['reference', new ReferenceCpu({ bits })],
      ['cold', new ColdCpu({ bits })],
    ]);
    for (const cpu of [oracle, ...this.#tiers.values()]) this.#describe(cpu);
  }

  /** @throws NativeOracleUnavailable when the harness cannot run on this host */
  static async open(mode: OracleMode, options: OracleRunOptions): Promise<OracleRun> {
    return new OracleRun(mode, await NativeOracle.open({ bits: mode.harness }), options);
  }

  #describe(cpu: Pick<EmulatedCpu, 'setDescriptor'>): void {
    if (this.mode.segments) descriptors.forEach((d, i) => void cpu.setDescriptor(i, d));
  }

  close(): Promise<void> {
    return this.#oracle.close();
  }

  /** Runs `count` cases of each form. */
  async compare(forms: readonly OracleForm[], count: number): Promise<FormFailure[]> {
    const failures: FormFailure[] = [];
    const { bits, dataBase, codeBase, segments } = this.mode;
    // Several forms at once: a round trip to the harness costs more than a case.
    const together = Math.max(1, Math.floor(2048 / count));
    for (let at = 0; at < forms.length; at += together) {
      const batch = forms.slice(at, at + together).flatMap((form) => {
        const seed = (this.#options.seed + form.form.row.id * 64 + form.form.operandBits) | 0;
        const options = { seed, bits, dataBase, codeBase, ...(segments ? { segments } : {}) };
        const generator = new CaseGenerator(options);
        return generator.take(form, count).map(({ input }) => ({ form, input }));
      });
      if (this.#options.inline) this.#inline(batch.map(({ input }) => input));
      const results = await this.#oracle.run(batch.map(({ input }) => input));
      batch.forEach(({ form, input }, i) => {
        this.#check(form, input, results[i], count, failures);
      });
      this.cases += batch.length;
    }
    return failures;
  }

  /** Makes an interpreter that has all forms of these cases inline. */
  #inline(inputs: readonly NativeCase[]): void {
    const inline = shapesOf(inputs, this.mode);
    const cpu = new ColdCpu({ bits: this.mode.bits, inline });
    this.#describe(cpu);
    this.#tiers.set('cold, inline', cpu);
  }

  #check(
    form: OracleForm,
    input: NativeCase,
    native: NativeResult,
    cases: number,
    failures: FormFailure[],
  ): void {
    const end = native.vector >= 0 ? `vector ${native.vector}` : native.outcome;
    this.ends.set(end, (this.ends.get(end) ?? 0) + 1);
    for (const [tier, cpu] of this.#tiers) {
      const text = this.#difference(form, input, native, cpu);
      if (text === undefined) continue;
      const known = failures.find((f) => f.form === form && f.tier === tier);
      if (known) known.differing++;
      else failures.push({ form, tier, cases, differing: 1, text });
    }
  }

  #difference(
    form: OracleForm,
    input: NativeCase,
    native: NativeResult,
    cpu: EmulatedCpu,
  ): string | undefined {
    let emulated: ExecutionResult;
    try {
      emulated = cpu.run(input);
    } catch (error) {
      return `${form.name}: ${(error as Error).stack}`;
    }
    const accepted = withAccepted(form, input, native, emulated);
    return describeDifference(form.name, input, accepted, emulated, {
      bits: this.mode.bits,
      undefinedFlags: form.form.row.flagsUndefined,
    });
  }
}
