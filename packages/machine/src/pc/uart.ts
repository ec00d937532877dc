// Uart: the 16550A serial port (National Semiconductor PC16550D datasheet). Claim 8 ports, 8 bits wide (COM1: 0x3F8, IRQ4).
// Bytes leave at once: THR is always empty again when the guest looks, and the THRE interrupt rises for each byte as it should.
// Received bytes wait in the guest's 16-byte FIFO only: `receiveSpace` tells the host how many fit, `onReceiveSpace` when to go on.
// Invariant: `#irq` is the INTR pin gated by OUT2, as on every PC.
import type { IrqLine, PortDevice, Stateful } from '../device.js';
import type { Timer, TimerQueue } from '../timer-queue.js';
import { type ModemLines, withModemLines } from './modem-lines.js';
import {
  FCR_CLEAR_RECEIVE,
  FCR_ENABLE,
  IER_LINE,
  IER_MODEM,
  IER_RECEIVE,
  IER_TRANSMIT,
  IIR_FIFO,
  IIR_LINE,
  IIR_MODEM,
  IIR_NONE,
  IIR_RECEIVE,
  IIR_TIMEOUT,
  IIR_TRANSMIT,
  LCR_BREAK,
  LCR_DLAB,
  LSR_BREAK,
  LSR_CHARACTER,
  LSR_DATA,
  LSR_FIFO_ERROR,
  LSR_OVERRUN,
  LSR_TRANSMITTER_EMPTY,
  MCR_DTR,
  MCR_LOOP,
  MCR_OUT1,
  MCR_OUT2,
  MCR_RTS,
  MSR_CTS,
  MSR_DCD,
  MSR_DSR,
  MSR_RI,
} from './uart-bits.js';
import { readUartState, UART_FIFO_BYTES, type UartState } from './uart-state.js';

const TRIGGER_BYTES = [1, 4, 8, 14];
const INPUT_HERTZ = 1843200;
/** Longest wait for the receive timeout, in ns: baud rates do not slow transmission here, so they should not slow input. */
const MAX_TIMEOUT_NS = 10e6;

/** What {@link Uart} is built from. */
export interface UartOptions {
  /** Names the port in errors: `com1`. */
  readonly name: string;
  readonly timers: TimerQueue;
  readonly irq: IrqLine;
  /** Takes each byte the guest sends, at once. */
  readonly transmit: (byte: number) => void;
  /** Called when the guest has made room for input (`receiveSpace` went up from 0). */
  readonly onReceiveSpace?: () => void;
}

/** One 16550A. */
export class Uart implements PortDevice, Stateful<UartState> {
  readonly #name: string;
  readonly #timers: TimerQueue;
  readonly #irq: IrqLine;
  readonly #transmit: (byte: number) => void;
  readonly #onReceiveSpace: () => void;
  readonly #timer: Timer;
  readonly #received: number[] = [];
  #ier = 0;
  #fcr = 0;
  #lcr = 0;
  #mcr = 0;
  #lineErrors = 0;
  #msr: number = MSR_CTS | MSR_DSR | MSR_DCD; // a terminal is connected
  /** Modem inputs as the host set them, MSR bits 7-4: the MSR shows others in loopback mode. */
  #modemInputs: number = MSR_CTS | MSR_DSR | MSR_DCD;
  #scratch = 0;
  #divisor = 12; // 9600 baud
  #transmitPending = false;
  #timeoutPending = false;
  #level = false;

  constructor(options: UartOptions) {
    this.#name = options.name;
    this.#timers = options.timers;
    this.#irq = options.irq;
    this.#transmit = options.transmit;
    this.#onReceiveSpace = options.onReceiveSpace ?? (() => {});
    this.#timer = options.timers.create(() => {
      this.#timeoutPending = this.#received.length > 0;
      this.#update();
    });
  }

  /** Number of bytes {@link Uart.receive} takes now. */
  get receiveSpace(): number {
    if ((this.#mcr & MCR_LOOP) !== 0) return 0;
    return this.#receiveCapacity - this.#received.length;
  }

  /** Whether the guest has raised DTR (it opened the port). */
  get dataTerminalReady(): boolean {
    return (this.#mcr & (MCR_DTR | MCR_LOOP)) === MCR_DTR;
  }

  /** Whether the guest has raised RTS (it wants input). */
  get requestToSend(): boolean {
    return (this.#mcr & (MCR_RTS | MCR_LOOP)) === MCR_RTS;
  }

  /** Baud rate the guest has set. */
  get baudRate(): number {
    return INPUT_HERTZ / (16 * (this.#divisor || 0x10000));
  }

  /** Offers input to the guest. Returns how many bytes were taken: offer the others again after `onReceiveSpace`. */
  receive(bytes: Uint8Array): number {
    const count = Math.min(bytes.length, this.receiveSpace);
    for (let i = 0; i < count; i++) this.#received.push(bytes[i]);
    if (count > 0) this.#afterReceive();
    return count;
  }

  /** A break condition on the input line (Linux: the start of a SysRq). Returns false when there is no room for it. */
  receiveBreak(): boolean {
    if (this.receiveSpace === 0) return false;
    this.#received.push(LSR_BREAK << 8);
    this.#afterReceive();
    return true;
  }

  /** Sets modem inputs; changes show in MSR and may interrupt. */
  setModemLines(lines: ModemLines): void {
    this.#modemInputs = withModemLines(this.#modemInputs, lines);
    this.#modemChanged();
    this.#update();
  }

  readPort(offset: number, _size: 1 | 2 | 4): number {
    switch (offset) {
      case 0:
        return this.#isDivisorAccess ? this.#divisor & 0xff : this.#readReceived();
      case 1:
        return this.#isDivisorAccess ? this.#divisor >> 8 : this.#ier;
      case 2:
        return this.#readIdentification();
      case 3:
        return this.#lcr;
      case 4:
        return this.#mcr;
      case 5:
        return this.#readLineStatus();
      case 6:
        return this.#readModemStatus();
      default:
        return this.#scratch;
    }
  }

  writePort(offset: number, _size: 1 | 2 | 4, value: number): void {
    switch (offset) {
      case 0:
        if (this.#isDivisorAccess) this.#divisor = (this.#divisor & 0xff00) | value;
        else this.#send(value);
        break;
      case 1:
        if (this.#isDivisorAccess) this.#divisor = (this.#divisor & 0xff) | (value << 8);
        else this.#writeEnables(value);
        break;
      case 2:
        this.#writeFifoControl(value);
        break;
      case 3:
        this.#lcr = value;
        if ((value & LCR_BREAK) !== 0 && this.#isLoopback) this.#receiveLooped(LSR_BREAK << 8);
        break;
      case 4:
        this.#writeModemControl(value);
        break;
      case 7:
        this.#scratch = value;
        break;
      default: // LSR and MSR are read-only
        return;
    }
    this.#update();
  }

  get #isDivisorAccess(): boolean {
    return (this.#lcr & LCR_DLAB) !== 0;
  }

  get #isLoopback(): boolean {
    return (this.#mcr & MCR_LOOP) !== 0;
  }

  get #hasFifo(): boolean {
    return (this.#fcr & FCR_ENABLE) !== 0;
  }

  get #receiveCapacity(): number {
    return this.#hasFifo ? UART_FIFO_BYTES : 1;
  }

  #send(byte: number): void {
    // The interrupt falls with the write and rises when the byte has left, which is now: an edge for the 8259.
    this.#transmitPending = false;
    this.#update();
    if (this.#isLoopback) this.#receiveLooped(byte);
    else this.#transmit(byte);
    this.#transmitPending = true;
  }

  #receiveLooped(character: number): void {
    if (this.#received.length >= this.#receiveCapacity) {
      this.#lineErrors |= LSR_OVERRUN;
      // Without a FIFO the new character replaces the old one; a full FIFO keeps what it has.
      if (!this.#hasFifo) this.#received[0] = character;
    } else {
      this.#received.push(character);
    }
    this.#afterReceive();
  }

  #readReceived(): number {
    const character = this.#received.shift();
    if (character === undefined) return 0;
    this.#timeoutPending = false;
    this.#restartTimeout();
    this.#showTopErrors();
    this.#update();
    if (this.receiveSpace === 1 || this.#received.length === 0) this.#onReceiveSpace();
    return character & 0xff;
  }

  #readIdentification(): number {
    const source = this.#source();
    if (source === IIR_TRANSMIT) {
      this.#transmitPending = false;
      this.#update();
    }
    return source | (this.#hasFifo ? IIR_FIFO : 0);
  }

  #readLineStatus(): number {
    let status = LSR_TRANSMITTER_EMPTY | this.#lineErrors;
    if (this.#received.length > 0) status |= LSR_DATA;
    if (this.#hasFifo && this.#received.some((character) => character > 0xff)) {
      status |= LSR_FIFO_ERROR;
    }
    this.#lineErrors = 0;
    if (this.#received.length > 0) this.#received[0] &= 0xff;
    this.#update();
    return status;
  }

  #readModemStatus(): number {
    const status = this.#msr;
    this.#msr &= 0xf0;
    this.#update();
    return status;
  }

  #writeEnables(value: number): void {
    // Enabling the transmit interrupt while THR is empty interrupts at once; drivers start sending by it.
    if ((value & IER_TRANSMIT) === 0) this.#transmitPending = false;
    else if ((this.#ier & IER_TRANSMIT) === 0) this.#transmitPending = true;
    this.#ier = value & 0x0f;
  }

  #writeFifoControl(value: number): void {
    const toggled = ((value ^ this.#fcr) & FCR_ENABLE) !== 0;
    if (
      toggled ||
      (value & (FCR_ENABLE | FCR_CLEAR_RECEIVE)) === (FCR_ENABLE | FCR_CLEAR_RECEIVE)
    ) {
      this.#received.length = 0;
      this.#timeoutPending = false;
      this.#timer.cancel();
    }
    this.#fcr = (value & FCR_ENABLE) !== 0 ? value & 0xc9 : 0;
    if (this.receiveSpace > 0) this.#onReceiveSpace();
  }

  #writeModemControl(value: number): void {
    const wasLoopback = this.#isLoopback;
    this.#mcr = value & 0x1f;
    this.#modemChanged();
    if (wasLoopback && !this.#isLoopback && this.receiveSpace > 0) this.#onReceiveSpace();
  }

  /** MSR follows its inputs: the host's, or in loopback mode the outputs of MCR. */
  #modemChanged(): void {
    let inputs = this.#modemInputs;
    if (this.#isLoopback) {
      inputs =
        ((this.#mcr & MCR_RTS) !== 0 ? MSR_CTS : 0) |
        ((this.#mcr & MCR_DTR) !== 0 ? MSR_DSR : 0) |
        ((this.#mcr & MCR_OUT1) !== 0 ? MSR_RI : 0) |
        ((this.#mcr & MCR_OUT2) !== 0 ? MSR_DCD : 0);
    }
    let changed = (this.#msr ^ inputs) & 0xf0;
    if ((inputs & MSR_RI) !== 0) changed &= ~MSR_RI; // only its trailing edge counts
    this.#msr = inputs | (this.#msr & 0x0f) | (changed >> 4);
  }

  #afterReceive(): void {
    this.#timeoutPending = false;
    this.#restartTimeout();
    this.#showTopErrors();
    this.#update();
  }

  /** In FIFO mode LSR shows the errors of the character that is read next. */
  #showTopErrors(): void {
    if (this.#received.length > 0) this.#lineErrors |= (this.#received[0] >> 8) & LSR_CHARACTER;
  }

  /** Four characters' time without a read or a new byte, while the FIFO holds something. */
  #restartTimeout(): void {
    if (!this.#hasFifo || this.#received.length === 0) {
      this.#timer.cancel();
      return;
    }
    const bits = 2 + 5 + (this.#lcr & 3) + ((this.#lcr >> 2) & 1) + ((this.#lcr >> 3) & 1);
    const timeoutNs = Math.min((4 * bits * 1e9) / this.baudRate, MAX_TIMEOUT_NS);
    this.#timer.rearm(this.#timers.nowNs() + timeoutNs);
  }

  /** The pending interrupt with the highest priority, as IIR shows it. */
  #source(): number {
    const ier = this.#ier;
    if ((ier & IER_LINE) !== 0 && this.#lineErrors !== 0) return IIR_LINE;
    if ((ier & IER_RECEIVE) !== 0 && this.#received.length > 0) {
      const trigger = this.#hasFifo ? TRIGGER_BYTES[this.#fcr >> 6] : 1;
      if (this.#received.length >= trigger) return IIR_RECEIVE;
      if (this.#timeoutPending) return IIR_TIMEOUT;
    }
    if ((ier & IER_TRANSMIT) !== 0 && this.#transmitPending) return IIR_TRANSMIT;
    if ((ier & IER_MODEM) !== 0 && (this.#msr & 0x0f) !== 0) return IIR_MODEM;
    return IIR_NONE;
  }

  #update(): void {
    const level = this.#source() !== IIR_NONE && (this.#mcr & (MCR_OUT2 | MCR_LOOP)) === MCR_OUT2;
    if (level === this.#level) return;
    this.#level = level;
    this.#irq(level);
  }

  save(): UartState {
    return {
      version: 1,
      ier: this.#ier,
      fcr: this.#fcr,
      lcr: this.#lcr,
      mcr: this.#mcr,
      lineErrors: this.#lineErrors,
      msr: this.#msr,
      scratch: this.#scratch,
      divisor: this.#divisor,
      received: this.#received.slice(),
      transmitPending: this.#transmitPending,
      timeoutPending: this.#timeoutPending,
      timeoutNs: this.#timer.armed ? this.#timer.deadlineNs : -1,
    };
  }

  /** Restores the registers. The modem inputs stay what the host of this machine has set. */
  restore(state: unknown): void {
    const saved = readUartState(this.#name, state);
    this.#ier = saved.ier;
    this.#fcr = saved.fcr;
    this.#lcr = saved.lcr;
    this.#mcr = saved.mcr;
    this.#lineErrors = saved.lineErrors;
    this.#msr = saved.msr;
    this.#scratch = saved.scratch;
    this.#divisor = saved.divisor;
    this.#received.splice(0, this.#received.length, ...saved.received);
    this.#transmitPending = saved.transmitPending;
    this.#timeoutPending = saved.timeoutPending;
    this.#timer.rearm(saved.timeoutNs < 0 ? Infinity : saved.timeoutNs);
    this.#update();
    this.#irq(this.#level);
  }
}
