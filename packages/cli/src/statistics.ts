// `--stats`: what a guest's CPUs did, and where the time went, when it has ended.
import type { MachineStatistics } from '@proxeny/machine/pc';

/** The choices of `--stats`. */
export const statisticsFormats = ['text', 'json'] as const;

export function statisticsText(statistics: MachineStatistics, format: string): string {
  if (format === 'json') return JSON.stringify({ apiVersion: 1, ...statistics });
  return Object.entries(statistics)
    .filter(([, value]) => typeof value === 'number' || Object.keys(value).length > 0)
    .map(([group, value]) =>
      typeof value === 'number'
        ? `${group.padEnd(13)}${value}`
        : `${group.padEnd(13)}${Object.entries(value)
            .map(([key, n]) => `${key} ${n}`)
            .join(', ')}`,
    )
    .join('\n');
}
