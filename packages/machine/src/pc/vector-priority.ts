// @hot VectorPriority: which interrupt a processor takes next (SDM 3A §11.8): IRR, ISR, TMR, task and processor priority.
// Invariant: `ready` and `processorPriority` are right after every call that returns.
import { VectorSet } from './vector-set.js';

/** Requests, services and priorities of one local APIC. */
export class VectorPriority {
  readonly requested: VectorSet = new VectorSet();
  readonly inService: VectorSet = new VectorSet();
  /** Vectors whose last request was level-triggered. */
  readonly level: VectorSet = new VectorSet();
  /** Whether a request is above the processor priority. */
  ready = false;
  /** PPR. */
  processorPriority = 0;
  #taskPriority = 0;

  /** TPR. */
  get taskPriority(): number {
    return this.#taskPriority;
  }

  set taskPriority(value: number) {
    this.#taskPriority = value & 0xff;
    this.update();
  }

  request(vector: number, levelTriggered: boolean): void {
    if (levelTriggered) this.level.add(vector);
    else this.level.remove(vector);
    this.requested.add(vector);
    this.update();
  }

  /** Moves the highest request into service and returns it. Call only when `ready`. */
  take(): number {
    const vector = this.requested.highest;
    this.requested.remove(vector);
    this.inService.add(vector);
    this.update();
    return vector;
  }

  /** EOI: ends the highest service and returns it, or -1 when there is none. */
  finish(): number {
    const vector = this.inService.highest;
    if (vector < 0) return -1;
    this.inService.remove(vector);
    this.update();
    return vector;
  }

  clear(): void {
    this.requested.clear();
    this.inService.clear();
    this.level.clear();
    this.taskPriority = 0;
  }

  /** Recomputes PPR and `ready`; for those who load the sets directly. */
  update(): void {
    const service = this.inService.highest < 0 ? 0 : this.inService.highest & 0xf0;
    const task = this.#taskPriority;
    this.processorPriority = (task & 0xf0) >= service ? task : service;
    this.ready = this.requested.highest >> 4 > this.processorPriority >> 4;
  }
}
