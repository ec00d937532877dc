// What a session in the foreground asks of a guest, whatever kind it is: its console, its run, its end.
import {
  type EndAction,
  Machine,
  type MachineEnd,
  type MachineStatistics,
  type PcConfig,
  XenDomains,
  type XenDomainsConfig,
  XenGuest,
  type XenGuestConfig,
} from '@proxeny/machine';
import type { OnControl } from './guest-control.js';
import { LinePrefixer } from './line-prefixer.js';

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
type ConfigSource<C> = () => C | Promise<C>;

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
      statistics: () => guest.machine.statistics,
    };
  };
}

/** How a machine's domains are shown: one at the terminal, the others a line at a time. */
export interface DomainsView {
  /** The domain whose console is the terminal. */
  readonly console: string;
  readonly onControl: OnControl;
}

/** Several domains in one machine. What becomes of each is said when it happens, so the end as a whole has no message. */
export function xenDomains(
  config: Pick<XenDomainsConfig, 'domains' | 'model' | 'observer' | 'sampler'>,
  view: DomainsView,
): GuestBuilder {
  return async ({ onOutput, onLine, onMessage, hold }) => {
    const others = new Map(
      config.domains.map(({ name }) => [name, new LinePrefixer(name, onLine)] as const),
    );
    others.delete(view.console);
    const living = new Set(config.domains.map(({ name }) => name));
    const machine = await XenDomains.build({
      ...config,
      hold,
      onConsole: (name, bytes) => {
        const other = others.get(name);
        if (other) other.push(bytes);
        else onOutput(bytes);
      },
      onEnd: (name, end, action) => {
        others.get(name)?.flush();
        // A guest's own words are enough for a power off, unless the terminal stays without one.
        const isPlain = end.reason === 'poweroff' && action === 'destroy';
        if (action !== 'restart') living.delete(name);
        const isLeft = name === view.console && living.size > 0;
        if (!isPlain || isLeft) onMessage(`domain ${name} ${endText(end)}${actionText(action)}`);
      },
    });
    view.onControl(machine.host.control);
    return {
      send: (bytes) => machine.send(view.console, bytes),
      queuedInput: () => machine.queuedInput(view.console),
      isListening: () => true,
      run: async () => {
        const end = await machine.run();
        for (const other of others.values()) other.flush();
        return { ...end, message: '' };
      },
      stop: () => machine.stop(),
      statistics: () => machine.machine.statistics,
    };
  };
}

function endText({ reason, message }: MachineEnd): string {
  if (reason === 'crash') return `crashed: ${message}`;
  return reason === 'reset' ? 'has reset' : 'powered off';
}

function actionText(action: EndAction): string {
  if (action === 'restart') return '; starting it again';
  return action === 'preserve' ? '; it stays, to be looked at' : '';
}
