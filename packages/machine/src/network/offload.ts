// Offload in software: fills in missing checksums and cuts large TCP segments, for receivers that cannot do so themselves. RFC 1071, 9293.
import { fold, sum16 } from './checksum.js';
import {
  type InternetHeaders,
  IP_PROTOCOL_TCP,
  IP_PROTOCOL_UDP,
  internetHeaders,
  viewOf,
} from './internet-headers.js';
import { type EthernetFrame, type MissingChecksum, plainFrame } from './network-port.js';
import { TCP_CWR, TCP_FIN, TCP_PSH } from './tcp/segment.js';

/** What a receiver does itself. */
export interface OffloadCapabilities {
  readonly checksum: boolean;
  readonly tcp4: boolean;
  readonly tcp6: boolean;
}

/** The sum of the pseudo header of a packet whose transport part is `length` bytes long. */
function pseudoHeader(view: DataView, headers: InternetHeaders, length: number): number {
  const { version, ipAt, protocol } = headers;
  const [from, to] = version === 4 ? [ipAt + 12, ipAt + 20] : [ipAt + 8, ipAt + 40];
  return fold(sum16(view, from, to, protocol + (length >>> 16) + (length & 0xffff)));
}

/** Where TCP or UDP has its checksum; null for what has none. */
export function findChecksum(bytes: Uint8Array): MissingChecksum | null {
  const headers = internetHeaders(bytes);
  if (!headers) return null;
  const { protocol, transportAt } = headers;
  const offset = protocol === IP_PROTOCOL_TCP ? 16 : protocol === IP_PROTOCOL_UDP ? 6 : -1;
  if (offset < 0 || transportAt + offset + 2 > bytes.byteLength) return null;
  return { start: transportAt, offset };
}

/** The frame with its checksum; one that names no place in the frame is left out. */
export function fillChecksum(frame: EthernetFrame): EthernetFrame {
  const missing = frame.missingChecksum;
  if (!missing) return frame;
  const at = missing.start + missing.offset;
  if (at + 2 > frame.bytes.byteLength) return { ...frame, missingChecksum: null };
  const bytes = frame.bytes.slice();
  const view = viewOf(bytes);
  const sum = fold(sum16(view, missing.start, bytes.byteLength));
  // A UDP checksum of 0 says that there is none.
  view.setUint16(at, ~sum & 0xffff || 0xffff);
  return { ...frame, bytes, missingChecksum: null };
}

/**
 * Frames that stand for `frame`, as a receiver of these capabilities takes them; none if it makes no sense. They are made as they are
 * asked for: a guest may have named tens of thousands.
 */
export function* finishFrame(
  frame: EthernetFrame,
  receiver: OffloadCapabilities,
): Iterable<EthernetFrame> {
  if (frame.largeSegment && !receiver[frame.largeSegment.protocol])
    yield* cutSegment(frame, frame.largeSegment.size, receiver.checksum);
  else yield frame.missingChecksum && !receiver.checksum ? fillChecksum(frame) : frame;
}

/** Cuts a TCP segment into those it stands for. */
function* cutSegment(
  frame: EthernetFrame,
  size: number,
  canChecksum: boolean,
): Iterable<EthernetFrame> {
  const headers = internetHeaders(frame.bytes);
  if (headers?.protocol !== IP_PROTOCOL_TCP) return;
  const view = viewOf(frame.bytes);
  const { transportAt } = headers;
  if (transportAt + 20 > frame.bytes.byteLength) return;
  const payloadAt = transportAt + (view.getUint8(transportAt + 12) >>> 4) * 4;
  const length = frame.bytes.byteLength - payloadAt;
  if (payloadAt < transportAt + 20 || length < 0 || size < 1) return;
  for (let done = 0, index = 0; done < length || index === 0; done += size, index++) {
    const part = Math.min(size, length - done);
    const bytes = new Uint8Array(payloadAt + part);
    bytes.set(frame.bytes.subarray(0, payloadAt));
    bytes.set(frame.bytes.subarray(payloadAt + done, payloadAt + done + part), payloadAt);
    finishHeaders(bytes, headers, { index, done, isLast: done + part >= length });
    const missingChecksum = { start: transportAt, offset: 16 };
    const cut = { ...plainFrame(bytes), missingChecksum, isChecked: frame.isChecked };
    yield canChecksum ? cut : fillChecksum(cut);
  }
}

/** Which of the segments it is: `done` bytes of payload are before it. */
interface SegmentPlace {
  readonly index: number;
  readonly done: number;
  readonly isLast: boolean;
}

/** Makes the copied headers those of one segment; its checksum field holds the pseudo header's sum. */
function finishHeaders(bytes: Uint8Array, headers: InternetHeaders, place: SegmentPlace): void {
  const { version, ipAt, transportAt } = headers;
  const view = viewOf(bytes);
  if (version === 4) {
    view.setUint16(ipAt + 2, bytes.byteLength - ipAt);
    view.setUint16(ipAt + 4, view.getUint16(ipAt + 4) + place.index);
    view.setUint16(ipAt + 10, 0);
    view.setUint16(ipAt + 10, ~fold(sum16(view, ipAt, transportAt)) & 0xffff);
  } else {
    view.setUint16(ipAt + 4, bytes.byteLength - ipAt - 40);
  }
  view.setUint32(transportAt + 4, view.getUint32(transportAt + 4) + place.done);
  let flags = view.getUint8(transportAt + 13);
  if (!place.isLast) flags &= ~(TCP_FIN | TCP_PSH);
  if (place.index > 0) flags &= ~TCP_CWR;
  view.setUint8(transportAt + 13, flags);
  view.setUint16(transportAt + 16, pseudoHeader(view, headers, bytes.byteLength - transportAt));
}
