// Keyboard: an input device with the keys of a PC's keyboard and three lamps.
import { EV_KEY, EV_LED, EV_REP } from '../spec/input.js';
import { InputDevice, type InputEvent } from './input-device.js';
import { keyCodes } from './key-codes.js';

/** LED_NUML, LED_CAPSL, LED_SCROLLL. */
const LAMPS: readonly number[] = [0, 1, 2];
/** REP_DELAY, REP_PERIOD: whoever reads the events repeats them. */
const REPETITION: readonly number[] = [0, 1];

export interface KeyboardOptions {
  /** A lamp goes on or off. Called within a slice. */
  readonly onEvent?: (event: InputEvent) => void;
}

export class Keyboard extends InputDevice {
  constructor(options: KeyboardOptions = {}) {
    super({
      ...options,
      name: 'Proxeny keyboard',
      codes: new Map([
        [EV_KEY, [...keyCodes.values()]],
        [EV_LED, LAMPS],
        [EV_REP, REPETITION],
      ]),
    });
  }

  /**
   * Presses keys one after the other, and releases them: `press('leftctrl', 'c')`. False, and nothing happens, if too much waits.
   * @throws RangeError for a name that no key has (see keyCodes)
   */
  press(...names: readonly string[]): boolean {
    const codes = names.map((name) => {
      const code = keyCodes.get(name);
      if (code === undefined) throw new RangeError(`no key is called '${name}'`);
      return code;
    });
    const key = (code: number, value: number): InputEvent => ({ type: EV_KEY, code, value });
    const downs = codes.map((code) => key(code, 1));
    const ups = codes.toReversed().map((code) => key(code, 0));
    return this.send([...downs, ...ups].map((event) => [event]));
  }
}
