// CommandError: the user's wish cannot be met; one line for stderr and an exit code.
import { EXIT_FAILURE, EXIT_USAGE } from './exit-code.js';

export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT_FAILURE, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** An error of the command line itself. */
export function usageError(message: string): CommandError {
  return new CommandError(message, EXIT_USAGE);
}
