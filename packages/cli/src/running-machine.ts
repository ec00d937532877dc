// A machine that runs in another process, for commands that ask it something; its errors as the user's.
import { ControlClient, ControlError, controlFolder } from '@proxeny/machine/pc';
import type { Command } from 'commander';
import { CommandError } from './command-error.js';
import { EXIT_FAILURE, EXIT_NOT_FOUND } from './exit-code.js';

export interface MachineOptions {
  readonly machine?: string;
}

/** Adds the option that says which machine. */
export function addMachineOption(command: Command): Command {
  return command.option('-M, --machine <name>', 'which machine; may be left out if only one runs');
}

/**
 * Connects, does `work`, and disconnects.
 * @throws CommandError for what the machine refuses, or if there is none
 */
export async function withMachine<Result>(
  { machine }: MachineOptions,
  work: (client: ControlClient) => Promise<Result>,
): Promise<Result> {
  let client: ControlClient | null = null;
  try {
    client = await ControlClient.connect(controlFolder(), machine);
    return await work(client);
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    const hint = error.code === 'ambiguous' ? ' with --machine' : '';
    const isMissing = error.code === 'not-found';
    throw new CommandError(error.message + hint, isMissing ? EXIT_NOT_FOUND : EXIT_FAILURE);
  } finally {
    client?.close();
  }
}
