// Canonical addresses, by their upper half.

/** Whether 64 bits with this upper half are a linear address: bits 47 to 63 all alike. SDM vol. 1 §3.3.7.1. */
export function isCanonical(high: number): boolean {
  const top = (high | 0) >> 15;
  return top === 0 || top === -1;
}
