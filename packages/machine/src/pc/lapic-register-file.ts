// The registers of a local APIC as they read (SDM 3A §11.4.1): those that only hold what was written, and those that its parts
// show: priorities, local vector table, timer. Writes have effects beyond these and belong to the APIC (lapic.ts).
import {
  matchesLogical,
  matchesPhysical,
  matchesX2apicLogical,
  x2apicLdr,
} from './lapic-destination.js';
import type { LocalVectorTable } from './lapic-lvt.js';
import * as R from './lapic-registers.js';
import type { LapicMode, LapicState } from './lapic-state.js';
import type { LapicTimer } from './lapic-timer.js';
import type { VectorPriority } from './vector-priority.js';

/** Fields of the saved state that are held here. */
type SavedRegisters = Pick<
  LapicState,
  | 'mode'
  | 'id'
  | 'logicalDestination'
  | 'destinationFormat'
  | 'spurious'
  | 'errorStatus'
  | 'errorPending'
  | 'icrLow'
  | 'icrHigh'
>;

/** The registers of one local APIC; fields hold them as they read in xAPIC mode, unsigned. */
export class LapicRegisterFile {
  mode: LapicMode = 'xapic';
  id = 0;
  logicalDestination = 0;
  destinationFormat = 0xffffffff;
  spurious = 0xff;
  errorStatus = 0;
  /** Errors since the last write of the ESR, which will show them. */
  errorPending = 0;
  icrLow = 0;
  icrHigh = 0;
  readonly #vectors: VectorPriority;
  readonly #lvt: LocalVectorTable;
  readonly #timer: LapicTimer;

  constructor(vectors: VectorPriority, lvt: LocalVectorTable, timer: LapicTimer) {
    this.#vectors = vectors;
    this.#lvt = lvt;
    this.#timer = timer;
  }

  /** State after INIT: all but the id and the mode (§11.4.7.3). */
  initialize(): void {
    this.logicalDestination = 0;
    this.destinationFormat = 0xffffffff;
    this.spurious = 0xff;
    this.errorStatus = 0;
    this.errorPending = 0;
    this.icrLow = 0;
    this.icrHigh = 0;
  }

  /** Whether software has enabled the APIC (§11.4.7.2); apart from the mode. */
  get softwareEnabled(): boolean {
    return (this.spurious & R.SVR_ENABLE) !== 0;
  }

  /** Whether a message's destination means this APIC. */
  matches(destination: number, logical: boolean): boolean {
    if (!logical) return matchesPhysical(destination, this.id);
    return this.mode === 'x2apic'
      ? matchesX2apicLogical(destination, this.id)
      : matchesLogical(destination, this.logicalDestination, this.destinationFormat);
  }

  /** Whether a register number exists. */
  has(number: number): boolean {
    return (
      (number >= R.APIC_TPR && number <= R.APIC_ESR && number !== 0x0c) ||
      (number >= R.APIC_ICR && number <= R.APIC_TIMER_CURRENT) ||
      number === R.APIC_ID ||
      number === R.APIC_VERSION ||
      number === R.APIC_TIMER_DIVIDE
    );
  }

  /** Reads a register, unsigned. */
  read(number: number): number {
    const x2apic = this.mode === 'x2apic';
    if (number >= R.APIC_ISR && number < R.APIC_ESR) {
      const { inService, level, requested } = this.#vectors;
      const set = number < R.APIC_TMR ? inService : number < R.APIC_IRR ? level : requested;
      return set.words[number & 7];
    }
    if (number >= R.APIC_LVT_TIMER && number <= R.APIC_LVT_ERROR) {
      return this.#lvt.entries[number - R.APIC_LVT_TIMER];
    }
    switch (number) {
      case R.APIC_ID:
        return x2apic ? this.id : (this.id << 24) >>> 0;
      case R.APIC_VERSION:
        return R.VERSION_VALUE;
      case R.APIC_TPR:
        return this.#vectors.taskPriority;
      case R.APIC_PPR:
      case R.APIC_APR:
        return this.#vectors.processorPriority;
      case R.APIC_LDR:
        return x2apic ? x2apicLdr(this.id) : this.logicalDestination;
      case R.APIC_DFR:
        return this.destinationFormat;
      case R.APIC_SVR:
        return this.spurious;
      case R.APIC_ESR:
        return this.errorStatus;
      case R.APIC_ICR:
        return this.icrLow;
      case R.APIC_ICR_HIGH:
        return this.icrHigh;
      case R.APIC_TIMER_INITIAL:
        return this.#timer.initialCount;
      case R.APIC_TIMER_CURRENT:
        return this.#timer.currentCount();
      case R.APIC_TIMER_DIVIDE:
        return this.#timer.divideConfig;
      default:
        return 0;
    }
  }

  save(): SavedRegisters {
    return {
      mode: this.mode,
      id: this.id,
      logicalDestination: this.logicalDestination,
      destinationFormat: this.destinationFormat,
      spurious: this.spurious,
      errorStatus: this.errorStatus,
      errorPending: this.errorPending,
      icrLow: this.icrLow,
      icrHigh: this.icrHigh,
    };
  }

  /** Takes over fields that were checked before (lapic-state.ts). */
  load(saved: SavedRegisters): void {
    this.mode = saved.mode;
    this.id = saved.id;
    this.logicalDestination = saved.logicalDestination;
    this.destinationFormat = saved.destinationFormat;
    this.spurious = saved.spurious;
    this.errorStatus = saved.errorStatus;
    this.errorPending = saved.errorPending;
    this.icrLow = saved.icrLow;
    this.icrHigh = saved.icrHigh;
  }
}
