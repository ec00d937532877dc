// How a machine ended, whatever kind it is.

/** How a machine ended. */
export interface MachineEnd {
  readonly reason: 'poweroff' | 'reset' | 'crash' | 'exit' | 'stopped';
  /** Exit code the guest gave (debug-exit port), 0 otherwise. */
  readonly code: number;
  /** For `crash`: what happened, with rip and the last faults. */
  readonly message: string;
  /** For `crash`: the guest's own watchdog ended it. */
  readonly isWatchdog?: true;
}
