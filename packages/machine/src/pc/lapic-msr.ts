// The local APIC's model-specific registers: IA32_APIC_BASE, IA32_TSC_DEADLINE and, in x2APIC mode, 0x800-0x83F (SDM 3A §11.12).
// The page of IA32_APIC_BASE cannot be moved: other base addresses are ignored and the default reads back.
import { LAPIC_BASE } from './board-addresses.js';
import type { Lapic } from './lapic.js';
import * as R from './lapic-registers.js';

export const IA32_APIC_BASE = 0x1b;
export const IA32_TSC_DEADLINE = 0x6e0;
export const X2APIC_MSR_FIRST = 0x800;
export const X2APIC_MSR_LAST = 0x8ff;

const BASE_BOOTSTRAP = 0x100;
const BASE_X2APIC = 0x400;
const BASE_ENABLE = 0x800;

/** The MSR front of one {@link Lapic}. `false` from read or write means the access faults (#GP). */
export class LapicMsr {
  /** The value of the last successful {@link LapicMsr.read}, as two unsigned halves. */
  low = 0;
  high = 0;
  readonly #lapic: Lapic;
  readonly #x2apic: boolean;

  /** With `x2apic` the mode can be entered, as CPUID must then say. */
  constructor(lapic: Lapic, x2apic: boolean) {
    this.#lapic = lapic;
    this.#x2apic = x2apic;
  }

  /** Whether an MSR is one of these. */
  owns(index: number): boolean {
    return (
      index === IA32_APIC_BASE ||
      index === IA32_TSC_DEADLINE ||
      (index >= X2APIC_MSR_FIRST && index <= X2APIC_MSR_LAST)
    );
  }

  read(index: number): boolean {
    const lapic = this.#lapic;
    this.high = 0;
    if (index === IA32_APIC_BASE) {
      const mode = lapic.mode;
      const enable = mode === 'disabled' ? 0 : BASE_ENABLE | (mode === 'x2apic' ? BASE_X2APIC : 0);
      this.low = (LAPIC_BASE | enable | (lapic.bootstrap ? BASE_BOOTSTRAP : 0)) >>> 0;
      return true;
    }
    if (index === IA32_TSC_DEADLINE) {
      this.low = lapic.timer.tscDeadlineLow;
      this.high = lapic.timer.tscDeadlineHigh;
      return true;
    }
    const number = index - X2APIC_MSR_FIRST;
    if (lapic.mode !== 'x2apic' || !readable(lapic, number)) return false;
    this.low = lapic.readRegister(number);
    if (number === R.APIC_ICR) this.high = lapic.readRegister(R.APIC_ICR_HIGH);
    return true;
  }

  write(index: number, low: number, high: number): boolean {
    if (index === IA32_APIC_BASE) return this.#writeBase(low, high);
    if (index === IA32_TSC_DEADLINE) {
      this.#lapic.timer.setTscDeadline(low, high);
      return true;
    }
    const number = index - X2APIC_MSR_FIRST;
    if (this.#lapic.mode !== 'x2apic') return false;
    if (number === R.APIC_ICR) {
      if ((low & ~R.ICR_WRITABLE) !== 0) return false;
      this.#lapic.writeIcr(low, high);
      return true;
    }
    if (high !== 0) return false;
    if (number === R.APIC_SELF_IPI) {
      if (low >>> 8 !== 0) return false;
      this.#lapic.sendIpi(0x40000 | low, 0);
      return true;
    }
    if (!writable(number) || !valueAllowed(number, low)) return false;
    this.#lapic.writeRegister(number, low);
    return true;
  }

  #writeBase(low: number, high: number): boolean {
    const enable = (low & BASE_ENABLE) !== 0;
    const extended = (low & BASE_X2APIC) !== 0;
    if ((low & 0x2ff & ~BASE_BOOTSTRAP) !== 0 || high >>> 20 !== 0) return false;
    if (extended && (!this.#x2apic || !enable)) return false;
    const from = this.#lapic.mode;
    const to = enable ? (extended ? 'x2apic' : 'xapic') : 'disabled';
    // §11.12.5: x2APIC is entered from xAPIC and left only by disabling.
    if (from === 'disabled' && to === 'x2apic') return false;
    if (from === 'x2apic' && to === 'xapic') return false;
    this.#lapic.setMode(to);
    return true;
  }
}

/** Not in x2APIC: arbitration priority, destination format, the high half of ICR. Write-only: EOI. */
function readable(lapic: Lapic, number: number): boolean {
  const absent =
    number === R.APIC_APR ||
    number === R.APIC_DFR ||
    number === R.APIC_ICR_HIGH ||
    number === R.APIC_EOI;
  return lapic.isRegister(number) && !absent;
}

function writable(number: number): boolean {
  return (
    number === R.APIC_TPR ||
    number === R.APIC_EOI ||
    number === R.APIC_SVR ||
    number === R.APIC_ESR ||
    (number >= R.APIC_LVT_TIMER && number <= R.APIC_TIMER_INITIAL) ||
    number === R.APIC_TIMER_DIVIDE
  );
}

/** Reserved bits fault in x2APIC mode; EOI and ESR take only 0. */
function valueAllowed(number: number, value: number): boolean {
  if (number === R.APIC_EOI || number === R.APIC_ESR) return value === 0;
  if (number === R.APIC_TPR) return value >>> 8 === 0;
  if (number === R.APIC_SVR) return (value & ~0x1ff) === 0;
  if (number === R.APIC_TIMER_DIVIDE) return (value & ~0xb) === 0;
  if (number === R.APIC_TIMER_INITIAL) return true;
  const readOnly = 0x1000 | R.LVT_REMOTE_IRR;
  return (value & ~(R.LVT_WRITABLE[number - R.APIC_LVT_TIMER] | readOnly)) === 0;
}
