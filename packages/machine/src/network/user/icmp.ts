// ICMP: echo requests to our own addresses are answered, and what cannot be done is said. RFC 792, RFC 1122 §3.2.2.
import { fold, sum16 } from '../checksum.js';
import { viewOf } from '../internet-headers.js';
import { IP_PROTOCOL_ICMP, type Ipv4Packet } from './ipv4-packet.js';
import { GATEWAY } from './layout.js';
import type { UserLink } from './link.js';

const ECHO_REPLY = 0;
const UNREACHABLE = 3;
const ECHO = 8;

/** Codes of an unreachable destination. */
export const UNREACHABLE_HOST = 1;
export const UNREACHABLE_PORT = 3;
export const UNREACHABLE_FORBIDDEN = 13;

/** Answers an echo request; false if it is none, or broken. */
export function answerEcho(link: UserLink, packet: Ipv4Packet): boolean {
  const { source, target, protocol, payload } = packet;
  const view = viewOf(payload);
  if (payload.byteLength < 8 || fold(sum16(view, 0, payload.byteLength)) !== 0xffff) return false;
  if (view.getUint8(0) !== ECHO || view.getUint8(1) !== 0) return false;
  const answer = payload.slice();
  answer[0] = ECHO_REPLY;
  writeChecksum(answer);
  link.send({ source: target, target: source, protocol }, answer);
  return true;
}

/** Tells the sender of a packet that it goes nowhere. */
export function sendUnreachable(link: UserLink, packet: Ipv4Packet, code: number): void {
  const quoted = packet.payload.subarray(0, 8);
  const answer = new Uint8Array(8 + packet.header.byteLength + quoted.byteLength);
  answer[0] = UNREACHABLE;
  answer[1] = code;
  answer.set(packet.header, 8);
  answer.set(quoted, 8 + packet.header.byteLength);
  writeChecksum(answer);
  link.send({ source: GATEWAY, target: packet.source, protocol: IP_PROTOCOL_ICMP }, answer);
}

function writeChecksum(message: Uint8Array): void {
  const view = viewOf(message);
  view.setUint16(2, 0);
  view.setUint16(2, ~fold(sum16(view, 0, message.byteLength)) & 0xffff);
}
