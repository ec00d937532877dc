// Errors of the hypervisor's user, and assertions about ourselves. What a guest does wrong is neither: that is a negative errno.

/** The host asked for something that cannot be: the message says what, where and what to do. */
export class HvError extends Error {
  override readonly name = 'HvError';
  /** Stable, for programs: `no-memory`, `no-domain`, `bad-argument`, `exists`. */
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** We are wrong: something that cannot be is so. Kills the domain it happens for, not the process. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** States what must hold here. */
export function assert(condition: boolean, what: string): asserts condition {
  if (!condition) fail(what);
}

/** What `assert` does when it does not hold; for hot code, which must not put a sentence together each time that it does. */
export function fail(what: string): never {
  throw new AssertionError(`hypervisor bug: ${what}`);
}
