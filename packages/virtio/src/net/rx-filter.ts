// RxFilter: which frames a driver wants, as it says by its control queue. VIRTIO 1.2 §5.1.6.5.1 to §5.1.6.5.3.
import { SavedState } from '../saved-state.js';
import * as N from '../spec/net.js';

const ADDRESS_BYTES = 6;
const MAX_ADDRESSES = 64;
const VLAN_COUNT = 4096;
const VLAN_TYPE = 0x8100;

/** Saved state of an {@link RxFilter}. */
export interface RxFilterState {
  readonly version: 1;
  readonly flags: readonly number[];
  readonly unicast: readonly number[];
  readonly multicast: readonly number[];
  readonly vlans: readonly number[];
}

/** A list of addresses; `null`: too many to be told apart, so that all are wanted. */
type AddressList = ReadonlySet<number> | null;

/** An address as a number. */
function addressAt(bytes: Uint8Array, at: number): number {
  let address = 0;
  for (let i = 0; i < ADDRESS_BYTES; i++) address = address * 256 + bytes[at + i];
  return address;
}

const BROADCAST = 2 ** 48 - 1;

export class RxFilter {
  /** By RX command: promiscuous, all multicast, all unicast, no multicast, no unicast, no broadcast. */
  readonly #flags: boolean[] = new Array(6).fill(false);
  #unicast: AddressList = new Set();
  #multicast: AddressList = new Set();
  readonly #vlans: Set<number> = new Set();
  /** The driver is one that says which VLANs it wants: none until then. */
  filtersVlans = false;

  constructor() {
    this.reset();
  }

  /** Everything is wanted until the driver says what (§5.1.6.5.1). */
  reset(): void {
    this.#flags.fill(false);
    this.#flags[N.VIRTIO_NET_CTRL_RX_PROMISC] = true;
    this.#unicast = new Set();
    this.#multicast = new Set();
    this.#vlans.clear();
    this.filtersVlans = false;
  }

  /** Whether the driver wants a frame. @param own the address of the device */
  accepts(bytes: Uint8Array, own: Uint8Array): boolean {
    if (bytes.length < 2 * ADDRESS_BYTES) return false;
    if (this.filtersVlans && !this.#acceptsVlan(bytes)) return false;
    if (this.#flags[N.VIRTIO_NET_CTRL_RX_PROMISC]) return true;
    const address = addressAt(bytes, 0);
    if (address === BROADCAST) return !this.#flags[N.VIRTIO_NET_CTRL_RX_NOBCAST];
    if (bytes[0] & 1) {
      if (this.#flags[N.VIRTIO_NET_CTRL_RX_NOMULTI]) return false;
      return this.#flags[N.VIRTIO_NET_CTRL_RX_ALLMULTI] || (this.#multicast?.has(address) ?? true);
    }
    if (this.#flags[N.VIRTIO_NET_CTRL_RX_NOUNI]) return false;
    if (this.#flags[N.VIRTIO_NET_CTRL_RX_ALLUNI]) return true;
    return address === addressAt(own, 0) || (this.#unicast?.has(address) ?? true);
  }

  /** A command of class RX; false if it is none. */
  setMode(command: number, data: Uint8Array): boolean {
    if (command >= this.#flags.length || data.length < 1 || data[0] > 1) return false;
    this.#flags[command] = data[0] === 1;
    return true;
  }

  /** MAC_TABLE_SET: two lists, each after its length as 32 bits. */
  setTable(data: Uint8Array): boolean {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    const lists: AddressList[] = [];
    let at = 0;
    for (let list = 0; list < 2; list++) {
      if (at + 4 > data.length) return false;
      const count = view.getUint32(at, true);
      at += 4;
      if (count > (data.length - at) / ADDRESS_BYTES) return false;
      const addresses = new Set<number>();
      for (let i = 0; i < Math.min(count, MAX_ADDRESSES); i++)
        addresses.add(addressAt(data, at + i * ADDRESS_BYTES));
      lists.push(count > MAX_ADDRESSES ? null : addresses);
      at += count * ADDRESS_BYTES;
    }
    this.#unicast = lists[0];
    this.#multicast = lists[1];
    return true;
  }

  /** VLAN_ADD, VLAN_DEL: 16 bits. */
  setVlan(command: number, data: Uint8Array): boolean {
    const vlan = data.length < 2 ? VLAN_COUNT : data[0] | (data[1] << 8);
    if (vlan >= VLAN_COUNT) return false;
    if (command === N.VIRTIO_NET_CTRL_VLAN_ADD) this.#vlans.add(vlan);
    else if (command === N.VIRTIO_NET_CTRL_VLAN_DEL) this.#vlans.delete(vlan);
    else return false;
    return true;
  }

  save(): RxFilterState {
    return {
      version: 1,
      flags: this.#flags.map(Number),
      unicast: saveAddresses(this.#unicast),
      multicast: saveAddresses(this.#multicast),
      vlans: [...this.#vlans],
    };
  }

  /** @throws RangeError */
  restore(state: unknown): void {
    const reader = new SavedState('virtio receive filter', state, 1);
    const flags = reader.integers('flags', 1, this.#flags.length, this.#flags.length);
    const unicast = reader.integers('unicast', 2 ** 48, 0, MAX_ADDRESSES);
    const multicast = reader.integers('multicast', 2 ** 48, 0, MAX_ADDRESSES);
    const vlans = reader.integers('vlans', VLAN_COUNT - 1, 0, VLAN_COUNT);
    for (const [i, flag] of flags.entries()) this.#flags[i] = flag === 1;
    this.#unicast = restoreAddresses(unicast);
    this.#multicast = restoreAddresses(multicast);
    this.#vlans.clear();
    for (const vlan of vlans) this.#vlans.add(vlan);
  }

  #acceptsVlan(bytes: Uint8Array): boolean {
    const type = (bytes[12] << 8) | bytes[13];
    if (type !== VLAN_TYPE || bytes.length < 16) return true;
    return this.#vlans.has(((bytes[14] & 0x0f) << 8) | bytes[15]);
  }
}

/** "All" is saved as a number that is no address. */
const ALL = 2 ** 48;

function saveAddresses(list: AddressList): number[] {
  return list === null ? [ALL] : [...list];
}

function restoreAddresses(list: readonly number[]): AddressList {
  return list.includes(ALL) ? null : new Set(list);
}
