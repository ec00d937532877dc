// Comparing sectors in tests: `toEqual` takes seconds for what is compared here in microseconds.

/** The first byte in which two buffers differ, the shorter's end if one is longer, -1 if they are equal. */
export function firstDifference(actual: Uint8Array, expected: Uint8Array): number {
  const shorter = Math.min(actual.byteLength, expected.byteLength);
  for (let at = 0; at < shorter; at++) if (actual[at] !== expected[at]) return at;
  return actual.byteLength === expected.byteLength ? -1 : shorter;
}
