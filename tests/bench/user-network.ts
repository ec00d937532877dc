// User-mode network: bytes through both ends of TCP, ours for the guest's and ours for the host's, with a host that takes and gives at once.
// What a guest's own TCP costs is not in it.
import { makeCable } from '../../packages/machine/src/network/cable.js';
import { ManualAlarm } from '../../packages/machine/src/network/testing-alarm.contract.js';
import type {
  HostNetwork,
  HostStreamEvents,
} from '../../packages/machine/src/network/user/host-network.js';
import { TestGuest } from '../../packages/machine/src/network/user/testing-guest.contract.js';
import { UserNetwork } from '../../packages/machine/src/network/user/user-network.js';
import type { Measurement } from './measurement.js';

const TARGET = 0xc000_0201;
const CALL_BYTES = 8 << 20;
const PART_BYTES = 65_536;
const part = new Uint8Array(PART_BYTES).fill(7);

/** A connection of a guest's, and what the host's end of it hears. */
function connected(offloads: boolean): {
  guest: ReturnType<TestGuest['connect']>;
  host: HostStreamEvents;
  received: { guest: number; host: number };
  isPaused: () => boolean;
  look: () => void;
} {
  const received = { guest: 0, host: 0 };
  let events: HostStreamEvents | null = null;
  let isPaused = false;
  const host: HostNetwork = {
    connect: (_to, its) => {
      events = its;
      return {
        write: (bytes) => {
          received.host += bytes.byteLength;
          its.onWritten();
        },
        end: () => {},
        reset: () => {},
        pause: () => {
          isPaused = true;
        },
        resume: () => {
          isPaused = false;
        },
      };
    },
    openDatagrams: () => ({ send: () => {}, close: () => {} }),
    bindDatagrams: async () => ({ send: () => {}, close: () => {} }),
    listen: async () => ({ close: () => {} }),
    nameServer: () => null,
  };
  const [port, far] = makeCable();
  new UserNetwork({ port: far, host, alarm: new ManualAlarm(), randomU32: () => 1 });
  const looks: (() => void)[] = [];
  const look = (): void => {
    for (let next = looks.shift(); next; next = looks.shift()) next();
  };
  const guest = new TestGuest(port, new ManualAlarm(), {
    offloads,
    defer: (its) => looks.push(its),
  });
  const connection = guest.connect(TARGET, 80, {
    onOpen: () => {},
    onData: (bytes) => {
      received.guest += bytes.byteLength;
      connection.consumed(bytes.byteLength);
    },
    onSpace: () => {},
    onEnd: () => {},
    onClosed: () => {},
  });
  const heard = events as HostStreamEvents | null;
  if (!heard) throw new Error('the host was not asked to connect');
  heard.onConnected();
  look();
  return { guest: connection, host: heard, received, isPaused: () => isPaused, look };
}

function toHost(name: string, offloads: boolean): Measurement {
  const { guest, received, look } = connected(offloads);
  const call = (): void => {
    for (const end = received.host + CALL_BYTES; received.host < end; look())
      while (guest.bufferedBytes < 4 * PART_BYTES) guest.write(part);
  };
  return { name, unit: 'KiB', count: CALL_BYTES / 1024, call };
}

function toGuest(name: string, offloads: boolean): Measurement {
  const { host, received, look, isPaused } = connected(offloads);
  const call = (): void => {
    for (const end = received.guest + CALL_BYTES; received.guest < end; look())
      while (!isPaused()) host.onData(part);
  };
  return { name, unit: 'KiB', count: CALL_BYTES / 1024, call };
}

export const userNetworks: readonly (() => Measurement)[] = [
  () => toHost('user network, guest to host, offloads', true),
  () => toGuest('user network, host to guest, offloads', true),
  () => toHost('user network, guest to host, frames of 1,514', false),
  () => toGuest('user network, host to guest, frames of 1,514', false),
];
