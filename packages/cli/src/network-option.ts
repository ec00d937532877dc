// The network cards of a command line: their networks, opened, for whatever kind of guest gets them.
import { randomBytes } from 'node:crypto';
import {
  CaptureFile,
  connectStreamNetwork,
  HostAlarm,
  HostSockets,
  hostRandomU32,
  listenStreamNetwork,
  makeCable,
  type NetworkPort,
  NetworkSwitch,
  type PortForward,
  UserNetwork,
} from '@proxeny/machine/pc';
import { CommandError, usageError } from './command-error.js';
import { say } from './messages.js';
import { type NetworkKind, type NetworkWish, parseNetwork, parsePublish } from './network-wish.js';

/** A card, plugged in. */
export interface NetworkCard {
  /** `52:54:00:12:34:56`. */
  readonly mac: string;
  readonly network: NetworkPort;
}

/** Networks of a command line, to be closed after the guest. */
export interface OpenNetworks {
  readonly cards: readonly NetworkCard[];
  close(): void;
}

/**
 * Opens the network of every card, or of none.
 * @param nets texts of `--net`
 * @param publishes texts of `--publish`; without any `--net` they make a user network
 * @throws CommandError
 */
export async function openNetworks(
  nets: readonly string[],
  publishes: readonly string[],
): Promise<OpenNetworks> {
  const wishes = wishesOf(nets, publishes.length > 0);
  const forwards = publishes.map(parsePublish);
  const opening = new Opening();
  try {
    for (const [i, wish] of wishes.entries()) await opening.open(wish, i);
    for (const forward of forwards) await opening.forward(forward);
  } catch (error) {
    opening.close();
    throw error;
  }
  return opening;
}

function wishesOf(nets: readonly string[], hasForwards: boolean): NetworkWish[] {
  const texts = nets.length === 0 && hasForwards ? ['user'] : nets;
  const wishes = texts.map(parseNetwork).filter((wish) => wish !== null);
  if (wishes.length > 0 && wishes.length < texts.length)
    throw usageError('--net none goes not with other networks');
  if (hasForwards && !wishes.some(({ network }) => network.kind === 'user'))
    throw usageError('--publish needs --net user');
  return wishes;
}

/** Networks as they are opened. */
class Opening implements OpenNetworks {
  readonly cards: NetworkCard[] = [];
  readonly #closers: (() => void)[] = [];
  readonly #switches: Map<string, NetworkSwitch> = new Map();
  readonly #captures: Map<string, CaptureFile> = new Map();
  /** The first one gets forwarded ports. */
  #user: UserNetwork | null = null;

  async open({ network, mac, capture }: NetworkWish, index: number): Promise<void> {
    const port = await this.#plug(network);
    const shown = capture === null ? port : this.#capture(capture).through(port, `net${index}`);
    this.cards.push({ mac: mac ?? randomMac(), network: shown });
  }

  async forward(forward: PortForward): Promise<void> {
    try {
      await this.#user?.forward(forward);
    } catch (error) {
      const { protocol, host } = forward;
      throw new CommandError(
        `--publish: ${protocol} port ${host.port} of ${host.address}: ${reasonOf(error)}`,
      );
    }
  }

  async #plug(network: NetworkKind): Promise<NetworkPort> {
    switch (network.kind) {
      case 'user':
        return this.#plugUser(network.isRestricted, network.reachesHost);
      case 'switch': {
        const found = this.#switches.get(network.name) ?? new NetworkSwitch();
        this.#switches.set(network.name, found);
        return found.addPort();
      }
      default:
        return await this.#plugStream(network);
    }
  }

  #plugUser(isRestricted: boolean, reachesHost: boolean): NetworkPort {
    const [port, far] = makeCable();
    const user = new UserNetwork({
      port: far,
      host: new HostSockets(),
      alarm: new HostAlarm(),
      randomU32: hostRandomU32,
      isRestricted,
      reachesHost,
    });
    this.#closers.push(() => user.close());
    this.#user ??= user;
    return port;
  }

  async #plugStream({
    kind,
    address,
  }: NetworkKind & { kind: 'listen' | 'connect' }): Promise<NetworkPort> {
    try {
      if (kind === 'connect') {
        const port = await connectStreamNetwork(address);
        this.#closers.push(() => port.close());
        return port;
      }
      const network = await listenStreamNetwork(address);
      this.#closers.push(() => network.close());
      return network.port;
    } catch (error) {
      const where = 'path' in address ? `unix:${address.path}` : `${address.host}:${address.port}`;
      throw new CommandError(`--net '${kind}=${where}': ${reasonOf(error)}`);
    }
  }

  #capture(path: string): CaptureFile {
    const known = this.#captures.get(path);
    if (known) return known;
    try {
      const file = new CaptureFile(path, ({ message }) =>
        say(`capture: ${message}; what follows is not in '${path}'`),
      );
      this.#captures.set(path, file);
      this.#closers.push(() => file.close());
      return file;
    } catch (error) {
      throw new CommandError(`--net capture='${path}' cannot be written: ${reasonOf(error)}`);
    }
  }

  close(): void {
    for (const close of this.#closers.splice(0)) close();
  }
}

/** What the host said, in words that tell what to do. */
function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const known: Readonly<Record<string, string>> = {
    EADDRINUSE: 'is in use; choose another',
    EACCES: 'may not be used by you; choose another',
    EADDRNOTAVAIL: 'is no address of this host',
    ECONNREFUSED: 'nobody listens there',
    ENOENT: 'does not exist',
  };
  return known[code ?? ''] ?? message;
}

/** An address of the kind that machines make up: locally administered. */
function randomMac(): string {
  const own = [...randomBytes(3)].map((byte) => byte.toString(16).padStart(2, '0'));
  return `52:54:00:${own.join(':')}`;
}
