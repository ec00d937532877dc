// What a region was compiled from: by this it is found again.

/** What a region's code is. */
export interface RegionCode {
  readonly modeClass: number;
  /** Offset of the entry in its page. */
  readonly entry: number;
  /** {@link firstBytes} at the entry. */
  readonly first: number;
  /** Runs of bytes [from, to), counted from the start of the entry's page, as pairs. */
  readonly runs: readonly number[];
  /** Where its lone instructions start, counted alike. */
  readonly lone: readonly number[];
  /** The bytes of all runs. */
  readonly bytes: Uint8Array;
  readonly instructions: number;
}

/** Up to four bytes at `at`, none of the next page. */
export function firstBytes(bytes: Uint8Array, at: number): number {
  let first = 0;
  const end = Math.min(at + 4, at - (at % 4096) + 4096);
  for (let i = at; i < end; i++) first = (first << 8) | bytes[i];
  return first;
}

/** Is the byte at an offset from the start of the entry's page in one of the runs? */
export function isCodeAt(runs: readonly number[], at: number): boolean {
  for (let i = 0; i < runs.length; i += 2) if (at >= runs[i] && at < runs[i + 1]) return true;
  return false;
}
