// Compares forms with the host: cases drawn, run natively, by the reference evaluator, by the cold tier and in hot regions, differences
// collected. Where the host cannot judge, the reference evaluator does, and the tiers have to do exactly as it does.
import { CaseGenerator } from './case-generator.js';
import { ColdCpu } from './cold.js';
import { describeDifference } from './compare.js';
import { NativeOracle } from './driver.js';
import type { OracleForm } from './forms.js';
import { withAccepted } from './host-differences.js';
import { type HostVerdict, hostVerdict } from './host-judge.js';
import { shapesOf } from './inline-shapes.js';
import { descriptors, type OracleMode } from './oracle-modes.js';
import type { ExecutionResult, LdtDescriptor, NativeCase } from './protocol.js';
import { ReferenceCpu } from './reference.js';
import { type Judge, ReferenceJudge } from './reference-judge.js';

/** Whoever executes a case, to be compared with the judge. */
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
  /** One case in so many runs in the hot tier too; default 1: every one. */
  readonly hotShare?: number;
  /** What the host can do; default: as found out. */
  readonly verdict?: HostVerdict;
}

/** Who judges on such a host, in words. */
export const judgeName = ({ cannotJudge }: HostVerdict): string =>
  cannotJudge === undefined ? 'the host' : `the reference evaluator (${cannotJudge})`;

interface JudgedCase {
  readonly form: OracleForm;
  readonly input: NativeCase;
  readonly expected: ExecutionResult;
}

/** What became of a mode's cases in the hot tier. */
export interface HotCounts {
  /** Cases that a region did. */
  cases: number;
  /** Cases that a region left to the cold tier: faults, and values that its fast paths do not take. */
  left: number;
  /** Forms of which it did some case; the others are the cold tier's. */
  readonly forms: Set<OracleForm>;
}

/** Regions compiled together; the library keeps no more that begin alike. */
const HOT_BATCH = 8;
const HOT_OPTIONS = { withHotTier: true, batchRegions: HOT_BATCH };

/** Compares the forms of one mode; open one, use it, close it. */
export class OracleRun {
  readonly mode: OracleMode;
  readonly #judge: Judge;
  readonly #isHost: boolean;
  readonly #tiers: Map<string, EmulatedCpu>;
  /** Null: code in segments that are not flat has no regions. */
  readonly #hot: ColdCpu | null;
  readonly #options: OracleRunOptions;
  /** How the judge's runs ended, counted. */
  readonly ends = new Map<string, number>();
  cases = 0;
  readonly hot: HotCounts = { cases: 0, left: 0, forms: new Set() };

  private constructor(mode: OracleMode, judge: Judge, options: OracleRunOptions) {
    this.mode = mode;
    this.#judge = judge;
    this.#isHost = judge instanceof NativeOracle;
    this.#options = options;
    const { bits } = mode;
    this.#tiers = new Map<string, EmulatedCpu>();
    if (this.#isHost) this.#tiers.set('reference', new ReferenceCpu({ bits }));
    this.#tiers.set('cold', new ColdCpu({ bits }));
    this.#hot = mode.dataBase === 0 ? new ColdCpu({ ...HOT_OPTIONS, bits }) : null;
    const cpus = [judge, ...this.#tiers.values()];
    for (const cpu of this.#hot ? [...cpus, this.#hot] : cpus) this.#describe(cpu);
  }

  /** @throws NativeOracleUnavailable when the harness cannot be built or started */
  static async open(mode: OracleMode, options: OracleRunOptions): Promise<OracleRun> {
    const { cannotJudge } = options.verdict ?? (await hostVerdict(mode.harness));
    const judge =
      cannotJudge === undefined
        ? await NativeOracle.open({ bits: mode.harness })
        : new ReferenceJudge(mode.bits);
    return new OracleRun(mode, judge, options);
  }

  #describe(cpu: Pick<EmulatedCpu, 'setDescriptor'>): void {
    if (this.mode.segments) descriptors.forEach((d, i) => void cpu.setDescriptor(i, d));
  }

  close(): Promise<void> {
    return this.#judge.close();
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
      const results = await this.#judge.run(batch.map(({ input }) => input));
      batch.forEach(({ form, input }, i) => {
        this.#check(form, input, results[i], count, failures);
      });
      const { hotShare = 1 } = this.#options;
      const judged = batch
        .map((drawn, i) => ({ ...drawn, expected: results[i] }))
        .filter((_, i) => i % hotShare === 0);
      for (let i = 0; i < judged.length; i += HOT_BATCH)
        this.#checkHot(judged.slice(i, i + HOT_BATCH), count, failures);
      this.cases += batch.length;
    }
    return failures;
  }

  #checkHot(batch: readonly JudgedCase[], cases: number, failures: FormFailure[]): void {
    const cpu = this.#hot;
    if (!cpu) return;
    cpu.compileRegions(batch.map(({ input }) => input));
    batch.forEach(({ form, input, expected }) => {
      const { hot, left } = cpu.runRegion(input);
      for (const [tier, result] of Object.entries({ hot, 'hot, left': left })) {
        if (!result) continue;
        const text = this.#difference(form, input, expected, () => result);
        if (text !== undefined) note(failures, { form, tier, cases, differing: 1, text });
      }
      if (hot) {
        this.hot.cases++;
        this.hot.forms.add(form);
      } else if (left) this.hot.left++;
    });
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
    expected: ExecutionResult,
    cases: number,
    failures: FormFailure[],
  ): void {
    const end = expected.vector >= 0 ? `vector ${expected.vector}` : expected.outcome;
    this.ends.set(end, (this.ends.get(end) ?? 0) + 1);
    for (const [tier, cpu] of this.#tiers) {
      const text = this.#difference(form, input, expected, () => cpu.run(input));
      if (text !== undefined) note(failures, { form, tier, cases, differing: 1, text });
    }
  }

  #difference(
    form: OracleForm,
    input: NativeCase,
    expected: ExecutionResult,
    run: () => ExecutionResult,
  ): string | undefined {
    let emulated: ExecutionResult;
    try {
      emulated = run();
    } catch (error) {
      return `${form.name}: ${(error as Error).stack}`;
    }
    const { bits } = this.mode;
    // Nothing is undefined between tiers: the reference stands where the host's result usually does.
    if (!this.#isHost) return describeDifference(form.name, input, expected, emulated, { bits });
    const accepted = withAccepted(form, input, expected, emulated);
    const undefinedFlags = form.form.row.flagsUndefined;
    return describeDifference(form.name, input, accepted, emulated, { bits, undefinedFlags });
  }
}

function note(failures: FormFailure[], failure: FormFailure): void {
  const known = failures.find((f) => f.form === failure.form && f.tier === failure.tier);
  if (known) known.differing++;
  else failures.push(failure);
}
