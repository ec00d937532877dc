// Times of files: nanoseconds since 1970 in one number, or seconds and what is above them.
const NS_PER_S = 1_000_000_000n;

/** Nanoseconds above the second; not negative, before 1970 either. */
export function nanosecondsOf(timeNs: bigint): bigint {
  const rest = timeNs % NS_PER_S;
  return rest < 0n ? rest + NS_PER_S : rest;
}

export function secondsOf(timeNs: bigint): bigint {
  return (timeNs - nanosecondsOf(timeNs)) / NS_PER_S;
}
