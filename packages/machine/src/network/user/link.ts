// UserLink: the Ethernet side of a user-mode network: who has which address (ARP, RFC 826), and packets on their way to guests.
import { fold, sum16 } from '../checksum.js';
import { IP_PROTOCOL_UDP, viewOf } from '../internet-headers.js';
import {
  ETHERNET_HEADER_BYTES,
  type EthernetFrame,
  type NetworkPort,
  plainFrame,
} from '../network-port.js';
import {
  ETHERTYPE_ARP,
  type Ipv4Header,
  ipv4Frame,
  PAYLOAD_AT,
  pseudoHeaderSum,
} from './ipv4-packet.js';
import {
  ANY_BROADCAST,
  BROADCAST_MAC,
  GATEWAY,
  IP_PAYLOAD_BYTES,
  isGuestAddress,
  NAME_SERVER,
  OWN_MAC,
} from './layout.js';

const ARP_BYTES = 28;
const ARP_REQUEST = 1;
const ARP_REPLY = 2;
/** Ethernet, IPv4, and the lengths of their addresses. */
const ARP_KINDS: number = 0x0001_0800;
const ARP_LENGTHS = 0x0604;
const MAX_NEIGHBOURS = 256;
/** Frames that wait for an answer to ARP, of all guests. */
const MAX_WAITING = 32;

export class UserLink {
  readonly #port: NetworkPort;
  readonly #neighbours: Map<number, Uint8Array> = new Map();
  #waiting: { readonly target: number; readonly frame: EthernetFrame }[] = [];
  #identification = 0;
  /** A guest's address has become known. */
  onNeighbour: (address: number) => void = () => {};

  constructor(port: NetworkPort) {
    this.#port = port;
  }

  /** Whether a frame is for us, not for another station of a switch. */
  isForUs(frame: Uint8Array): boolean {
    return hasAddress(frame, OWN_MAC) || hasAddress(frame, BROADCAST_MAC);
  }

  /** Whoever sends from `address` is where `frame` comes from. */
  learn(address: number, frame: Uint8Array): void {
    if (!isGuestAddress(address)) return;
    const known = this.#neighbours.get(address);
    if (known && hasAddress(frame.subarray(6), known)) return;
    if (!known && this.#neighbours.size >= MAX_NEIGHBOURS) this.#neighbours.clear();
    const mac = frame.slice(6, 12);
    this.#neighbours.set(address, mac);
    const ready = this.#waiting.filter(({ target }) => target === address);
    this.#waiting = this.#waiting.filter(({ target }) => target !== address);
    for (const { frame: each } of ready) this.#sendTo(mac, each);
    this.onNeighbour(address);
  }

  /** Takes an ARP frame; false if it makes no sense. */
  receiveArp(frame: Uint8Array): boolean {
    if (frame.byteLength < ETHERNET_HEADER_BYTES + ARP_BYTES) return false;
    const at = ETHERNET_HEADER_BYTES;
    const view = viewOf(frame);
    if (view.getUint32(at) !== ARP_KINDS || view.getUint16(at + 4) !== ARP_LENGTHS) return false;
    const sender = view.getUint32(at + 14);
    const wanted = view.getUint32(at + 24);
    this.learn(sender, frame);
    if (view.getUint16(at + 6) !== ARP_REQUEST) return true;
    if (wanted === GATEWAY || wanted === NAME_SERVER)
      this.#port.send(plainFrame(arpFrame(ARP_REPLY, wanted, frame.subarray(6, 12), sender)));
    return true;
  }

  /** Sends what an IP packet carries, cut if it is too large for one. Its own checksum is there. */
  send(header: Omit<Ipv4Header, 'identification'>, payload: Uint8Array, mac?: Uint8Array): void {
    const identification = this.#nextIdentification();
    const step = IP_PAYLOAD_BYTES - (IP_PAYLOAD_BYTES % 8);
    for (let done = 0; done < payload.byteLength || done === 0; done += step) {
      const part = payload.subarray(done, done + step);
      const hasMoreFragments = done + step < payload.byteLength;
      const fragment = { ...header, identification, fragmentOffset: done, hasMoreFragments };
      const bytes = ipv4Frame(fragment, part.byteLength);
      bytes.set(part, PAYLOAD_AT);
      const frame = plainFrame(bytes);
      if (mac) this.#sendTo(mac, frame);
      else this.#route(header.target, frame);
    }
  }

  /** Sends a UDP datagram. */
  sendUdp(
    from: { readonly address: number; readonly port: number },
    to: { readonly address: number; readonly port: number },
    data: Uint8Array,
    mac?: Uint8Array,
  ): void {
    const payload = new Uint8Array(8 + data.byteLength);
    const view = viewOf(payload);
    view.setUint16(0, from.port);
    view.setUint16(2, to.port);
    view.setUint16(4, payload.byteLength);
    payload.set(data, 8);
    const header = { source: from.address, target: to.address, protocol: IP_PROTOCOL_UDP };
    const start = pseudoHeaderSum(header, payload.byteLength);
    // A checksum of 0 says that there is none.
    view.setUint16(6, ~fold(sum16(view, 0, payload.byteLength, start)) & 0xffff || 0xffff);
    this.send(header, payload, mac);
  }

  /** A frame whose payload is still to be written, for `sendFrame`. */
  makeFrame(header: Omit<Ipv4Header, 'identification'>, payloadBytes: number): Uint8Array {
    return ipv4Frame({ ...header, identification: this.#nextIdentification() }, payloadBytes);
  }

  /** Sends a frame that `makeFrame` has made, as it is. */
  sendFrame(target: number, frame: EthernetFrame): void {
    this.#route(target, frame);
  }

  #nextIdentification(): number {
    this.#identification = (this.#identification + 1) & 0xffff;
    return this.#identification;
  }

  #route(target: number, frame: EthernetFrame): void {
    const mac = target === ANY_BROADCAST ? BROADCAST_MAC : this.#neighbours.get(target);
    if (mac) {
      this.#sendTo(mac, frame);
      return;
    }
    if (!isGuestAddress(target)) return;
    if (this.#waiting.length >= MAX_WAITING) this.#waiting.shift();
    this.#waiting.push({ target, frame });
    this.#port.send(plainFrame(arpFrame(ARP_REQUEST, GATEWAY, BROADCAST_MAC, target)));
  }

  #sendTo(mac: Uint8Array, frame: EthernetFrame): void {
    frame.bytes.set(mac);
    this.#port.send(frame);
  }
}

function hasAddress(bytes: Uint8Array, mac: Uint8Array): boolean {
  for (let i = 0; i < 6; i++) if (bytes[i] !== mac[i]) return false;
  return true;
}

/** A frame in which we say where `own` is; a request goes to all, and names nobody. */
function arpFrame(operation: number, own: number, mac: Uint8Array, other: number): Uint8Array {
  const bytes = new Uint8Array(ETHERNET_HEADER_BYTES + ARP_BYTES);
  const view = viewOf(bytes);
  const at = ETHERNET_HEADER_BYTES;
  bytes.set(mac);
  bytes.set(OWN_MAC, 6);
  view.setUint16(12, ETHERTYPE_ARP);
  view.setUint32(at, ARP_KINDS);
  view.setUint16(at + 4, ARP_LENGTHS);
  view.setUint16(at + 6, operation);
  bytes.set(OWN_MAC, at + 8);
  view.setUint32(at + 14, own);
  if (operation === ARP_REPLY) bytes.set(mac, at + 18);
  view.setUint32(at + 24, other);
  return bytes;
}
