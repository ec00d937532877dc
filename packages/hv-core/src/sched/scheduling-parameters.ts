// What a domain is entitled to: the numbers `xl sched-credit2` sets, and what it used.

/** Default weight of a domain. */
export const DEFAULT_WEIGHT = 256;

/** One domain's share; all its vCPUs use it together. */
export class SchedulingParameters {
  /** Relative to other domains', 1 to 65535. */
  weight: number = DEFAULT_WEIGHT;
  /** Percent of one CPU the domain gets at most; 0: no cap. */
  capPercent = 0;
  /** Instructions its vCPUs have run. */
  instructions = 0;
  /** Time its vCPUs have run. */
  runNs = 0;
  /** Of the current cap period: what is left, and when it began. */
  capLeftNs = 0;
  capPeriodStartNs = Number.NEGATIVE_INFINITY;
}
