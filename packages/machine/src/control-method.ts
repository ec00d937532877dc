// What a running machine can be asked from outside: methods by name, whoever carries the calls (host/control-server.ts).

/** One call's way back, beside its result. */
export interface ControlStream {
  /** Sends a value before the result. */
  send(value: unknown): void;
  /** Resolves when the caller has gone away or wants no more. */
  readonly closed: Promise<void>;
}

/** The caller asked for something that cannot be; goes back with its code. */
export class ControlError extends Error {
  override readonly name = 'ControlError';
  /** Short and stable, for programs. */
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * A method. `params` is whatever the caller sent, and must be checked. The result, and what is sent before it, is turned into JSON.
 * @throws ControlError
 */
export type ControlMethod = (params: unknown, stream: ControlStream) => unknown;

export type ControlMethods = Readonly<Record<string, ControlMethod>>;

/** A member of `params` that must be a string. */
export function stringParam(params: unknown, name: string): string {
  const value = (params as Readonly<Record<string, unknown>> | null | undefined)?.[name];
  if (typeof value === 'string') return value;
  throw new ControlError('bad-params', `'${name}' must be a string`);
}
