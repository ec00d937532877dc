// The header of a vsock packet. VIRTIO 1.2 §5.10.6.
import { VSOCK_HEADER_BYTES } from '../spec/vsock.js';

/** Addresses beyond 2^53 are rounded: there are none. */
export interface VsockHeader {
  readonly sourceCid: number;
  readonly destinationCid: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Bytes that follow the header. */
  readonly byteLength: number;
  readonly type: number;
  readonly op: number;
  readonly flags: number;
  /** What the sender has room for in all. */
  readonly bufferBytes: number;
  /** Bytes that the sender has received and made room for again, modulo 2^32. */
  readonly forwardedBytes: number;
}

/** @param bytes VSOCK_HEADER_BYTES or more */
export function parseVsockHeader(bytes: Uint8Array): VsockHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return {
    sourceCid: Number(view.getBigUint64(0, true)),
    destinationCid: Number(view.getBigUint64(8, true)),
    sourcePort: view.getUint32(16, true),
    destinationPort: view.getUint32(20, true),
    byteLength: view.getUint32(24, true),
    type: view.getUint16(28, true),
    op: view.getUint16(30, true),
    flags: view.getUint32(32, true),
    bufferBytes: view.getUint32(36, true),
    forwardedBytes: view.getUint32(40, true),
  };
}

export function vsockHeaderBytes(header: VsockHeader): Uint8Array {
  const view = new DataView(new ArrayBuffer(VSOCK_HEADER_BYTES));
  view.setBigUint64(0, BigInt(header.sourceCid), true);
  view.setBigUint64(8, BigInt(header.destinationCid), true);
  view.setUint32(16, header.sourcePort, true);
  view.setUint32(20, header.destinationPort, true);
  view.setUint32(24, header.byteLength, true);
  view.setUint16(28, header.type, true);
  view.setUint16(30, header.op, true);
  view.setUint32(32, header.flags, true);
  view.setUint32(36, header.bufferBytes, true);
  view.setUint32(40, header.forwardedBytes, true);
  return new Uint8Array(view.buffer);
}
