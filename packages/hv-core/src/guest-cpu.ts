// GuestCpu: all that the microkernel asks of a CPU. An x86 CPU fits, and so does a TypeScript generator.

/** Why a CPU came back. */
export const GuestExit = {
  /** The budget is used up. */
  budget: 0,
  /** Nothing to do before an event: as if the guest had called SCHEDOP_block. */
  idle: 1,
  /** A hypercall waits; its number and arguments can be read. An engine may also stay in `run` and call {@link dispatchInRun}. */
  hypercall: 2,
  /** The guest cannot go on (a triple fault, an error in it): its domain crashed. */
  dead: 3,
} as const;
export type GuestExit = (typeof GuestExit)[keyof typeof GuestExit];

/** One virtual CPU's engine. */
export interface GuestCpu {
  /** Runs at most about `budget` instructions. */
  run(budget: number): GuestExit;
  /** Instructions of the last `run`, with what hypercalls inside of it cost. */
  readonly executed: number;
  hypercallNumber(): number;
  /** The first `count` of its arguments, at most 6: bits 0 to 31, and bits 32 to 63 (0 of a 32-bit guest's). */
  hypercallArguments(low: Uint32Array, high: Uint32Array, count: number): void;
  /** Changes an argument, for a hypercall that goes on later. */
  setHypercallArg(index: number, low: number, high: number): void;
  /** The hypercall is done; `result` is its value for the guest, an integer of at most 53 bits and a sign. */
  finishHypercall(result: number): void;
  /** The same hypercall again with the arguments as they are now, after pending upcalls. */
  restartHypercall(): void;
  /** Enters the guest's event callback. Upcalls were unmasked and are masked now. */
  upcall(): void;
}

/** The engine of a translated guest's vCPU, which hears of events by an interrupt and masks them as interrupts are. */
export interface InterruptCpu extends GuestCpu {
  /** Tells an InterruptCpu from other engines. */
  readonly takesInterrupts: true;
  /** `vcpu.hasPendingUpcall` has become true, or the guest has just said by which interrupt it wants to hear of it. */
  eventsCame(): void;
  /** Would it take an interrupt now? */
  canWake(): boolean;
}

/** Whether a vCPU's engine hears of events by an interrupt. */
export function isInterruptCpu(cpu: GuestCpu): cpu is InterruptCpu {
  return 'takesInterrupts' in cpu;
}
