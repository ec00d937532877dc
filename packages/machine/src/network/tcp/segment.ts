// TCP segments: their headers and the two options we understand, read and written. RFC 9293 §3.1, RFC 7323 §2.
// Bytes come from guests: nothing in them is trusted, and nothing throws.
import { viewOf } from '../internet-headers.js';

export const TCP_FIN = 0x01;
export const TCP_SYN = 0x02;
export const TCP_RST = 0x04;
export const TCP_PSH = 0x08;
export const TCP_ACK = 0x10;
/** RFC 3168 §6.1. */
export const TCP_CWR = 0x80;

const HEADER_BYTES = 20;
const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_MSS = 2;
const OPTION_WINDOW_SCALE = 3;
/** Larger shifts are taken as this. RFC 7323 §2.3. */
const MAX_WINDOW_SCALE = 14;

/** What a segment says, but for its ports and data. */
export interface TcpHeader {
  readonly sequence: number;
  /** 0 without TCP_ACK. */
  readonly acknowledgement: number;
  /** TCP_*. */
  readonly flags: number;
  /** As written: not scaled. */
  readonly window: number;
  /** Options of a SYN; null: it has none. */
  readonly mss: number | null;
  readonly windowScale: number | null;
}

export interface TcpSegment extends TcpHeader {
  readonly payload: Uint8Array;
}

export interface TcpPorts {
  readonly sourcePort: number;
  readonly targetPort: number;
}

/** Reads a whole segment; null if its header does not fit. */
export function parseTcp(bytes: Uint8Array): (TcpSegment & TcpPorts) | null {
  if (bytes.byteLength < HEADER_BYTES) return null;
  const view = viewOf(bytes);
  const headerBytes = (view.getUint8(12) >>> 4) * 4;
  if (headerBytes < HEADER_BYTES || headerBytes > bytes.byteLength) return null;
  const flags = view.getUint8(13);
  const options = (flags & TCP_SYN) === 0 ? noOptions : parseOptions(view, headerBytes);
  if (!options) return null;
  return {
    sourcePort: view.getUint16(0),
    targetPort: view.getUint16(2),
    sequence: view.getUint32(4),
    acknowledgement: view.getUint32(8),
    flags,
    window: view.getUint16(14),
    ...options,
    payload: bytes.subarray(headerBytes),
  };
}

type SynOptions = Pick<TcpHeader, 'mss' | 'windowScale'>;
const noOptions: SynOptions = { mss: null, windowScale: null };

function parseOptions(view: DataView, headerBytes: number): SynOptions | null {
  let { mss, windowScale } = noOptions;
  for (let at = HEADER_BYTES; at < headerBytes; ) {
    const kind = view.getUint8(at);
    if (kind === OPTION_END) break;
    if (kind === OPTION_NOP) {
      at++;
      continue;
    }
    const length = at + 1 < headerBytes ? view.getUint8(at + 1) : 0;
    if (length < 2 || at + length > headerBytes) return null;
    if (kind === OPTION_MSS && length === 4) mss = view.getUint16(at + 2);
    if (kind === OPTION_WINDOW_SCALE && length === 3)
      windowScale = Math.min(view.getUint8(at + 2), MAX_WINDOW_SCALE);
    at += length;
  }
  return { mss, windowScale };
}

/** How long the header of such a segment is. */
export function tcpHeaderBytes({ mss, windowScale }: TcpHeader): number {
  return HEADER_BYTES + (mss === null ? 0 : 4) + (windowScale === null ? 0 : 4);
}

/** Writes a header at `at`, with `checksum` in its field. */
export function writeTcp(
  view: DataView,
  at: number,
  ports: TcpPorts,
  header: TcpHeader,
  checksum: number,
): void {
  view.setUint16(at, ports.sourcePort);
  view.setUint16(at + 2, ports.targetPort);
  view.setUint32(at + 4, header.sequence);
  view.setUint32(at + 8, header.acknowledgement);
  view.setUint8(at + 12, (tcpHeaderBytes(header) / 4) << 4);
  view.setUint8(at + 13, header.flags);
  view.setUint16(at + 14, header.window);
  view.setUint16(at + 16, checksum);
  view.setUint16(at + 18, 0);
  let option = at + HEADER_BYTES;
  if (header.mss !== null) {
    view.setUint32(option, (OPTION_MSS << 24) | (4 << 16) | header.mss);
    option += 4;
  }
  if (header.windowScale !== null)
    view.setUint32(
      option,
      (OPTION_NOP << 24) | (OPTION_WINDOW_SCALE << 16) | (3 << 8) | header.windowScale,
    );
}
