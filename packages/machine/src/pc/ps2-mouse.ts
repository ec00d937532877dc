// Ps2Mouse: a PS/2 mouse with three buttons, and a wheel for drivers that knock for it (IntelliMouse: sample rates 200, 100, 80).
import { StateReader } from '../state-reader.js';
import { PS2_EVENT_BYTES, Ps2Output, type Ps2OutputState } from './ps2-output.js';

const ACK = 0xfa;
const RESEND = 0xfe;
const SET_RESOLUTION = 0xe8;
const SET_SAMPLE_RATE = 0xf3;
const RESET = 0xff;
const RESET_WRAP = 0xec;
/** Movement kept while the guest does not read, in counts either way. */
const MAX_MOVEMENT = 32767;

/** Saved state of {@link Ps2Mouse}. */
export interface Ps2MouseState extends Ps2OutputState {
  readonly version: 1;
  readonly reporting: boolean;
  readonly remote: boolean;
  readonly wrap: boolean;
  readonly doubleScale: boolean;
  readonly resolution: number;
  readonly sampleRate: number;
  /** 0: three buttons; 3: with wheel. */
  readonly id: 0 | 3;
  /** How many of the rates of the knock came. */
  readonly knock: number;
  readonly command: number;
  readonly buttons: number;
  readonly movement: readonly number[];
  readonly changed: boolean;
}

/** The mouse. Bytes to the host computer come out of {@link Ps2Mouse.output}. */
export class Ps2Mouse {
  /** @internal What the 8042 reads. */
  readonly output: Ps2Output;
  #reporting = false;
  #remote = false;
  #wrap = false;
  #doubleScale = false;
  #resolution = 2;
  #sampleRate = 100;
  #id: 0 | 3 = 0;
  #knock = 0;
  #command = 0;
  #buttons = 0;
  #x = 0;
  #y = 0;
  #wheel = 0;
  #changed = false;

  /** `onData` tells the controller that there is something to read. */
  constructor(onData: () => void) {
    this.output = new Ps2Output(onData);
  }

  /** Moves the mouse: `x` to the right, `y` up, `wheel` towards the user, in counts; `buttons`: bit 0 left, 1 right, 2 middle. */
  move(x: number, y: number, buttons: number, wheel = 0): void {
    this.#x = limit(this.#x + Math.trunc(x), -MAX_MOVEMENT, MAX_MOVEMENT);
    this.#y = limit(this.#y + Math.trunc(y), -MAX_MOVEMENT, MAX_MOVEMENT);
    this.#wheel = limit(this.#wheel + Math.trunc(wheel), -MAX_MOVEMENT, MAX_MOVEMENT);
    this.#buttons = buttons & 7;
    this.#changed = true;
    this.#report();
  }

  /** @internal The controller has read a byte: there may be room for another report. */
  taken(): void {
    if (this.output.isEmpty) this.#report();
  }

  /** A byte from the host computer: a command or its parameter. */
  receive(byte: number): void {
    if (this.#wrap && byte !== RESET && byte !== RESET_WRAP) {
      this.output.reply(byte);
      return;
    }
    const command = this.#command;
    this.#command = 0;
    if (command === SET_RESOLUTION) {
      this.#resolution = byte & 3;
      this.output.reply(ACK);
    } else if (command === SET_SAMPLE_RATE) {
      this.#setSampleRate(byte);
      this.output.reply(ACK);
    } else {
      this.#execute(byte);
    }
  }

  #execute(command: number): void {
    switch (command) {
      case 0xe6:
      case 0xe7:
        this.#doubleScale = command === 0xe7;
        break;
      case SET_RESOLUTION:
      case SET_SAMPLE_RATE:
        this.#command = command;
        break;
      case 0xe9:
        this.output.reply(ACK, this.#status(), this.#resolution, this.#sampleRate);
        return;
      case 0xea: // stream mode
        this.#remote = false;
        break;
      case 0xeb: // read data
        this.output.reply(ACK, ...this.#packet());
        return;
      case RESET_WRAP:
        this.#wrap = false;
        break;
      case 0xee:
        this.#wrap = true;
        break;
      case 0xf0: // remote mode
        this.#remote = true;
        break;
      case 0xf2:
        this.output.reply(ACK, this.#id);
        return;
      case 0xf4:
      case 0xf5:
        this.#reporting = command === 0xf4;
        this.#forgetMovement();
        break;
      case 0xf6:
        this.#setDefaults();
        break;
      case RESEND:
        this.output.reply(this.output.lastByte);
        return;
      case RESET:
        this.#setDefaults();
        this.#id = 0;
        this.#wrap = false;
        this.output.reply(ACK, 0xaa, 0x00);
        return;
      default:
        this.output.reply(RESEND);
        return;
    }
    this.output.reply(ACK);
  }

  #setSampleRate(rate: number): void {
    this.#sampleRate = rate;
    const expected = [200, 100, 80][this.#knock];
    this.#knock = rate === expected ? this.#knock + 1 : rate === 200 ? 1 : 0;
    if (this.#knock === 3) {
      this.#id = 3;
      this.#knock = 0;
    }
  }

  #setDefaults(): void {
    this.#reporting = false;
    this.#remote = false;
    this.#doubleScale = false;
    this.#resolution = 2;
    this.#sampleRate = 100;
    this.#knock = 0;
    this.#forgetMovement();
  }

  #forgetMovement(): void {
    this.output.clearEvents();
    this.#x = 0;
    this.#y = 0;
    this.#wheel = 0;
    this.#changed = false;
  }

  #status(): number {
    return (
      (this.#remote ? 0x40 : 0) |
      (this.#reporting ? 0x20 : 0) |
      (this.#doubleScale ? 0x10 : 0) |
      ((this.#buttons & 1) << 2) |
      ((this.#buttons & 4) >> 1) |
      ((this.#buttons & 2) >> 1)
    );
  }

  #report(): void {
    // One report at a time: movement adds up until the guest has read it.
    if (!this.#changed || !this.#reporting || this.#remote || !this.output.isEmpty) return;
    this.output.event(this.#packet());
  }

  #packet(): number[] {
    const x = limit(this.#x, -256, 255);
    const y = limit(this.#y, -256, 255);
    this.#x -= x;
    this.#y -= y;
    const packet = [
      0x08 | this.#buttons | (x < 0 ? 0x10 : 0) | (y < 0 ? 0x20 : 0),
      x & 0xff,
      y & 0xff,
    ];
    if (this.#id === 3) {
      const wheel = limit(this.#wheel, -8, 7);
      this.#wheel -= wheel;
      packet.push(wheel & 0xff);
    } else {
      this.#wheel = 0;
    }
    this.#changed = this.#x !== 0 || this.#y !== 0 || this.#wheel !== 0;
    return packet;
  }

  save(): Ps2MouseState {
    return {
      version: 1,
      ...this.output.save(),
      reporting: this.#reporting,
      remote: this.#remote,
      wrap: this.#wrap,
      doubleScale: this.#doubleScale,
      resolution: this.#resolution,
      sampleRate: this.#sampleRate,
      id: this.#id,
      knock: this.#knock,
      command: this.#command,
      buttons: this.#buttons,
      movement: [this.#x, this.#y, this.#wheel],
      changed: this.#changed,
    };
  }

  /** Checks an untrusted state; the returned function applies it. */
  prepareRestore(state: unknown): () => void {
    const reader = new StateReader('ps2 mouse', state, 1);
    const replies = reader.bytes('replies', 0, 8);
    const events = reader.bytes('events', 0, PS2_EVENT_BYTES);
    const lastByte = reader.u8('lastByte');
    const flags = ['reporting', 'remote', 'wrap', 'doubleScale', 'changed'].map((name) =>
      reader.boolean(name),
    );
    const resolution = reader.integer('resolution', 0, 3);
    const sampleRate = reader.u8('sampleRate');
    const id = reader.oneOf('id', [0, 3]);
    const knock = reader.integer('knock', 0, 2);
    const command = reader.oneOf('command', [0, SET_RESOLUTION, SET_SAMPLE_RATE]);
    const buttons = reader.integer('buttons', 0, 7);
    const movement = reader.integers('movement', -MAX_MOVEMENT, MAX_MOVEMENT, 3, 3);
    return () => {
      this.output.load(replies, events, lastByte);
      [this.#reporting, this.#remote, this.#wrap, this.#doubleScale, this.#changed] = flags;
      this.#resolution = resolution;
      this.#sampleRate = sampleRate;
      this.#id = id;
      this.#knock = knock;
      this.#command = command;
      this.#buttons = buttons;
      [this.#x, this.#y, this.#wheel] = movement;
    };
  }
}

function limit(value: number, min: number, max: number): number {
  return value < min ? min : value > max ? max : value;
}
