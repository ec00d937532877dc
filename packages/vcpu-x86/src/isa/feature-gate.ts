// Which rows a CPU model has: what CPUID advertises decides what decodes.
import { type CpuFeature, cpuFeatures } from './row-parser.js';
import { rows } from './table.js';

/** Rows that decode on a CPU with the given features; the others are #UD, or fall back to what older CPUs made of the bytes. */
export class FeatureGate {
  /** 1 by row id where the row exists. */
  readonly allowed: Uint8Array;
  /** Names the set of features: gates of the same name decode alike. */
  readonly name: string;

  constructor(features: Iterable<CpuFeature>) {
    const on = new Set<string>(features);
    this.name = [...on].sort().join(' ');
    this.allowed = Uint8Array.from(rows, (row) =>
      row.feature === '' || on.has(row.feature) ? 1 : 0,
    );
  }

  /** The gate of that {@link name}. */
  static named(name: string): FeatureGate {
    return new FeatureGate(name.split(' ') as Iterable<never>);
  }
  /** Every row there is. */
  static all(): FeatureGate {
    return new FeatureGate(cpuFeatures);
  }
}
