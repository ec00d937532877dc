// StateReader: reads the plain data of a snapshot as untrusted, one named field at a time.
// Use: read every field into locals first, then assign, so a bad state changes nothing.

/** Checks and reads the fields of one saved state; every error names the device and the field. */
export class StateReader {
  readonly #what: string;
  readonly #fields: Readonly<Record<string, unknown>>;

  /** `what` names the device in errors; `state` must be a plain object whose `version` is `version`. */
  constructor(what: string, state: unknown, version: number) {
    if (typeof state !== 'object' || state === null || Array.isArray(state)) {
      throw new TypeError(`${what}: a saved state must be an object, got ${describe(state)}`);
    }
    this.#what = what;
    this.#fields = state as Record<string, unknown>;
    const found = this.#field('version');
    if (found !== version) {
      throw new RangeError(
        `${what}: saved state has version ${describe(found)}, this program reads version ${version}`,
      );
    }
  }

  /** An integer in `min..max`, both included. */
  integer(name: string, min: number, max: number): number {
    const value = this.#field(name);
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
      this.#fail(name, `an integer in ${min}..${max}`, value);
    }
    return value;
  }

  u8(name: string): number {
    return this.integer(name, 0, 0xff);
  }

  u16(name: string): number {
    return this.integer(name, 0, 0xffff);
  }

  u32(name: string): number {
    return this.integer(name, 0, 0xffffffff);
  }

  boolean(name: string): boolean {
    const value = this.#field(name);
    if (typeof value !== 'boolean') this.#fail(name, 'a boolean', value);
    return value;
  }

  /** A finite double (times and time offsets). */
  finite(name: string): number {
    const value = this.#field(name);
    if (typeof value !== 'number' || !Number.isFinite(value)) {
      this.#fail(name, 'a finite number', value);
    }
    return value;
  }

  /** One of the given strings or numbers. */
  oneOf<const T extends string | number>(name: string, choices: readonly T[]): T {
    const value = this.#field(name);
    if (!choices.includes(value as T)) this.#fail(name, `one of ${choices.join(', ')}`, value);
    return value as T;
  }

  /** A new array of integers, each in `min..max`, of `minCount..maxCount` elements (a Uint8Array is taken too). */
  integers(name: string, min: number, max: number, minCount: number, maxCount: number): number[] {
    const value = this.#field(name);
    const list: unknown = value instanceof Uint8Array ? Array.from(value) : value;
    if (!Array.isArray(list) || list.length < minCount || list.length > maxCount) {
      this.#fail(name, `an array of ${minCount}..${maxCount} integers`, value);
    }
    for (let i = 0; i < list.length; i++) {
      const element: unknown = list[i];
      if (!Number.isInteger(element) || (element as number) < min || (element as number) > max) {
        this.#fail(`${name}[${i}]`, `an integer in ${min}..${max}`, element);
      }
    }
    return (list as number[]).slice();
  }

  /** A new array of bytes. */
  bytes(name: string, minCount: number, maxCount: number): number[] {
    return this.integers(name, 0, 0xff, minCount, maxCount);
  }

  /** The elements of an array of exactly `count` states, unchecked: hand each to its own reader. */
  states(name: string, count: number): readonly unknown[] {
    const value = this.#field(name);
    if (!Array.isArray(value) || value.length !== count) {
      this.#fail(name, `an array of ${count} states`, value);
    }
    return value;
  }

  /** Throws the error for a field whose value contradicts another one. */
  reject(name: string, expected: string): never {
    this.#fail(name, expected, this.#field(name));
  }

  #field(name: string): unknown {
    return Object.hasOwn(this.#fields, name) ? this.#fields[name] : undefined;
  }

  #fail(name: string, expected: string, value: unknown): never {
    throw new RangeError(
      `${this.#what}: saved state is damaged: ${name} must be ${expected}, got ${describe(value)}`,
    );
  }
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 40));
  if (typeof value === 'object' && value !== null)
    return Array.isArray(value) ? 'an array' : 'an object';
  return String(value);
}
