// Runstate: where a vCPU's time went: running, waiting for a CPU, waiting for an event, offline. vcpu.h, RUNSTATE_*.
import { RUNSTATE_offline, vcpu_runstate_info } from '@proxeny/abi';

export class Runstate {
  /** RUNSTATE_*. */
  state: number = RUNSTATE_offline;
  /** When it began. */
  sinceNs = 0;
  /** Time spent before that, by state. */
  readonly spentNs: number[] = [0, 0, 0, 0];

  change(state: number, nowNs: number): void {
    if (state === this.state) return;
    this.spentNs[this.state] = this.timeIn(this.state, nowNs);
    this.state = state;
    this.sinceNs = nowNs;
  }

  /** Time spent in a state up to now, in ns. */
  timeIn(state: number, nowNs: number): number {
    const before = this.spentNs[state] ?? 0;
    return state === this.state ? before + Math.max(0, nowNs - this.sinceNs) : before;
  }

  /** Writes a vcpu_runstate_info, as it is at `nowNs`. */
  write(view: DataView, base: number, word: 32 | 64, nowNs: number): void {
    const { fields } = vcpu_runstate_info.of(word);
    fields.state.set(view, base, this.state);
    fields.state_entry_time.set(view, base, this.sinceNs);
    for (let state = 0; state < 4; state++) {
      const at = base + state * fields.time.stride;
      fields.time.element.set(view, at, Math.floor(this.timeIn(state, nowNs)));
    }
  }
}

export function runstateBytes(word: 32 | 64): number {
  return vcpu_runstate_info.of(word).byteLength;
}
