// Where the headers of an IP packet are in an Ethernet frame. RFC 791, 8200, 9293; IEEE 802.1Q.
// Frames come from guests: nothing here is trusted, and nothing throws.
import { ETHERNET_HEADER_BYTES } from './network-port.js';

export const IP_PROTOCOL_TCP = 6;
export const IP_PROTOCOL_UDP = 17;
export const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
const ETHERTYPE_VLAN = 0x8100;
/** Extension headers of IPv6 that may stand before TCP or UDP: hop-by-hop options, routing, destination options. */
const IPV6_EXTENSIONS = [0, 43, 60];
const MAX_EXTENSIONS = 8;

export interface InternetHeaders {
  readonly version: 4 | 6;
  /** Offsets from the frame's first byte. */
  readonly ipAt: number;
  readonly transportAt: number;
  /** IP_PROTOCOL_*, or another. */
  readonly protocol: number;
}

/** A view of all of `bytes`. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Null if the frame is no whole IP packet up to its transport header, or a fragment beyond the first. */
export function internetHeaders(bytes: Uint8Array): InternetHeaders | null {
  const view = viewOf(bytes);
  if (bytes.byteLength < ETHERNET_HEADER_BYTES) return null;
  let ipAt = ETHERNET_HEADER_BYTES;
  let type = view.getUint16(12);
  if (type === ETHERTYPE_VLAN && bytes.byteLength >= ETHERNET_HEADER_BYTES + 4) {
    type = view.getUint16(16);
    ipAt += 4;
  }
  if (type === ETHERTYPE_IPV4) return ipv4Headers(view, ipAt);
  return type === ETHERTYPE_IPV6 ? ipv6Headers(view, ipAt) : null;
}

function ipv4Headers(view: DataView, ipAt: number): InternetHeaders | null {
  if (view.byteLength < ipAt + 20 || view.getUint8(ipAt) >>> 4 !== 4) return null;
  const headerBytes = (view.getUint8(ipAt) & 15) * 4;
  const transportAt = ipAt + headerBytes;
  const isLaterFragment = (view.getUint16(ipAt + 6) & 0x1fff) !== 0;
  if (headerBytes < 20 || transportAt > view.byteLength || isLaterFragment) return null;
  return { version: 4, ipAt, transportAt, protocol: view.getUint8(ipAt + 9) };
}

function ipv6Headers(view: DataView, ipAt: number): InternetHeaders | null {
  if (view.byteLength < ipAt + 40 || view.getUint8(ipAt) >>> 4 !== 6) return null;
  let protocol = view.getUint8(ipAt + 6);
  let transportAt = ipAt + 40;
  for (let i = 0; i < MAX_EXTENSIONS && IPV6_EXTENSIONS.includes(protocol); i++) {
    if (transportAt + 8 > view.byteLength) return null;
    protocol = view.getUint8(transportAt);
    transportAt += (view.getUint8(transportAt + 1) + 1) * 8;
  }
  return transportAt <= view.byteLength ? { version: 6, ipAt, transportAt, protocol } : null;
}
