// NativeCpu: a CPU whose guest is a generator (NativeCode). It fits what @proxeny/hv-core asks of a CPU, by shape: this package does not
// import it. The kernel's own memory accesses go through the vCPU's translations, as an x86 kernel's would.
import {
  __HYPERVISOR_sched_op_compat,
  __HYPERVISOR_xen_version,
  SCHEDOP_shutdown,
  SHUTDOWN_poweroff,
  XENVER_version,
} from '@proxeny/abi';
import type { HypercallAction, NativeCode } from './native-code.js';
import { NativeGuest } from './native-guest.js';
import type { NativeVcpu } from './native-vcpu.js';

/** A guest's entry point. */
export type NativeKernel = (guest: NativeGuest) => NativeCode;

// GuestExit of hv-core, by number.
const EXIT_BUDGET = 0;
const EXIT_IDLE = 1;
const EXIT_HYPERCALL = 2;
const EXIT_DEAD = 3;

/** One thread of control: the kernel itself, or an upcall on top of it. */
interface Activity {
  readonly code: NativeCode;
  /** What the last `yield` returns. */
  result: number;
  /** A hypercall that is not done. */
  call: HypercallAction | null;
  /** Of a ComputeAction: what is left. */
  computeLeft: number;
}

function activity(code: NativeCode): Activity {
  return { code, result: 0, call: null, computeLeft: 0 };
}

/** Forces pending upcalls in, as Linux does: a hypercall that does nothing else. */
const forceUpcalls: HypercallAction = {
  kind: 'hypercall',
  number: __HYPERVISOR_xen_version,
  arguments: [XENVER_version, 0],
};
const powerOff: HypercallAction = {
  kind: 'hypercall',
  number: __HYPERVISOR_sched_op_compat,
  arguments: [SCHEDOP_shutdown, SHUTDOWN_poweroff],
};

export class NativeCpu {
  readonly guest: NativeGuest;
  /** What the kernel threw, if it died. */
  error: unknown = null;
  executed = 0;
  readonly #vcpu: NativeVcpu;
  readonly #stack: Activity[];
  /** A hypercall of the CPU's own, whose result nobody gets. */
  #ownCall: HypercallAction | null = null;
  readonly #low = new Uint32Array(6);
  readonly #high = new Uint32Array(6);
  #isFinished = false;

  constructor(vcpu: NativeVcpu, kernel: NativeKernel) {
    this.#vcpu = vcpu;
    this.guest = new NativeGuest(vcpu);
    this.#stack = [activity(kernel(this.guest))];
  }

  run(budget: number): 0 | 1 | 2 | 3 {
    this.executed = 0;
    for (;;) {
      const top = this.#stack[this.#stack.length - 1];
      if (this.#ownCall || top?.call) return EXIT_HYPERCALL;
      if (!top) {
        if (this.#isFinished) return EXIT_IDLE;
        this.#isFinished = true;
        this.#startOwn(powerOff);
        continue;
      }
      if (top.computeLeft > 0) {
        const step = Math.min(top.computeLeft, budget - this.executed);
        top.computeLeft -= step;
        this.executed += step;
      }
      if (this.executed >= budget) return EXIT_BUDGET;
      if (!this.#advance(top)) return EXIT_DEAD;
    }
  }

  /** Runs `top` to its next yield; false if it threw. */
  #advance(top: Activity): boolean {
    this.executed++;
    let step: ReturnType<NativeCode['next']>;
    try {
      step = top.code.next(top.result);
    } catch (error) {
      this.error = error;
      return false;
    }
    if (step.done) {
      this.#stack.pop();
      // The end of an upcall unmasks; what came meanwhile is delivered at the end of a hypercall.
      if (this.#stack.length > 0) {
        this.#vcpu.isUpcallMasked = false;
        this.#startOwn(forceUpcalls);
      }
    } else if (step.value.kind === 'compute') {
      top.computeLeft = step.value.instructions;
    } else {
      top.call = step.value;
      this.#load(step.value);
    }
    return true;
  }

  #startOwn(call: HypercallAction): void {
    this.#ownCall = call;
    this.#load(call);
  }

  #load(call: HypercallAction): void {
    for (let i = 0; i < 6; i++) {
      const value = BigInt(call.arguments[i] ?? 0);
      this.#low[i] = Number(BigInt.asUintN(32, value));
      this.#high[i] = this.#vcpu.domain.word === 32 ? 0 : Number(BigInt.asUintN(32, value >> 32n));
    }
  }

  hypercallNumber(): number {
    return (this.#ownCall ?? this.#stack[this.#stack.length - 1]?.call)?.number ?? -1;
  }

  hypercallArguments(low: Uint32Array, high: Uint32Array, count: number): void {
    for (let i = 0; i < count; i++) {
      low[i] = this.#low[i] ?? 0;
      high[i] = this.#high[i] ?? 0;
    }
  }

  setHypercallArg(index: number, low: number, high: number): void {
    this.#low[index] = low;
    this.#high[index] = high;
  }

  finishHypercall(result: number): void {
    if (this.#ownCall) {
      this.#ownCall = null;
      const interrupted = this.#stack[this.#stack.length - 1]?.call;
      if (interrupted) this.#load(interrupted);
      return;
    }
    const top = this.#stack[this.#stack.length - 1];
    if (!top) return;
    top.call = null;
    top.result = result;
  }

  /** The call stays; its arguments, as they are now, are what it starts again with. */
  restartHypercall(): void {
    const top = this.#stack[this.#stack.length - 1];
    if (this.#ownCall || !top?.call) return;
    const values: bigint[] = [];
    for (let i = 0; i < 6; i++) {
      values.push((BigInt(this.#high[i] as number) << 32n) | BigInt(this.#low[i] as number));
    }
    top.call = { ...top.call, arguments: values };
  }

  upcall(): void {
    // A hypercall that is interrupted gets its arguments back when the upcall's own last hypercall is done.
    this.#stack.push(activity(this.guest.onUpcall()));
  }
}
