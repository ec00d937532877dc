// Dma8237: the registers of the two ISA DMA controllers (Intel 8237A) and their page registers, for guests that probe or
// initialize them. No device here uses ISA DMA, so nothing is ever transferred: addresses and counts read back as they were
// written, no channel reaches terminal count.
// Ports: 0x00-0x0F (channels 0-3), 0xC0-0xDF (channels 4-7, every second port), 0x81-0x8F (pages; 0x80 is the POST port).
import type { PortDevice, Stateful } from '../device.js';
import { StateReader } from '../state-reader.js';

/** Saved registers of one controller. */
export interface Dma8237ChipState {
  readonly version: 1;
  /** Address and count of each channel in turn, as at ports 0-7. */
  readonly words: readonly number[];
  readonly modes: readonly number[];
  readonly command: number;
  readonly request: number;
  readonly mask: number;
  /** The next access to a 16-bit register is to its high byte. */
  readonly highByte: boolean;
}

/** Saved registers of {@link Dma8237}. */
export interface Dma8237State {
  readonly version: 1;
  readonly chips: readonly Dma8237ChipState[];
  /** Page registers, port 0x81 on. */
  readonly pages: readonly number[];
}

const PAGE_COUNT = 15;

class Dma8237Chip {
  readonly #words = new Uint16Array(8);
  readonly #modes = new Uint8Array(4);
  #command = 0;
  #request = 0;
  #mask = 0x0f;
  #highByte = false;

  read(register: number): number {
    if (register < 8) {
      const word = this.#words[register];
      return this.#nextIsHigh() ? word >> 8 : word & 0xff;
    }
    switch (register) {
      case 0x08: // status: requests in bits 7-4, no terminal count
        return this.#request << 4;
      case 0x0d: // temporary register
        return 0;
      case 0x0f:
        return 0xf0 | this.#mask;
      default:
        return 0xff;
    }
  }

  write(register: number, value: number): void {
    if (register < 8) {
      const word = this.#words[register];
      this.#words[register] = this.#nextIsHigh()
        ? (word & 0xff) | (value << 8)
        : (word & 0xff00) | value;
      return;
    }
    const channel = value & 3;
    switch (register) {
      case 0x08:
        this.#command = value;
        break;
      case 0x09:
        this.#request = withBit(this.#request, channel, (value & 4) !== 0);
        break;
      case 0x0a:
        this.#mask = withBit(this.#mask, channel, (value & 4) !== 0);
        break;
      case 0x0b:
        this.#modes[channel] = value;
        break;
      case 0x0c:
        this.#highByte = false;
        break;
      case 0x0d: // master clear
        this.#command = 0;
        this.#request = 0;
        this.#mask = 0x0f;
        this.#highByte = false;
        break;
      case 0x0e:
        this.#mask = 0;
        break;
      case 0x0f:
        this.#mask = value & 0x0f;
        break;
    }
  }

  #nextIsHigh(): boolean {
    this.#highByte = !this.#highByte;
    return !this.#highByte;
  }

  save(): Dma8237ChipState {
    return {
      version: 1,
      words: Array.from(this.#words),
      modes: Array.from(this.#modes),
      command: this.#command,
      request: this.#request,
      mask: this.#mask,
      highByte: this.#highByte,
    };
  }

  prepareRestore(state: unknown): () => void {
    const reader = new StateReader('dma chip', state, 1);
    const words = reader.integers('words', 0, 0xffff, 8, 8);
    const modes = reader.bytes('modes', 4, 4);
    const command = reader.u8('command');
    const request = reader.integer('request', 0, 0x0f);
    const mask = reader.integer('mask', 0, 0x0f);
    const highByte = reader.boolean('highByte');
    return () => {
      this.#words.set(words);
      this.#modes.set(modes);
      this.#command = command;
      this.#request = request;
      this.#mask = mask;
      this.#highByte = highByte;
    };
  }
}

/** The ISA DMA registers of a PC. */
export class Dma8237 implements Stateful<Dma8237State> {
  /** Claim at port 0x00, 16 ports. */
  readonly lowPorts: PortDevice;
  /** Claim at port 0xC0, 32 ports. */
  readonly highPorts: PortDevice;
  /** Claim at port 0x81, 15 ports. */
  readonly pagePorts: PortDevice;
  readonly #chips: readonly Dma8237Chip[] = [new Dma8237Chip(), new Dma8237Chip()];
  readonly #pages = new Uint8Array(PAGE_COUNT);

  constructor() {
    const [low, high] = this.#chips;
    this.lowPorts = {
      readPort: (offset) => low.read(offset),
      writePort: (offset, _size, value) => low.write(offset, value),
    };
    this.highPorts = {
      readPort: (offset) => ((offset & 1) === 0 ? high.read(offset >> 1) : 0xff),
      writePort: (offset, _size, value) => {
        if ((offset & 1) === 0) high.write(offset >> 1, value);
      },
    };
    this.pagePorts = {
      readPort: (offset) => this.#pages[offset],
      writePort: (offset, _size, value) => {
        this.#pages[offset] = value;
      },
    };
  }

  save(): Dma8237State {
    return {
      version: 1,
      chips: this.#chips.map((chip) => chip.save()),
      pages: Array.from(this.#pages),
    };
  }

  restore(state: unknown): void {
    const reader = new StateReader('dma', state, 1);
    const chips = reader.states('chips', 2);
    const apply = chips.map((saved, i) => this.#chips[i].prepareRestore(saved));
    const pages = reader.bytes('pages', PAGE_COUNT, PAGE_COUNT);
    for (const applyChip of apply) applyChip();
    this.#pages.set(pages);
  }
}

function withBit(bits: number, index: number, set: boolean): number {
  return set ? bits | (1 << index) : bits & ~(1 << index);
}
