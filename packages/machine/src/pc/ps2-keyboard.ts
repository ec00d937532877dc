// Ps2Keyboard: an AT keyboard with 101 keys behind the 8042; scan code sets 1 and 2, LEDs, the commands of the IBM reference.
// It does not repeat keys by itself: the host repeats `key(code, true)`.
import { StateReader } from '../state-reader.js';
import { PS2_EVENT_BYTES, Ps2Output, type Ps2OutputState } from './ps2-output.js';
import { translateToSet1 } from './ps2-scancode.js';

const ACK = 0xfa;
const RESEND = 0xfe;
const SELF_TEST_PASSED = 0xaa;
const SET_LEDS = 0xed;
const ECHO = 0xee;
const SCAN_CODE_SET = 0xf0;
const IDENTIFY = 0xf2;
const SET_TYPEMATIC = 0xf3;

/** Saved state of {@link Ps2Keyboard}. */
export interface Ps2KeyboardState extends Ps2OutputState {
  readonly version: 1;
  readonly scanCodeSet: 1 | 2;
  readonly scanning: boolean;
  readonly leds: number;
  readonly typematic: number;
  /** The command whose parameter comes next; 0 is none. */
  readonly command: number;
}

/** The keyboard. Bytes to the host computer come out of {@link Ps2Keyboard.output}. */
export class Ps2Keyboard {
  /** @internal What the 8042 reads. */
  readonly output: Ps2Output;
  #scanCodeSet: 1 | 2 = 2;
  #scanning = true;
  #leds = 0;
  #typematic = 0x2b;
  #command = 0;

  /** `onData` tells the controller that there is something to read. */
  constructor(onData: () => void) {
    this.output = new Ps2Output(onData);
  }

  /** LEDs that are lit: bit 0 scroll lock, 1 num lock, 2 caps lock. */
  get leds(): number {
    return this.#leds;
  }

  /**
   * Presses or releases a key. `code` is its set 2 make code, plus 0xE000 for an extended key (right arrow: 0xE074).
   * Returns false when the guest does not take keys: the event is lost, as with a real keyboard's full buffer.
   */
  key(code: number, pressed: boolean): boolean {
    if (!this.#scanning) return false;
    const make = code & 0xff;
    const bytes = (code & 0xff00) === 0xe000 ? [0xe0] : [];
    if (this.#scanCodeSet === 1) bytes.push(translateToSet1(make) | (pressed ? 0 : 0x80));
    else if (pressed) bytes.push(make);
    else bytes.push(0xf0, make);
    return this.output.event(bytes);
  }

  /** A byte from the host computer: a command or its parameter. */
  receive(byte: number): void {
    const command = this.#command;
    this.#command = 0;
    if (command !== 0) this.#parameter(command, byte);
    else this.#execute(byte);
  }

  #parameter(command: number, value: number): void {
    if (command === SCAN_CODE_SET) {
      if (value === 0) this.output.reply(ACK, this.#scanCodeSet);
      else if (value === 1 || value === 2) {
        this.#scanCodeSet = value;
        this.output.clearEvents();
        this.output.reply(ACK);
      } else {
        this.output.reply(RESEND); // set 3 does not exist here
      }
      return;
    }
    if (command === SET_LEDS) this.#leds = value & 7;
    else this.#typematic = value & 0x7f;
    this.output.reply(ACK);
  }

  #execute(command: number): void {
    switch (command) {
      case SET_LEDS:
      case SCAN_CODE_SET:
      case SET_TYPEMATIC:
        this.#command = command;
        break;
      case ECHO:
        this.output.reply(ECHO);
        return;
      case IDENTIFY:
        this.output.reply(ACK, 0xab, 0x83);
        return;
      case 0xf4: // enable scanning
        this.output.clearEvents();
        this.#scanning = true;
        break;
      case 0xf5: // default and disable
        this.#setDefaults();
        this.#scanning = false;
        break;
      case 0xf6: // default
        this.#setDefaults();
        break;
      case RESEND:
        this.output.reply(this.output.lastByte);
        return;
      case 0xff: // reset
        this.#setDefaults();
        this.#scanning = true;
        this.#leds = 0;
        this.output.reply(ACK, SELF_TEST_PASSED);
        return;
      default:
        // 0xF7-0xFD set key types of set 3, which a keyboard in set 2 acknowledges and forgets.
        if (command >= 0xf7 && command <= 0xfd) break;
        this.output.reply(RESEND);
        return;
    }
    this.output.reply(ACK);
  }

  #setDefaults(): void {
    this.output.clearEvents();
    this.#scanCodeSet = 2;
    this.#typematic = 0x2b;
  }

  save(): Ps2KeyboardState {
    return {
      version: 1,
      ...this.output.save(),
      scanCodeSet: this.#scanCodeSet,
      scanning: this.#scanning,
      leds: this.#leds,
      typematic: this.#typematic,
      command: this.#command,
    };
  }

  /** Checks an untrusted state; the returned function applies it. */
  prepareRestore(state: unknown): () => void {
    const reader = new StateReader('ps2 keyboard', state, 1);
    const replies = reader.bytes('replies', 0, 8);
    const events = reader.bytes('events', 0, PS2_EVENT_BYTES);
    const lastByte = reader.u8('lastByte');
    const scanCodeSet = reader.oneOf('scanCodeSet', [1, 2]);
    const scanning = reader.boolean('scanning');
    const leds = reader.integer('leds', 0, 7);
    const typematic = reader.integer('typematic', 0, 0x7f);
    const command = reader.oneOf('command', [0, SET_LEDS, SCAN_CODE_SET, SET_TYPEMATIC]);
    return () => {
      this.output.load(replies, events, lastByte);
      this.#scanCodeSet = scanCodeSet;
      this.#scanning = scanning;
      this.#leds = leds;
      this.#typematic = typematic;
      this.#command = command;
    };
  }
}
