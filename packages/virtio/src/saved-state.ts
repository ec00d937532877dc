// SavedState: reads the plain data of a snapshot as untrusted, one named field at a time. Read every field, then assign: a bad state
// changes nothing.

/** Fields of one saved state. Every method throws a RangeError that names state and field for what `save` could not have returned. */
export class SavedState {
  readonly #what: string;
  readonly #fields: Readonly<Record<string, unknown>>;

  /** @param state an object whose `version` is `version` */
  constructor(what: string, state: unknown, version: number) {
    this.#what = what;
    if (typeof state !== 'object' || state === null || Array.isArray(state))
      throw new RangeError(`${what}: a saved state must be an object`);
    this.#fields = state as Record<string, unknown>;
    if (this.value('version') !== version)
      throw new RangeError(`${what}: this program reads saved states of version ${version}`);
  }

  /** Unchecked: for its own reader. */
  value(name: string): unknown {
    return Object.hasOwn(this.#fields, name) ? this.#fields[name] : undefined;
  }

  /** An integer in `min..max`. */
  integer(name: string, min: number, max: number): number {
    const value = this.value(name);
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max)
      this.reject(name, `an integer in ${min}..${max}`);
    return value;
  }

  boolean(name: string): boolean {
    const value = this.value(name);
    if (typeof value !== 'boolean') this.reject(name, 'a boolean');
    return value;
  }

  /** `minCount..maxCount` elements, unchecked. */
  list(name: string, minCount: number, maxCount: number): readonly unknown[] {
    const value = this.value(name);
    if (!Array.isArray(value) || value.length < minCount || value.length > maxCount)
      this.reject(name, `an array of ${minCount}..${maxCount}`);
    return value;
  }

  /** `minCount..maxCount` integers in `0..max`. */
  integers(name: string, max: number, minCount: number, maxCount: number): number[] {
    const values = this.list(name, minCount, maxCount);
    const isGood = (value: unknown): value is number =>
      Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max;
    if (!values.every(isGood)) this.reject(name, `an array of integers in 0..${max}`);
    return values.slice() as number[];
  }

  /** `byteLength` bytes. */
  bytes(name: string, byteLength: number): Uint8Array {
    const value = this.value(name);
    if (!(value instanceof Uint8Array) || value.byteLength !== byteLength)
      this.reject(name, `${byteLength} bytes`);
    return value;
  }

  reject(name: string, expected: string): never {
    throw new RangeError(`${this.#what}: saved state is damaged: ${name} must be ${expected}`);
  }
}
