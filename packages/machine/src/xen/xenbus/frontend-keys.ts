// What a front-end wrote into its directory: text from a guest, to be read with care.
import type { BackendStore } from '../backend-store.js';

/** A decimal number of 32 bits, or null for anything else. */
export function decimal(text: string | null): number | null {
  if (text === null || !/^\d{1,10}$/.test(text)) return null;
  const value = Number(text);
  return value <= 0xffff_ffff ? value : null;
}

export class FrontendKeys {
  readonly #store: BackendStore;
  readonly #path: string;

  /** @param path the directory, without a slash at its end. */
  constructor(store: BackendStore, path: string) {
    this.#store = store;
    this.#path = path;
  }

  text(name: string): string | null {
    return this.#store.read(`${this.#path}/${name}`);
  }

  /** Null if it is missing or no number. */
  number(name: string): number | null {
    return decimal(this.text(name));
  }

  /** Whether a feature is there and not 0. */
  has(name: string): boolean {
    return (this.number(name) ?? 0) !== 0;
  }

  /** A directory below. */
  below(name: string): FrontendKeys {
    return new FrontendKeys(this.#store, `${this.#path}/${name}`);
  }
}
