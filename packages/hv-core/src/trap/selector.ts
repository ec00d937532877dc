// Selectors a guest gives for its kernel: their RPL is at least the kernel's ring, 1 of a 32-bit guest and 3 of a 64-bit one.

/** The selector as it is used: RPL raised to the kernel's ring. */
export function fixSelector(selector: number, word: 32 | 64): number {
  const level = word === 32 ? 1 : 3;
  return (selector & 3) >= level ? selector : (selector & ~3) | level;
}
