// I8042: the keyboard controller of a PS/2 PC: keyboard, mouse, A20 gate and reset line (IBM PS/2 reference, keyboard/auxiliary
// device controller). Data port 0x60, command and status port 0x64, 8 bits wide each.
// Invariant: one byte at a time waits in the output buffer; the controller's own answer comes before the keyboard's bytes, those
// before the mouse's. Reading a byte lets its line fall before the next byte raises one again.
import type { IrqLine, PortDevice, Stateful } from '../device.js';
import { StateReader } from '../state-reader.js';
import { Ps2Keyboard, type Ps2KeyboardState } from './ps2-keyboard.js';
import { Ps2Mouse, type Ps2MouseState } from './ps2-mouse.js';
import { translateToSet1 } from './ps2-scancode.js';

const STATUS_OUTPUT_FULL = 0x01;
const STATUS_SYSTEM = 0x04;
const STATUS_COMMAND = 0x08;
const STATUS_UNLOCKED = 0x10;
const STATUS_MOUSE_OUTPUT = 0x20;
const CONFIG_KEYBOARD_INTERRUPT = 0x01;
const CONFIG_MOUSE_INTERRUPT = 0x02;
const CONFIG_SYSTEM = 0x04;
const CONFIG_KEYBOARD_OFF = 0x10;
const CONFIG_MOUSE_OFF = 0x20;
const CONFIG_TRANSLATE = 0x40;
const OUTPUT_NOT_RESET = 0x01;
const OUTPUT_A20 = 0x02;

const WRITE_OUTPUT_PORT = 0xd1;
const WRITE_KEYBOARD_BUFFER = 0xd2;
const WRITE_MOUSE_BUFFER = 0xd3;
const WRITE_MOUSE = 0xd4;

/** Who filled the output buffer. */
type Source = 'none' | 'keyboard' | 'mouse';

/** What {@link I8042} is built from. */
export interface I8042Options {
  /** IRQ1. */
  readonly keyboardIrq: IrqLine;
  /** IRQ12. */
  readonly mouseIrq: IrqLine;
  /** The A20 gate: called with each level the guest writes (the last writer, this or port 0x92, wins). */
  readonly setA20: (enabled: boolean) => void;
  /** The guest pulses the CPU's reset line; the machine acts on it after the slice. */
  readonly reset: () => void;
}

/** Saved state of {@link I8042}. */
export interface I8042State {
  readonly version: 1;
  /** The controller's RAM; byte 0 is the configuration byte. */
  readonly ram: readonly number[];
  readonly outputPort: number;
  /** The command whose parameter comes next; 0 is none. */
  readonly command: number;
  readonly lastWriteWasCommand: boolean;
  readonly output: number;
  readonly outputSource: Source;
  readonly answer: number;
  readonly answerSource: Source;
  /** A break prefix was swallowed by the translation. */
  readonly breakPrefix: boolean;
  readonly keyboard: Ps2KeyboardState;
  readonly mouse: Ps2MouseState;
}

const SOURCES: readonly Source[] = ['none', 'keyboard', 'mouse'];

/** The keyboard controller with its keyboard and mouse. */
export class I8042 implements Stateful<I8042State> {
  /** Claim at port 0x60, 1 port. */
  readonly dataPort: PortDevice;
  /** Claim at port 0x64, 1 port. */
  readonly commandPort: PortDevice;
  readonly keyboard: Ps2Keyboard;
  readonly mouse: Ps2Mouse;
  readonly #options: I8042Options;
  readonly #ram = new Uint8Array(32);
  #outputPort: number = OUTPUT_NOT_RESET | OUTPUT_A20;
  #command = 0;
  #lastWriteWasCommand = false;
  #output = 0;
  #outputSource: Source = 'none';
  #answer = 0;
  #answerSource: Source = 'none';
  #breakPrefix = false;

  constructor(options: I8042Options) {
    this.#options = options;
    this.keyboard = new Ps2Keyboard(() => this.#fill());
    this.mouse = new Ps2Mouse(() => this.#fill());
    // What firmware leaves: self test passed, translation on, keyboard on with its interrupt, mouse off.
    this.#ram[0] = CONFIG_KEYBOARD_INTERRUPT | CONFIG_SYSTEM | CONFIG_MOUSE_OFF | CONFIG_TRANSLATE;
    this.dataPort = {
      readPort: () => this.#readData(),
      writePort: (_offset, _size, value) => this.#writeData(value),
    };
    this.commandPort = {
      readPort: () => this.#status(),
      writePort: (_offset, _size, value) => this.#writeCommand(value),
    };
  }

  #status(): number {
    return (
      (this.#outputSource === 'none' ? 0 : STATUS_OUTPUT_FULL) |
      (this.#outputSource === 'mouse' ? STATUS_MOUSE_OUTPUT : 0) |
      ((this.#ram[0] & CONFIG_SYSTEM) !== 0 ? STATUS_SYSTEM : 0) |
      (this.#lastWriteWasCommand ? STATUS_COMMAND : 0) |
      STATUS_UNLOCKED
    );
  }

  #readData(): number {
    const byte = this.#output; // an empty buffer reads the last byte again, as the latch does
    const source = this.#outputSource;
    if (source === 'none') return byte;
    this.#outputSource = 'none';
    this.#updateLines();
    this.#fill();
    if (source === 'mouse') this.mouse.taken();
    return byte;
  }

  #writeData(value: number): void {
    this.#lastWriteWasCommand = false;
    const command = this.#command;
    this.#command = 0;
    if (command === 0) {
      // Talking to the keyboard turns its interface on again.
      this.#ram[0] &= ~CONFIG_KEYBOARD_OFF;
      this.keyboard.receive(value);
    } else if (command === WRITE_OUTPUT_PORT) {
      this.#writeOutputPort(value);
    } else if (command === WRITE_KEYBOARD_BUFFER) {
      this.#reply(value, 'keyboard');
    } else if (command === WRITE_MOUSE_BUFFER) {
      this.#reply(value, 'mouse');
    } else if (command === WRITE_MOUSE) {
      this.#ram[0] &= ~CONFIG_MOUSE_OFF;
      this.mouse.receive(value);
    } else {
      this.#ram[command & 0x1f] = value;
    }
    this.#fill();
    this.#updateLines();
  }

  #writeCommand(value: number): void {
    this.#lastWriteWasCommand = true;
    this.#command = 0;
    if (value >= 0xf0) {
      // Pulse the output lines whose bit is 0; only the reset line is connected.
      if ((value & 0x01) === 0) this.#options.reset();
      return;
    }
    if (value >= 0x20 && value < 0x40) {
      this.#reply(this.#ram[value & 0x1f], 'keyboard');
      return;
    }
    if (value >= 0x60 && value < 0x80) {
      this.#command = value;
      return;
    }
    this.#execute(value);
  }

  #execute(command: number): void {
    switch (command) {
      case 0xa4: // is a password set? no
        this.#reply(0xf1, 'keyboard');
        break;
      case 0xa7:
        this.#configure(this.#ram[0] | CONFIG_MOUSE_OFF);
        break;
      case 0xa8:
        this.#configure(this.#ram[0] & ~CONFIG_MOUSE_OFF);
        break;
      case 0xa9: // test the mouse's lines
      case 0xab: // test the keyboard's lines
        this.#reply(0x00, 'keyboard');
        break;
      case 0xaa: // self test
        this.#ram[0] |= CONFIG_SYSTEM;
        this.#reply(0x55, 'keyboard');
        break;
      case 0xad:
        this.#configure(this.#ram[0] | CONFIG_KEYBOARD_OFF);
        break;
      case 0xae:
        this.#configure(this.#ram[0] & ~CONFIG_KEYBOARD_OFF);
        break;
      case 0xc0: // input port: keyboard not locked
        this.#reply(0x80, 'keyboard');
        break;
      case 0xd0:
        this.#reply(this.#readOutputPort(), 'keyboard');
        break;
      case WRITE_OUTPUT_PORT:
      case WRITE_KEYBOARD_BUFFER:
      case WRITE_MOUSE_BUFFER:
      case WRITE_MOUSE:
        this.#command = command;
        break;
      case 0xdd:
      case 0xdf:
        this.#writeOutputPort((this.#outputPort & ~OUTPUT_A20) | (command & OUTPUT_A20));
        break;
    }
  }

  #configure(value: number): void {
    this.#ram[0] = value;
    this.#fill();
    this.#updateLines();
  }

  #readOutputPort(): number {
    return (
      this.#outputPort |
      (this.#outputSource === 'keyboard' ? 0x10 : 0) |
      (this.#outputSource === 'mouse' ? 0x20 : 0)
    );
  }

  #writeOutputPort(value: number): void {
    this.#outputPort = (value & OUTPUT_A20) | OUTPUT_NOT_RESET;
    this.#options.setA20((value & OUTPUT_A20) !== 0);
    if ((value & OUTPUT_NOT_RESET) === 0) this.#options.reset();
  }

  /** The controller's own answer; one that was not read yet is lost. */
  #reply(value: number, source: Source): void {
    this.#answer = value;
    this.#answerSource = source;
    this.#fill();
  }

  /** Moves the next byte into the empty output buffer. */
  #fill(): void {
    if (this.#outputSource !== 'none') return;
    if (this.#answerSource !== 'none') {
      this.#put(this.#answer, this.#answerSource);
      this.#answerSource = 'none';
      return;
    }
    const config = this.#ram[0];
    const keyboard = this.keyboard.output;
    while ((config & CONFIG_KEYBOARD_OFF) === 0 && !keyboard.isEmpty) {
      const byte = keyboard.take();
      if ((config & CONFIG_TRANSLATE) === 0) {
        this.#breakPrefix = false;
        this.#put(byte, 'keyboard');
        return;
      }
      if (byte !== 0xf0) {
        const code = translateToSet1(byte) | (this.#breakPrefix ? 0x80 : 0);
        this.#breakPrefix = false;
        this.#put(code, 'keyboard');
        return;
      }
      this.#breakPrefix = true;
    }
    if ((config & CONFIG_MOUSE_OFF) === 0 && !this.mouse.output.isEmpty) {
      this.#put(this.mouse.output.take(), 'mouse');
    }
  }

  #put(byte: number, source: Source): void {
    this.#output = byte;
    this.#outputSource = source;
    this.#updateLines();
  }

  #updateLines(): void {
    const config = this.#ram[0];
    this.#options.keyboardIrq(
      this.#outputSource === 'keyboard' && (config & CONFIG_KEYBOARD_INTERRUPT) !== 0,
    );
    this.#options.mouseIrq(
      this.#outputSource === 'mouse' && (config & CONFIG_MOUSE_INTERRUPT) !== 0,
    );
  }

  save(): I8042State {
    return {
      version: 1,
      ram: Array.from(this.#ram),
      outputPort: this.#outputPort,
      command: this.#command,
      lastWriteWasCommand: this.#lastWriteWasCommand,
      output: this.#output,
      outputSource: this.#outputSource,
      answer: this.#answer,
      answerSource: this.#answerSource,
      breakPrefix: this.#breakPrefix,
      keyboard: this.keyboard.save(),
      mouse: this.mouse.save(),
    };
  }

  /** Restores the registers; the A20 gate is the CPU's to restore. */
  restore(state: unknown): void {
    const reader = new StateReader('i8042', state, 1);
    const parts = state as Partial<I8042State>;
    const ram = reader.bytes('ram', 32, 32);
    const outputPort = reader.oneOf('outputPort', [
      OUTPUT_NOT_RESET,
      OUTPUT_NOT_RESET | OUTPUT_A20,
    ]);
    const command = reader.u8('command');
    const takesParameter =
      command === 0 ||
      (command >= 0x60 && command < 0x80) ||
      (command >= WRITE_OUTPUT_PORT && command <= WRITE_MOUSE);
    if (!takesParameter) reader.reject('command', 'a command with a parameter');
    const lastWriteWasCommand = reader.boolean('lastWriteWasCommand');
    const output = reader.u8('output');
    const outputSource = reader.oneOf('outputSource', SOURCES);
    const answer = reader.u8('answer');
    const answerSource = reader.oneOf('answerSource', SOURCES);
    const breakPrefix = reader.boolean('breakPrefix');
    const applyKeyboard = this.keyboard.prepareRestore(parts.keyboard);
    const applyMouse = this.mouse.prepareRestore(parts.mouse);
    applyKeyboard();
    applyMouse();
    this.#ram.set(ram);
    this.#outputPort = outputPort;
    this.#command = command;
    this.#lastWriteWasCommand = lastWriteWasCommand;
    this.#output = output;
    this.#outputSource = outputSource;
    this.#answer = answer;
    this.#answerSource = answerSource;
    this.#breakPrefix = breakPrefix;
    this.#updateLines();
  }
}
