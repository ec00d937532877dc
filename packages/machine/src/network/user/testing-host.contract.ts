// FakeHost: a host whose sockets a test sees and plays; and a user-mode network on it with a guest, in a time of the test's.
import { makeCable } from '../cable.js';
import { ManualAlarm } from '../testing-alarm.contract.js';
import type {
  HostDatagrams,
  HostEndpoint,
  HostListener,
  HostNetwork,
  HostStream,
  HostStreamEvents,
  OnDatagram,
} from './host-network.js';
import { TestGuest } from './testing-guest.contract.js';
import { UserNetwork, type UserNetworkOptions } from './user-network.js';

export class FakeSocket implements HostDatagrams {
  readonly sent: { readonly bytes: Uint8Array; readonly to: HostEndpoint }[] = [];
  readonly receive: OnDatagram;
  isClosed = false;

  constructor(receive: OnDatagram) {
    this.receive = receive;
  }
  send(bytes: Uint8Array, to: HostEndpoint): void {
    this.sent.push({ bytes, to });
  }
  close(): void {
    this.isClosed = true;
  }
}

export class FakeStream implements HostStream {
  readonly to: HostEndpoint;
  readonly events: HostStreamEvents;
  readonly written: Uint8Array[] = [];
  isEnded = false;
  isReset = false;
  isPaused = false;

  constructor(to: HostEndpoint, events: HostStreamEvents) {
    this.to = to;
    this.events = events;
  }
  write(bytes: Uint8Array): void {
    this.written.push(bytes);
  }
  end(): void {
    this.isEnded = true;
  }
  reset(): void {
    this.isReset = true;
  }
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
}

export class FakeHost implements HostNetwork {
  readonly streams: FakeStream[] = [];
  readonly sockets: FakeSocket[] = [];
  resolver: HostEndpoint | null = { address: '192.0.2.53', port: 53 };

  get openSockets(): number {
    return this.sockets.filter(({ isClosed }) => !isClosed).length;
  }
  connect(to: HostEndpoint, events: HostStreamEvents): HostStream {
    const stream = new FakeStream(to, events);
    this.streams.push(stream);
    return stream;
  }
  openDatagrams(_family: 4 | 6, onDatagram: OnDatagram): HostDatagrams {
    const socket = new FakeSocket(onDatagram);
    this.sockets.push(socket);
    return socket;
  }
  async bindDatagrams(_at: HostEndpoint, onDatagram: OnDatagram): Promise<HostDatagrams> {
    return this.openDatagrams(4, onDatagram);
  }
  async listen(): Promise<HostListener> {
    return { close: () => {} };
  }
  nameServer(): HostEndpoint | null {
    return this.resolver;
  }
}

export interface TestNetwork {
  readonly network: UserNetwork;
  readonly guest: TestGuest;
  readonly host: FakeHost;
  /** Lets time pass, and the guest look at what has arrived. */
  pass(seconds?: number): void;
}

export function makeTestNetwork(options: Partial<UserNetworkOptions> = {}): TestNetwork {
  const [port, far] = makeCable();
  const host = new FakeHost();
  const [alarm, guestAlarm] = [new ManualAlarm(), new ManualAlarm()];
  let state = 1;
  const randomU32 = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state;
  };
  const network = new UserNetwork({ port: far, host, alarm, randomU32, ...options });
  const looks: (() => void)[] = [];
  const guest = new TestGuest(port, guestAlarm, { defer: (look) => looks.push(look) });
  const look = (): void => {
    for (let next = looks.shift(); next; next = looks.shift()) next();
  };
  const pass = (seconds = 0): void => {
    look();
    for (let left = seconds; left > 0; left -= 0.05) {
      alarm.run(Math.min(left, 0.05) * 1e9);
      guestAlarm.run(Math.min(left, 0.05) * 1e9);
      look();
    }
  };
  return { network, guest, host, pass };
}
