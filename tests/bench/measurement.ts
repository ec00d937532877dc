// One measured operation and the table of them: medians of mitata's samples, divided by the work of a call.
import { measure } from 'mitata';

export interface Measurement {
  readonly name: string;
  /** What the time is for one of, "instruction" say. */
  readonly unit: string;
  /** How many of these a call does. */
  readonly count: number;
  /** A promise is waited for. */
  readonly call: () => unknown;
  /** Lets go of what it used. */
  readonly close?: () => Promise<void>;
}

/** Nanoseconds a unit: the median, and the fastest quarter's bound (less disturbed by whatever else the machine does). */
export interface Result {
  readonly name: string;
  readonly unit: string;
  readonly medianNs: number;
  readonly quarterNs: number;
}

export async function measured(m: Measurement): Promise<Result> {
  // What is measured here tiers up in the background: run it first until V8 has had its time.
  const until = performance.now() + 300;
  while (performance.now() < until) await m.call();
  const { p50, p25 } = await measure(m.call, { min_cpu_time: 400e6 });
  return { name: m.name, unit: m.unit, medianNs: p50 / m.count, quarterNs: p25 / m.count };
}

export function tableOf(results: readonly Result[]): string {
  const width = Math.max(...results.map((r) => r.name.length));
  return results
    .map((r) => `${r.name.padEnd(width)} ${r.medianNs.toFixed(2).padStart(9)} ns a ${r.unit}`)
    .join('\n');
}
