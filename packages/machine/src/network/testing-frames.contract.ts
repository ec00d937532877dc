// Frames for tests: TCP and UDP over both versions of IP, with the pseudo header's sum where their checksum goes.
import { internetHeaders, viewOf } from './internet-headers.js';

/** Ones' complement sum, computed the slow way. */
function onesSum(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at++) {
    sum += (bytes[at] as number) << (at % 2 === 0 ? 8 : 0);
    if (sum > 0xffff) sum = (sum & 0xffff) + 1;
  }
  return sum;
}

function pseudoHeader(bytes: Uint8Array): Uint8Array {
  const headers = internetHeaders(bytes);
  if (!headers) throw new Error('no IP packet');
  const { version, ipAt, transportAt, protocol } = headers;
  const addresses =
    version === 4 ? bytes.subarray(ipAt + 12, ipAt + 20) : bytes.subarray(ipAt + 8, ipAt + 40);
  const length = bytes.byteLength - transportAt;
  return Uint8Array.of(...addresses, 0, protocol, length >>> 8, length & 0xff);
}

/** Whether the TCP or UDP checksum is that of the packet, and an IPv4 header's that of the header. */
export function checksumIsRight(bytes: Uint8Array): boolean {
  const headers = internetHeaders(bytes);
  if (!headers) return false;
  const { version, ipAt, transportAt } = headers;
  const sum = onesSum(Uint8Array.of(...pseudoHeader(bytes), ...bytes.subarray(transportAt)));
  const isHeaderRight = version === 6 || onesSum(bytes.subarray(ipAt, transportAt)) === 0xffff;
  return sum === 0xffff && isHeaderRight;
}

function ipFrame(
  version: 4 | 6,
  protocol: number,
  transport: Uint8Array,
  checksumAt: number,
): Uint8Array {
  const header = version === 4 ? 34 : 54;
  const bytes = new Uint8Array(header + transport.byteLength);
  const view = viewOf(bytes);
  bytes.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]);
  view.setUint16(12, version === 4 ? 0x0800 : 0x86dd);
  if (version === 4) {
    bytes.set([0x45, 0, 0, 0, 0x12, 0x34, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2], 14);
    view.setUint16(16, bytes.byteLength - 14);
    view.setUint16(24, ~onesSum(bytes.subarray(14, 34)) & 0xffff);
  } else {
    bytes.set([0x60, 0, 0, 0, 0, 0, protocol, 64], 14);
    view.setUint16(18, transport.byteLength);
    bytes[22] = 0xfd;
    bytes[38] = 0xfe;
  }
  bytes.set(transport, header);
  view.setUint16(header + checksumAt, onesSum(pseudoHeader(bytes)));
  return bytes;
}

function payloadOf(byteLength: number): Uint8Array {
  return Uint8Array.from({ length: byteLength }, (_, i) => (i * 7 + (i >>> 8)) & 0xff);
}

/** A TCP segment with FIN, PSH and ACK; its checksum is missing. */
export function tcpFrame(version: 4 | 6, payloadBytes: number): Uint8Array {
  const segment = new Uint8Array(20 + payloadBytes);
  segment.set([0x30, 0x39, 0, 80, 1, 2, 3, 4, 0, 0, 0, 9, 0x50, 0x19, 0x20, 0]);
  segment.set(payloadOf(payloadBytes), 20);
  return ipFrame(version, 6, segment, 16);
}

/** A UDP datagram whose checksum is missing. */
export function udpFrame(version: 4 | 6, payloadBytes: number): Uint8Array {
  const datagram = new Uint8Array(8 + payloadBytes);
  viewOf(datagram).setUint16(0, 4000);
  viewOf(datagram).setUint16(2, 53);
  viewOf(datagram).setUint16(4, datagram.byteLength);
  datagram.set(payloadOf(payloadBytes), 8);
  return ipFrame(version, 17, datagram, 6);
}
