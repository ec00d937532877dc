// Sequence numbers of TCP: 32 bits that wrap; which of two is later is the sign of their difference. RFC 9293 §3.4.

/** How far `a` is after `b`: negative if it is before. */
export function sequenceDistance(a: number, b: number): number {
  return (a - b) | 0;
}

/** `sequence` moved on by `count` (which may be negative). */
export function sequenceAfter(sequence: number, count: number): number {
  return (sequence + count) >>> 0;
}
