// IPv4 packets in Ethernet frames, read and written. RFC 791; IEEE 802.3. Options are skipped. Nothing a guest sends throws.
import { fold, sum16 } from '../checksum.js';
import { ETHERTYPE_IPV4, viewOf } from '../internet-headers.js';
import { ETHERNET_HEADER_BYTES } from '../network-port.js';
import { OWN_MAC } from './layout.js';

export const ETHERTYPE_ARP = 0x0806;
export const IP_PROTOCOL_ICMP = 1;
export const IP_HEADER_BYTES = 20;
/** Where what an IP packet carries begins in a frame of ours. */
export const PAYLOAD_AT: number = ETHERNET_HEADER_BYTES + IP_HEADER_BYTES;

const MORE_FRAGMENTS = 0x2000;
const TIME_TO_LIVE = 64;

export interface Ipv4Packet {
  readonly source: number;
  readonly target: number;
  readonly protocol: number;
  readonly identification: number;
  /** In bytes, from the start of what was cut. */
  readonly fragmentOffset: number;
  readonly hasMoreFragments: boolean;
  readonly header: Uint8Array;
  readonly payload: Uint8Array;
}

/** The packet of an Ethernet frame; null if it is not whole, or its checksum wrong. */
export function parseIpv4(frame: Uint8Array): Ipv4Packet | null {
  const bytes = frame.subarray(ETHERNET_HEADER_BYTES);
  if (bytes.byteLength < IP_HEADER_BYTES) return null;
  const view = viewOf(bytes);
  const headerBytes = (view.getUint8(0) & 15) * 4;
  const totalBytes = view.getUint16(2);
  const isSound =
    view.getUint8(0) >>> 4 === 4 &&
    headerBytes >= IP_HEADER_BYTES &&
    totalBytes >= headerBytes &&
    totalBytes <= bytes.byteLength;
  if (!isSound || fold(sum16(view, 0, headerBytes)) !== 0xffff) return null;
  const fragment = view.getUint16(6);
  return {
    source: view.getUint32(12),
    target: view.getUint32(16),
    protocol: view.getUint8(9),
    identification: view.getUint16(4),
    fragmentOffset: (fragment & 0x1fff) * 8,
    hasMoreFragments: (fragment & MORE_FRAGMENTS) !== 0,
    header: bytes.subarray(0, headerBytes),
    payload: bytes.subarray(headerBytes, totalBytes),
  };
}

export interface Ipv4Header {
  readonly source: number;
  readonly target: number;
  readonly protocol: number;
  readonly identification: number;
  readonly fragmentOffset?: number;
  readonly hasMoreFragments?: boolean;
}

/** A frame with everything but its receiver's address and its payload, of `payloadBytes` from PAYLOAD_AT on. */
export function ipv4Frame(header: Ipv4Header, payloadBytes: number): Uint8Array {
  const bytes = new Uint8Array(PAYLOAD_AT + payloadBytes);
  const view = viewOf(bytes);
  bytes.set(OWN_MAC, 6);
  view.setUint16(12, ETHERTYPE_IPV4);
  const at = ETHERNET_HEADER_BYTES;
  view.setUint8(at, 0x45);
  view.setUint16(at + 2, IP_HEADER_BYTES + payloadBytes);
  view.setUint16(at + 4, header.identification);
  const more = header.hasMoreFragments === true ? MORE_FRAGMENTS : 0;
  view.setUint16(at + 6, more | ((header.fragmentOffset ?? 0) / 8));
  view.setUint8(at + 8, TIME_TO_LIVE);
  view.setUint8(at + 9, header.protocol);
  view.setUint32(at + 12, header.source);
  view.setUint32(at + 16, header.target);
  view.setUint16(at + 10, ~fold(sum16(view, at, PAYLOAD_AT)) & 0xffff);
  return bytes;
}

/** The folded sum of the pseudo header that TCP and UDP count in. RFC 9293 §3.1. */
export function pseudoHeaderSum(
  { source, target, protocol }: Pick<Ipv4Header, 'source' | 'target' | 'protocol'>,
  payloadBytes: number,
): number {
  const addresses = (source >>> 16) + (source & 0xffff) + (target >>> 16) + (target & 0xffff);
  return fold(addresses + protocol + payloadBytes);
}

/** Whether a TCP segment's or UDP datagram's checksum is right. */
export function transportChecksumIsRight(packet: Ipv4Packet): boolean {
  const { payload } = packet;
  const start = pseudoHeaderSum(packet, payload.byteLength);
  return fold(sum16(viewOf(payload), 0, payload.byteLength, start)) === 0xffff;
}
