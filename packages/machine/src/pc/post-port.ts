// PostPort: port 0x80, where firmware reports progress and drivers write to wait a microsecond. Claim at port 0x80, 1 port.
import type { PortDevice, Stateful } from '../device.js';
import { StateReader } from '../state-reader.js';

/** Saved state of {@link PostPort}. */
export interface PostPortState {
  readonly version: 1;
  readonly code: number;
}

/** Keeps the last POST code; guests read it back, the host may show it. */
export class PostPort implements PortDevice, Stateful<PostPortState> {
  #code = 0;

  /** The last code written. */
  get code(): number {
    return this.#code;
  }

  readPort(_offset: number, _size: 1 | 2 | 4): number {
    return this.#code;
  }

  writePort(_offset: number, _size: 1 | 2 | 4, value: number): void {
    this.#code = value;
  }

  save(): PostPortState {
    return { version: 1, code: this.#code };
  }

  restore(state: unknown): void {
    this.#code = new StateReader('post port', state, 1).u8('code');
  }
}
