// The time stamp counter (SDM vol. 3B §17.17): guest time times a fixed frequency, plus IA32_TSC_ADJUST; all 64 bits exact.
// @hot
import { type Core, CR4_TSD, type Routine } from '../core.js';
import { GP, raise, UD } from '../fault.js';
import { CPL, CR4, MSR_TSC_ADJUST, SCRATCH } from '../state/layout.js';
import { TSC_HZ } from '../state/system-layout.js';

/** The one place that says how fast the counter runs unless the host sets {@link TSC_HZ}. */
export const DEFAULT_TSC_HZ = 1e9;
const TWO32 = 4294967296;

/** Frequency of this CPU's counter in Hz. */
export function tscHz(core: Core): number {
  const hz = core.state.getF64(TSC_HZ);
  return hz > 0 ? hz : DEFAULT_TSC_HZ;
}
/** Counter without adjustment. */
const rawTsc = (core: Core): number => Math.floor(core.platform.nowNs() * (tscHz(core) / 1e9));

/** Puts the counter in SCRATCH. */
export function tscToScratch(core: Core): void {
  const { state } = core;
  const raw = rawTsc(core);
  const high = Math.floor(raw / TWO32);
  const low = raw - high * TWO32 + state.getU(MSR_TSC_ADJUST);
  const carry = low >= TWO32 ? 1 : 0;
  state.setHalves(SCRATCH, low | 0, (high + state.get(MSR_TSC_ADJUST + 4) + carry) | 0);
}
/** Makes the counter read `low`, `high` now: what a write of IA32_TIME_STAMP_COUNTER does to IA32_TSC_ADJUST. */
export function setTsc(core: Core, low: number, high: number): void {
  const { state } = core;
  const raw = rawTsc(core);
  const rawHigh = Math.floor(raw / TWO32);
  const difference = (low >>> 0) - (raw - rawHigh * TWO32);
  state.setHalves(MSR_TSC_ADJUST, difference | 0, (high - rawHigh - (difference < 0 ? 1 : 0)) | 0);
}

/** RDTSC, RDTSCP: the value goes to SCRATCH. */
const readTimeStamp: Routine = (core) => {
  const { state } = core;
  if (!core.model.features.has('tsc')) raise(state, UD);
  if ((state.get(CR4) & CR4_TSD) !== 0 && state.get(CPL) !== 0) raise(state, GP, 0);
  tscToScratch(core);
  return 0;
};

export const timeRoutines = { readTimeStamp } as const satisfies Record<string, Routine>;
