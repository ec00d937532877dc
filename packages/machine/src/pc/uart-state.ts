// The saved state of a 16550A and its check.
import { StateReader } from '../state-reader.js';
import { FCR_ENABLE, LSR_CHARACTER } from './uart-bits.js';

/** Bytes the receive FIFO holds. */
export const UART_FIFO_BYTES = 16;

/** Saved registers of a `Uart`. */
export interface UartState {
  readonly version: 1;
  readonly ier: number;
  readonly fcr: number;
  readonly lcr: number;
  readonly mcr: number;
  /** Sticky bits of LSR: overrun and the errors of the character that was on top. */
  readonly lineErrors: number;
  readonly msr: number;
  readonly scratch: number;
  readonly divisor: number;
  /** Received characters: the byte, and in bits 15-8 its LSR error bits. */
  readonly received: readonly number[];
  readonly transmitPending: boolean;
  readonly timeoutPending: boolean;
  /** When the receive timeout is due, in guest ns; -1 is never. */
  readonly timeoutNs: number;
}

/** Checks an untrusted state of the port called `name`. */
export function readUartState(name: string, state: unknown): UartState {
  const reader = new StateReader(name, state, 1);
  const fcr = reader.u8('fcr');
  if ((fcr & 0x36) !== 0 || (fcr !== 0 && (fcr & FCR_ENABLE) === 0)) {
    reader.reject('fcr', 'a FIFO mode');
  }
  const capacity = (fcr & FCR_ENABLE) !== 0 ? UART_FIFO_BYTES : 1;
  return {
    version: 1,
    ier: reader.integer('ier', 0, 0x0f),
    fcr,
    lcr: reader.u8('lcr'),
    mcr: reader.integer('mcr', 0, 0x1f),
    lineErrors: reader.integer('lineErrors', 0, 0x1e),
    msr: reader.u8('msr'),
    scratch: reader.u8('scratch'),
    divisor: reader.u16('divisor'),
    received: reader.integers('received', 0, (LSR_CHARACTER << 8) | 0xff, 0, capacity),
    transmitPending: reader.boolean('transmitPending'),
    timeoutPending: reader.boolean('timeoutPending'),
    timeoutNs: reader.finite('timeoutNs'),
  };
}
