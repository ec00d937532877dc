// GuestControl: lets other commands of the user ask a guest in the foreground, under its name, across its resets.
import {
  ControlError,
  type ControlMethods,
  ControlServer,
  controlFolder,
} from '@proxeny/machine/pc';
import { CommandError } from './command-error.js';
import { EXIT_CONFLICT, EXIT_FAILURE } from './exit-code.js';

/** Hears what can be asked of a guest, each time one is built. */
export type OnControl = (methods: ControlMethods) => void;

export class GuestControl {
  #methods: ControlMethods = {};
  #server: ControlServer | null = null;

  /** From now on this is what can be asked. */
  use(methods: ControlMethods): void {
    this.#methods = methods;
  }

  /**
   * Starts to listen. Without a name chosen by the user, a name of its own, and a failure is only reported.
   * @throws CommandError if the name cannot be had
   */
  async open(name: string | undefined, say: (message: string) => void): Promise<void> {
    try {
      this.#server = await ControlServer.listen({
        folder: controlFolder(),
        name: name ?? `guest-${process.pid}`,
        methods: () => this.#methods,
      });
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
      if (name === undefined) {
        say(`other commands cannot ask this guest: ${error.message}`);
        return;
      }
      const isTaken = error.code === 'name-in-use';
      throw new CommandError(error.message, isTaken ? EXIT_CONFLICT : EXIT_FAILURE);
    }
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }
}
