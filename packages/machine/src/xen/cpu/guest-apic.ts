// GuestApic: the local APIC of a PVH guest's vCPU: its page, its registers by MSR, and what it says to the CPU.

import { DELIVER_FIXED, SystemApicBus } from '../../pc/apic-bus.js';
import { LAPIC_BASE, LAPIC_BYTE_LENGTH } from '../../pc/board-addresses.js';
import { Lapic } from '../../pc/lapic.js';
import { LapicMsr } from '../../pc/lapic-msr.js';
import type { TimerQueue } from '../../timer-queue.js';

const NONE = -1;

export class GuestApic {
  readonly #lapic: Lapic;
  readonly #msr: LapicMsr;
  #held = NONE;

  /**
   * @param hasX2apic CPUID says so
   * @param onPending an interrupt waits; called from within the APIC's code
   */
  constructor(id: number, hasX2apic: boolean, timers: TimerQueue, onPending: () => void) {
    const bus = new SystemApicBus();
    const ignore = (): void => {};
    this.#lapic = new Lapic({
      id,
      bootstrap: id === 0,
      bus,
      cpu: { interruptPending: onPending, nmi: ignore, smi: ignore, init: ignore, startup: ignore },
      timers,
      tsc: { nsAtTsc: (tsc) => tsc },
    });
    bus.attachLapic(this.#lapic);
    this.#msr = new LapicMsr(this.#lapic, hasX2apic);
  }

  /** Its CPU is gone: no timer of it runs on. */
  close(): void {
    this.#lapic.reset();
  }

  get isPending(): boolean {
    return this.#lapic.interruptPending;
  }
  acknowledge(): number {
    return this.#lapic.interruptPending ? this.#lapic.acknowledge() : -1;
  }
  /** A fixed interrupt. While software has the APIC off it waits, as Xen lets it. */
  send(vector: number): void {
    this.#held = this.#lapic.receive(DELIVER_FIXED, vector, false) ? NONE : vector;
  }

  /** Null outside of the APIC's page. */
  read(at: number, size: 1 | 2 | 4): number | null {
    const offset = at - LAPIC_BASE;
    return offset >= 0 && offset < LAPIC_BYTE_LENGTH ? this.#lapic.readMmio(offset, size) : null;
  }
  write(at: number, size: 1 | 2 | 4, value: number): void {
    const offset = at - LAPIC_BASE;
    if (offset >= 0 && offset < LAPIC_BYTE_LENGTH) {
      this.#lapic.writeMmio(offset, size, value);
      if (this.#held !== NONE) this.send(this.#held);
    }
  }
  readMsr(index: number, out: Uint32Array): boolean {
    if (!this.#msr.owns(index) || !this.#msr.read(index)) return false;
    out[0] = this.#msr.low;
    out[1] = this.#msr.high;
    return true;
  }
  writeMsr(index: number, low: number, high: number): boolean {
    if (!this.#msr.owns(index) || !this.#msr.write(index, low, high)) return false;
    if (this.#held !== NONE) this.send(this.#held);
    return true;
  }
  /** CR8. */
  get taskPriority(): number {
    return this.#lapic.taskPriority >> 4;
  }
  set taskPriority(value: number) {
    this.#lapic.taskPriority = value << 4;
  }
}
