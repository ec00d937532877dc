// pcapng: files of captured frames, as Wireshark and tcpdump read them; one section of Ethernet interfaces, nanoseconds, little-endian.
// draft-ietf-opsawg-pcapng.

const SECTION_HEADER = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION = 1;
const ENHANCED_PACKET = 6;
const BYTE_ORDER_MAGIC = 0x1a2b_3c4d;
const LINKTYPE_ETHERNET = 1;
/** Of any block: length of type, length, and length again. */
const FRAME_BYTES = 12;

const OPTION_END = 0;
const INTERFACE_NAME = 2;
const INTERFACE_TIMESTAMP_RESOLUTION = 9;
const PACKET_FLAGS = 2;
/** 10⁻⁹ s. */
const NANOSECONDS = 9;
const INBOUND = 1;
const OUTBOUND = 2;

function padded(byteLength: number): number {
  return (byteLength + 3) & ~3;
}

/** A block of a type, with `fill` to write its body. */
function block(
  type: number,
  bodyBytes: number,
  fill: (bytes: Uint8Array, view: DataView) => void,
): Uint8Array {
  const bytes = new Uint8Array(FRAME_BYTES + bodyBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, bytes.byteLength, true);
  view.setUint32(bytes.byteLength - 4, bytes.byteLength, true);
  fill(bytes.subarray(8), new DataView(bytes.buffer, 8));
  return bytes;
}

/** What a file begins with. */
export function pcapngHeader(): Uint8Array {
  return block(SECTION_HEADER, 16, (_, view) => {
    view.setUint32(0, BYTE_ORDER_MAGIC, true);
    view.setUint16(4, 1, true);
    // The section's length is not known.
    view.setInt32(8, -1, true);
    view.setInt32(12, -1, true);
  });
}

/** An interface; they are counted from 0 in the order in which they are described. */
export function pcapngInterface(name: string): Uint8Array {
  const text = new TextEncoder().encode(name);
  const bodyBytes = 8 + 4 + padded(text.byteLength) + 8 + 4;
  return block(INTERFACE_DESCRIPTION, bodyBytes, (bytes, view) => {
    view.setUint16(0, LINKTYPE_ETHERNET, true);
    view.setUint16(8, INTERFACE_NAME, true);
    view.setUint16(10, text.byteLength, true);
    bytes.set(text, 12);
    const at = 12 + padded(text.byteLength);
    view.setUint16(at, INTERFACE_TIMESTAMP_RESOLUTION, true);
    view.setUint16(at + 2, 1, true);
    view.setUint8(at + 4, NANOSECONDS);
    view.setUint16(at + 8, OPTION_END, true);
  });
}

export interface CapturedPacket {
  /** Which of the described interfaces. */
  readonly interfaceId: number;
  /** Since 1970, in ns. */
  readonly timeNs: bigint;
  /** Whether it came in at the interface, or went out. */
  readonly isInbound: boolean;
  readonly bytes: Uint8Array;
}

export function pcapngPacket(packet: CapturedPacket): Uint8Array {
  const { interfaceId, timeNs, isInbound, bytes: data } = packet;
  const bodyBytes = 20 + padded(data.byteLength) + 8 + 4;
  return block(ENHANCED_PACKET, bodyBytes, (bytes, view) => {
    view.setUint32(0, interfaceId, true);
    view.setUint32(4, Number(timeNs >> 32n), true);
    view.setUint32(8, Number(timeNs & 0xffff_ffffn), true);
    view.setUint32(12, data.byteLength, true);
    view.setUint32(16, data.byteLength, true);
    bytes.set(data, 20);
    const at = 20 + padded(data.byteLength);
    view.setUint16(at, PACKET_FLAGS, true);
    view.setUint16(at + 2, 4, true);
    view.setUint32(at + 4, isInbound ? INBOUND : OUTBOUND, true);
    view.setUint16(at + 8, OPTION_END, true);
  });
}
