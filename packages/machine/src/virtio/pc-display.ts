// PcDisplay: the screen and the keyboard of a PC, both virtio devices.
import { GpuDevice, Keyboard, keyCodes, type Picture } from '@proxeny/virtio';

/** A display of a PC. */
export interface PcDisplayOptions {
  /** In pixels: what the guest is told that the display has. */
  readonly width: number;
  readonly height: number;
}

export class PcDisplay {
  readonly graphics: GpuDevice;
  readonly keyboard: Keyboard = new Keyboard();
  readonly #onInput: () => void;

  /** @param onInput the guest has something to do, outside of a slice */
  constructor(options: PcDisplayOptions, onInput: () => void) {
    this.graphics = new GpuDevice({ ...options, onCompletion: onInput });
    this.#onInput = onInput;
  }

  /** Whether a key is called so. */
  static hasKey(name: string): boolean {
    return keyCodes.has(name);
  }

  /** What is on the screen now; null while the guest shows nothing. */
  picture(): Picture | null {
    return this.graphics.picture();
  }

  /** Gives the screen another size, which the guest is told; what it makes of that is its own. Call it between slices. */
  resize(width: number, height: number): void {
    this.graphics.resize(width, height);
    this.#onInput();
  }

  /**
   * Presses keys one after the other, and releases them. Call it between slices. False, and nothing happens, if the guest has not taken
   * what was pressed before.
   * @param names as in `keyCodes`: `leftshift`, `a`
   * @throws RangeError for a name that no key has
   */
  press(...names: readonly string[]): boolean {
    const isTaken = this.keyboard.press(...names);
    this.#onInput();
    return isTaken;
  }
}
