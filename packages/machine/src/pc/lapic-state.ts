// The saved state of a local APIC, and its check as untrusted data.
import { StateReader } from '../state-reader.js';
import { ICR_WRITABLE, LVT_REMOTE_IRR, LVT_WRITABLE } from './lapic-registers.js';
import type { LapicTimerState } from './lapic-timer.js';

/** `disabled`: IA32_APIC_BASE.EN is 0, PIC and NMI pin go straight to the processor. */
export type LapicMode = 'disabled' | 'xapic' | 'x2apic';

/** Saved state of a local APIC; registers as the guest reads them. */
export interface LapicState {
  readonly version: 1;
  readonly mode: LapicMode;
  readonly id: number;
  readonly taskPriority: number;
  readonly logicalDestination: number;
  readonly destinationFormat: number;
  readonly spurious: number;
  readonly errorStatus: number;
  readonly errorPending: number;
  readonly icrLow: number;
  readonly icrHigh: number;
  readonly lvt: readonly number[];
  readonly irr: readonly number[];
  readonly isr: readonly number[];
  readonly tmr: readonly number[];
  /** Levels (0 or 1) of LINT0 and LINT1. */
  readonly lint: readonly number[];
  readonly extInt: boolean;
  /** Checked by the timer itself. */
  readonly timer: LapicTimerState;
}

/** Reads a saved state; throws an error that names the field which no local APIC could have saved. */
export function readLapicState(state: unknown): LapicState {
  const reader = new StateReader('local APIC', state, 1);
  const words = (name: string): number[] => reader.integers(name, 0, 0xffffffff, 8, 8);
  return {
    version: 1,
    mode: reader.oneOf('mode', ['disabled', 'xapic', 'x2apic']),
    id: reader.u32('id'),
    taskPriority: reader.u8('taskPriority'),
    logicalDestination: (reader.u32('logicalDestination') & 0xff000000) >>> 0,
    destinationFormat: (reader.u32('destinationFormat') | 0x0fffffff) >>> 0,
    spurious: reader.integer('spurious', 0, 0x1ff),
    errorStatus: reader.u8('errorStatus'),
    errorPending: reader.u8('errorPending'),
    icrLow: reader.u32('icrLow') & ICR_WRITABLE,
    icrHigh: reader.u32('icrHigh'),
    lvt: reader
      .integers('lvt', 0, 0x7ffff, LVT_WRITABLE.length, LVT_WRITABLE.length)
      .map((entry, i) => entry & (LVT_WRITABLE[i] | LVT_REMOTE_IRR)),
    irr: words('irr'),
    isr: words('isr'),
    tmr: words('tmr'),
    lint: reader.integers('lint', 0, 1, 2, 2),
    extInt: reader.boolean('extInt'),
    timer: (state as LapicState).timer,
  };
}
