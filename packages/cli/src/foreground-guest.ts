// What a session in the foreground asks of a guest, whatever kind it is: its console, its run, its end.
import {
  Machine,
  type MachineEnd,
  type MachineStatistics,
  type PcConfig,
} from '@proxeny/machine/pc';

export interface ForegroundGuest {
  /** Types at its console. */
  send(bytes: Uint8Array): void;
  /** Presses keys of its display's keyboard, by their names; if it has one. */
  press?(names: readonly string[]): void;
  /** Bytes typed that it has not taken yet. */
  queuedInput(): number;
  /** It takes input now. */
  isListening(): boolean;
  run(): Promise<MachineEnd>;
  stop(): void;
  /** What its CPUs did so far, or those of all domains of its machine. */
  statistics(): MachineStatistics;
}

/** What a guest is given by its session. */
export interface GuestHooks {
  /** Bytes it prints on its console. */
  readonly onOutput: (bytes: Uint8Array) => void;
  /** Bytes it writes to debug ports. */
  readonly onDebug: (byte: number) => void;
  /** A line beside its console: what another guest of the same machine prints. */
  readonly onLine: (line: string) => void;
  /** A message about it, for the user. */
  readonly onMessage: (message: string) => void;
  /** Asked between slices: whether its output must drain first. */
  readonly hold: () => Promise<void> | null;
}

/** Makes a guest; again after a reset. @throws ImageError, ConfigError, HvError */
export type GuestBuilder = (hooks: GuestHooks) => Promise<ForegroundGuest>;

/** What a guest is built from, read anew each time: nobody keeps the images while it runs. */
export type ConfigSource<C> = () => C | Promise<C>;

const CONSOLE_PORT = 0;

/** Hears of each machine that is made. */
type OnMachine = (machine: Machine) => void;

/** A PC whose console is its virtio console. */
export function hvcGuest(config: ConfigSource<PcConfig>, onBuilt: OnMachine): GuestBuilder {
  return async ({ onOutput, onDebug, onMessage, hold }) => {
    const consolePorts = [{ isConsole: true, onOutput, isReady: () => hold() === null }];
    const machine = new Machine({ ...(await config()), consolePorts, onMessage, onDebug, hold });
    onBuilt(machine);
    return {
      send: (bytes) => machine.sendToPort(CONSOLE_PORT, bytes),
      queuedInput: () => machine.virtioConsole?.queuedInput(CONSOLE_PORT) ?? 0,
      isListening: () => machine.virtioConsole?.isOpen(CONSOLE_PORT) === true,
      run: () => machine.run(),
      stop: () => machine.stop(),
      press: (names) => machine.display?.press(...names),
      statistics: () => machine.statistics,
    };
  };
}

/** A PC whose console is its first serial port. */
export function pcGuest(config: ConfigSource<PcConfig>, onBuilt: OnMachine): GuestBuilder {
  return async ({ onOutput, onDebug, onMessage, hold }) => {
    const machine = new Machine({
      ...(await config()),
      onMessage,
      onSerial: (index, byte) => {
        if (index === CONSOLE_PORT) onOutput(Uint8Array.of(byte));
      },
      onDebug,
      hold,
    });
    onBuilt(machine);
    return {
      send: (bytes) => machine.send(CONSOLE_PORT, bytes),
      queuedInput: () => machine.queuedInput(CONSOLE_PORT),
      isListening: () => machine.board.uarts[CONSOLE_PORT].dataTerminalReady,
      run: () => machine.run(),
      stop: () => machine.stop(),
      press: (names) => machine.display?.press(...names),
      statistics: () => machine.statistics,
    };
  };
}
