// NativeCode: a guest kernel's code as a TypeScript generator. It yields what a CPU would do next and gets the result back; between
// two yields nothing interrupts it, so it must yield in every loop that may be long.

/** A number, or 64 bits exactly. */
export type NativeArgument = number | bigint;

/** Enters the hypervisor. The value of the `yield` is its result. */
export interface HypercallAction {
  readonly kind: 'hypercall';
  readonly number: number;
  readonly arguments: readonly NativeArgument[];
}

/** Spends instructions. */
export interface ComputeAction {
  readonly kind: 'compute';
  readonly instructions: number;
}

export type NativeAction = HypercallAction | ComputeAction;

export type NativeCode<Result = void> = Generator<NativeAction, Result, number>;

/** Performs a hypercall: `const result = yield* hypercall(number, …)`. */
export function* hypercall(
  number: number,
  ...parameters: readonly NativeArgument[]
): NativeCode<number> {
  return yield { kind: 'hypercall', number, arguments: parameters };
}

/** Spends `instructions`, in as many slices as that takes. */
export function* compute(instructions: number): NativeCode {
  yield { kind: 'compute', instructions };
}
