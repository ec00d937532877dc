// Where a guest spends its time, by samples: each slice that ends because its budget was used up says which code ran then, in which
// tier, and stands for its own length.
import { type TierName, tierThatRan, type X86Cpu } from '@proxeny/vcpu-x86';

/** One or more slices that ended at the same place in the same way, one after the other. */
export interface GuestSample {
  /** Linear address of the next instruction, signed canonical. */
  readonly address: number;
  readonly isUser: boolean;
  readonly tier: TierName;
  /** Host time. */
  ms: number;
}

/** More samples are only counted: seven minutes of a guest that never rests. */
const MAX_SAMPLES = 400_000;
const CPL_USER = 3;

export class GuestSampler {
  readonly samples: GuestSample[] = [];
  /** Host time of slices in each tier, by the samples, in ms. */
  readonly tierMs: Record<TierName, number> = { cold: 0, hot: 0 };
  /** Host time of all slices, those that ended early too. */
  runMs = 0;
  /** Time of slices that found no room in {@link samples}. */
  lostMs = 0;
  readonly #keepsSamples: boolean;

  /** @param keepsSamples whether places are wanted, or only tiers */
  constructor(keepsSamples: boolean) {
    this.#keepsSamples = keepsSamples;
  }

  /** A slice has ended. One that ended before its budget says more about devices than about code. */
  sliceEnded(cpu: X86Cpu, ms: number): void {
    this.runMs += ms;
    if (cpu.budgetLeft > 0) return;
    const { state, core, engine } = cpu;
    const tier = tierThatRan(state, engine.blocks);
    this.tierMs[tier] += ms;
    if (!this.#keepsSamples) return;
    const address = core.codeLinear(state.rip);
    const isUser = core.cpl === CPL_USER && !core.guestKernel;
    const last = this.samples.at(-1);
    if (last && last.address === address && last.tier === tier && last.isUser === isUser)
      last.ms += ms;
    else if (this.samples.length >= MAX_SAMPLES) this.lostMs += ms;
    else this.samples.push({ address, isUser, tier, ms });
  }

  /**
   * Host time of the slices, in whole ms: all, of that code generation, and of the rest each tier's part as far as there are samples.
   * @param compileMs what code generation took
   */
  timeMs(compileMs: number): Readonly<Record<string, number>> {
    const { cold, hot } = this.tierMs;
    const run = Math.round(this.runMs);
    const compile = Math.round(compileMs);
    if (cold + hot === 0) return { run, compile };
    const hotMs = Math.round((Math.max(0, run - compile) * hot) / (cold + hot));
    return { run, compile, cold: Math.max(0, run - compile - hotMs), hot: hotMs };
  }
}
