// Messages of the store's wire: a header of four words (xsd_sockmsg) and `len` bytes. The same through a ring and through a socket.
import { xsd_sockmsg } from '@proxeny/abi';
import { textOf } from './store-text.js';

const { byteLength, fields } = xsd_sockmsg.of(64);

export const HEADER_BYTES = byteLength;

export interface MessageHeader {
  /** XS_*. */
  readonly type: number;
  readonly requestId: number;
  readonly transactionId: number;
  /** Bytes that follow; what a domain says of itself. */
  readonly length: number;
}

export function decodeHeader(bytes: Uint8Array): MessageHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  return {
    type: fields.type.get(view),
    requestId: fields.req_id.get(view),
    transactionId: fields.tx_id.get(view),
    length: fields.len.get(view),
  };
}

/** A whole message. */
export function encodeMessage(
  type: number,
  requestId: number,
  transactionId: number,
  payload: Uint8Array,
): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  fields.type.set(view, 0, type);
  fields.req_id.set(view, 0, requestId);
  fields.tx_id.set(view, 0, transactionId);
  fields.len.set(view, 0, payload.length);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

/** Strings that each end with a zero byte; what follows the last zero byte is no string. */
export function stringsIn(payload: Uint8Array): string[] {
  const strings: string[] = [];
  for (let start = 0; ; ) {
    const end = payload.indexOf(0, start);
    if (end < 0) return strings;
    strings.push(textOf(payload.subarray(start, end)));
    start = end + 1;
  }
}

/** The payload's only string: its one zero byte is its last. */
export function onlyString(payload: Uint8Array): string | null {
  const end = payload.indexOf(0);
  return end >= 0 && end === payload.length - 1 ? textOf(payload.subarray(0, end)) : null;
}
