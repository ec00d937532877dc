// Guests of Xen as a session in the foreground has them: one, or several in one machine.
import type { MachineEnd } from '@proxeny/machine/pc';
import {
  type EndAction,
  XenDomains,
  type XenDomainsConfig,
  XenGuest,
  type XenGuestConfig,
} from '@proxeny/machine/xen';
import type { ConfigSource, GuestBuilder } from './foreground-guest.js';
import type { OnControl } from './guest-control.js';
import { LinePrefixer } from './line-prefixer.js';

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
