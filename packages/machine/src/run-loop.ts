// RunLoop: gives a machine its slices, and the host its turns: visits of the event loop, and sleep while the guests have nothing to do.
// Host events enter only between slices, and no slice survives an await.
import type { HostClock } from './host/clock.js';
import { visitEventLoop } from './host/event-loop.js';

/** Host time between two visits of the event loop while guests run. */
const YIELD_MS = 4;
/** The same after a visit that brought the guests something: more is likely to follow. */
const BUSY_YIELD_MS = 1;
const LONGEST_SLEEP_MS = 1000;

/** What a loop runs. */
export interface SlicedMachine {
  readonly clock: HostClock;
  readonly isOver: boolean;
  /** The host does something for the guests: its event loop is visited after each slice. */
  readonly awaitsHost?: boolean;
  /** A promise holds the guests and their time until it resolves. */
  hold(): Promise<void> | null;
  /** Runs one slice. Returns when, in guest time, there may be something to do again: 0 if there is now. */
  runSlice(): number;
}

export class RunLoop {
  readonly #machine: SlicedMachine;
  #wake: (() => void) | null = null;
  /** Something has happened outside since the last slice, or visit of the event loop, began. */
  #isWoken = false;

  constructor(machine: SlicedMachine) {
    this.#machine = machine;
  }

  /** Something has happened outside: ends a sleep, or prevents the next one. */
  wake(): void {
    this.#isWoken = true;
    this.#wake?.();
  }

  /** Runs until the machine is over. */
  async run(): Promise<void> {
    const machine = this.#machine;
    const { clock } = machine;
    let yielded = performance.now();
    let yieldMs = YIELD_MS;
    while (!machine.isOver) {
      const held = machine.hold();
      if (held) {
        await this.#heldBy(held);
        continue;
      }
      if (performance.now() - yielded >= yieldMs) {
        this.#isWoken = false;
        await visitEventLoop();
        yieldMs = this.#isWoken ? BUSY_YIELD_MS : YIELD_MS;
        yielded = performance.now();
        continue;
      }
      this.#isWoken = false;
      const wakeNs = machine.runSlice();
      if (machine.awaitsHost === true) {
        await visitEventLoop();
        yielded = performance.now();
      }
      if (wakeNs === 0 || machine.isOver || this.#isWoken) continue;
      const waitMs = (wakeNs - clock.nowNs()) / 1e6;
      if (waitMs <= 0) continue;
      await this.#sleep(Math.min(Math.ceil(waitMs), LONGEST_SLEEP_MS));
      clock.catchUp();
      yielded = performance.now();
    }
  }

  /** Guest time stands still until `held` resolves or something wakes the machine. */
  async #heldBy(held: Promise<void>): Promise<void> {
    const { clock } = this.#machine;
    clock.pause();
    await new Promise<void>((resolve) => {
      this.#wake = () => {
        this.#wake = null;
        resolve();
      };
      void held.then(() => this.#wake?.());
    });
    clock.resume();
  }
  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wake?.(), ms);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = null;
        resolve();
      };
    });
  }
}
