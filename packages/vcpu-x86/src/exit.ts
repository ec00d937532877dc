// Why run() returned.

/** The slice's instructions are used up. */
export const EXIT_SLICE = 0;
/** HLT: nothing to do until an interrupt. */
export const EXIT_HALT = 1;
/** The host asked ({@link X86Cpu.requestExit}). */
export const EXIT_REQUESTED = 2;
/** A triple fault: the CPU is shut down. */
export const EXIT_SHUTDOWN = 3;

export type Exit =
  | typeof EXIT_SLICE
  | typeof EXIT_HALT
  | typeof EXIT_REQUESTED
  | typeof EXIT_SHUTDOWN;

/** A fault that was delivered, for the message about a crash. */
export interface FaultRecord {
  readonly vector: number;
  readonly errorCode: number;
  readonly rip: number;
  /** Linear address of a page fault. */
  readonly address: number;
}
