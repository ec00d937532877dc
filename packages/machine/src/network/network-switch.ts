// NetworkSwitch: joins any number of ports as an Ethernet switch does: it learns who is where from the frames it sees, and sends what it
// does not know, and what is for all, to all others.
import {
  ETHERNET_HEADER_BYTES,
  type EthernetFrame,
  type FrameReceiver,
  type NetworkPort,
} from './network-port.js';

/** Addresses known at a time, of all ports; the one heard longest ago is forgotten first. */
const MAX_ADDRESSES = 1024;

/** Six bytes as a number. */
function addressAt(bytes: Uint8Array, at: number): number {
  let address = 0;
  for (let i = 0; i < 6; i++) address = address * 256 + (bytes[at + i] as number);
  return address;
}

class SwitchPort implements NetworkPort {
  receiver: FrameReceiver | null = null;
  readonly #owner: NetworkSwitch;

  constructor(owner: NetworkSwitch) {
    this.#owner = owner;
  }

  send(frame: EthernetFrame): void {
    this.#owner.forward(this, frame);
  }

  listen(receiver: FrameReceiver | null): void {
    this.receiver = receiver;
  }

  close(): void {
    this.receiver = null;
    this.#owner.remove(this);
  }
}

export class NetworkSwitch {
  readonly #ports: Set<SwitchPort> = new Set();
  /** In the order in which they were heard last. */
  readonly #addresses: Map<number, SwitchPort> = new Map();

  get portCount(): number {
    return this.#ports.size;
  }

  /** Plugs in a new port. */
  addPort(): NetworkPort {
    const port = new SwitchPort(this);
    this.#ports.add(port);
    return port;
  }

  /** Unplugs a port: what closing it does. */
  remove(port: NetworkPort): void {
    if (!this.#ports.delete(port as SwitchPort)) return;
    for (const [address, at] of this.#addresses) if (at === port) this.#addresses.delete(address);
  }

  /** Passes on what came in at `from`. */
  forward(from: NetworkPort, frame: EthernetFrame): void {
    const { bytes } = frame;
    if (!this.#ports.has(from as SwitchPort) || bytes.byteLength < ETHERNET_HEADER_BYTES) return;
    const isFromGroup = ((bytes[6] as number) & 1) !== 0;
    if (!isFromGroup) this.#learn(addressAt(bytes, 6), from as SwitchPort);
    const isForGroup = ((bytes[0] as number) & 1) !== 0;
    const known = isForGroup ? undefined : this.#addresses.get(addressAt(bytes, 0));
    if (known) {
      if (known !== from) known.receiver?.(frame);
      return;
    }
    for (const port of this.#ports) if (port !== from) port.receiver?.(frame);
  }

  #learn(address: number, port: SwitchPort): void {
    this.#addresses.delete(address);
    this.#addresses.set(address, port);
    if (this.#addresses.size <= MAX_ADDRESSES) return;
    for (const [oldest] of this.#addresses) {
      this.#addresses.delete(oldest);
      break;
    }
  }
}
