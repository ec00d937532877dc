// What a session in the foreground asks of a guest, whatever kind it is: its console, its run, its end.
import {
  Machine,
  type MachineEnd,
  type PcConfig,
  XenGuest,
  type XenGuestConfig,
} from '@proxeny/machine';

export interface ForegroundGuest {
  /** Types at its console. */
  send(bytes: Uint8Array): void;
  /** Bytes typed that it has not taken yet. */
  queuedInput(): number;
  /** It takes input now. */
  isListening(): boolean;
  run(): Promise<MachineEnd>;
  stop(): void;
}

/** What a guest is given by its session. */
export interface GuestHooks {
  /** Bytes it prints on its console. */
  readonly onOutput: (bytes: Uint8Array) => void;
  /** Bytes it writes to debug ports. */
  readonly onDebug: (byte: number) => void;
  /** Asked between slices: whether its output must drain first. */
  readonly hold: () => Promise<void> | null;
}

/** Makes a guest; again after a reset. @throws ImageError, ConfigError, HvError */
export type GuestBuilder = (hooks: GuestHooks) => Promise<ForegroundGuest>;

/** What a guest is built from, read anew each time: nobody keeps the images while it runs. */
type ConfigSource<C> = () => C | Promise<C>;

const CONSOLE_PORT = 0;

export function pcGuest(config: ConfigSource<PcConfig>): GuestBuilder {
  return async ({ onOutput, onDebug, hold }) => {
    const machine = new Machine({
      ...(await config()),
      onSerial: (index, byte) => {
        if (index === CONSOLE_PORT) onOutput(Uint8Array.of(byte));
      },
      onDebug,
      hold,
    });
    return {
      send: (bytes) => machine.send(CONSOLE_PORT, bytes),
      queuedInput: () => machine.queuedInput(CONSOLE_PORT),
      isListening: () => machine.board.uarts[CONSOLE_PORT].dataTerminalReady,
      run: () => machine.run(),
      stop: () => machine.stop(),
    };
  };
}

/** `onBuilt` hears of each guest that is made. */
export function xenGuest(
  config: ConfigSource<XenGuestConfig>,
  onBuilt: (guest: XenGuest) => void = () => {},
): GuestBuilder {
  return async ({ onOutput, hold }) => {
    const guest = new XenGuest({ ...(await config()), onConsole: onOutput, hold });
    onBuilt(guest);
    return {
      send: (bytes) => guest.send(bytes),
      queuedInput: () => guest.queuedInput,
      isListening: () => true,
      run: () => guest.run(),
      stop: () => guest.stop(),
    };
  };
}
