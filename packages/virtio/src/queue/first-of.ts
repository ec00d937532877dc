// firstOf: the oldest element of a set.

/** What was added to a set before all that is in it; null if it is empty. */
export function firstOf<T>(set: ReadonlySet<T>): T | null {
  for (const first of set) return first;
  return null;
}
