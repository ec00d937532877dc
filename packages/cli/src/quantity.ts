// Numbers with units as options take them: sizes (`256M`), durations (`60s`), addresses and counts (`0x7c00`).
import { usageError } from './command-error.js';

const sizeUnits: Readonly<Record<string, number>> = { k: 1024, m: 1024 ** 2, g: 1024 ** 3 };
const durationUnits: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
/** The longest time that a timer of the host can wait. */
const MAX_DURATION_MS = 2 ** 31 - 1;

/**
 * A size in bytes: `256M`, `1.5G`, `262144K`, also `MB` or `MiB`; all are powers of 1024.
 * @throws CommandError with a precise reason; `option` names where the text stood
 */
export function parseSize(text: string, option: string): number {
  const match = /^(-?\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  if (!match) throw usageError(`${option} '${text}' is not a size; write it like 256M or 1G`);
  const [, digits = '', suffix = ''] = match;
  if (suffix === '')
    throw usageError(`${option} '${text}' has no unit; write ${digits}M or ${digits}K`);
  const unit = sizeUnits[/^([kmg])(i?b)?$/i.exec(suffix)?.[1]?.toLowerCase() ?? ''];
  if (unit === undefined)
    throw usageError(`${option} '${text}': unknown unit '${suffix}'; use K, M or G`);
  const byteLength = Number(digits) * unit;
  if (!Number.isSafeInteger(byteLength))
    throw usageError(`${option} '${text}' is no whole number of bytes`);
  return byteLength;
}

/**
 * A duration in milliseconds: `500ms`, `60s`, `2m`, `1h`; a bare number means seconds.
 * @throws CommandError
 */
export function parseDuration(text: string, option: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)?$/.exec(text.trim());
  if (!match)
    throw usageError(`${option} '${text}' is not a duration; write it like 60s, 500ms or 2m`);
  const durationMs = Number(match[1]) * durationUnits[match[2] ?? 's'];
  if (durationMs <= 0) throw usageError(`${option} '${text}' must be more than 0`);
  if (durationMs > MAX_DURATION_MS) throw usageError(`${option} '${text}' is longer than 24 days`);
  return Math.ceil(durationMs);
}

/**
 * A count, decimal or hexadecimal (`0x…`), from 0 to 2^53 − 1.
 * @throws CommandError
 */
export function parseCount(text: string, option: string): number {
  const value = /^(\d+|0x[\da-f]+)$/i.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw usageError(`${option} '${text}' is not a number`);
  return value;
}

/**
 * An address of up to 64 bits, decimal or hexadecimal (`0x…`).
 * @throws CommandError
 */
export function parseAddress(text: string, option: string): bigint {
  if (!/^(\d+|0x[\da-f]+)$/i.test(text))
    throw usageError(`${option} '${text}' is not an address; write it like 0x7c00`);
  const value = BigInt(text);
  if (value >= 1n << 64n) throw usageError(`${option} '${text}' is wider than 64 bits`);
  return value;
}
