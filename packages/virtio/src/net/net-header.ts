// The header that stands before each packet in a buffer. VIRTIO 1.2 §5.1.6.
import * as N from '../spec/net.js';
import type { NetFrame } from './net-port.js';

const TCP_HEADER_LENGTH_AT = 12;

/** The frame that a driver sends with this header; null if the header makes no sense. */
export function frameOf(header: DataView, bytes: Uint8Array): NetFrame | null {
  const needsChecksum = (header.getUint8(N.NET_HEADER_FLAGS) & N.VIRTIO_NET_HDR_F_NEEDS_CSUM) !== 0;
  const start = header.getUint16(N.NET_HEADER_CSUM_START, true);
  const offset = header.getUint16(N.NET_HEADER_CSUM_OFFSET, true);
  if (needsChecksum && start + offset + 2 > bytes.byteLength) return null;
  const missingChecksum = needsChecksum ? { start, offset } : null;
  const type = header.getUint8(N.NET_HEADER_GSO_TYPE) & ~N.VIRTIO_NET_HDR_GSO_ECN;
  if (type === N.VIRTIO_NET_HDR_GSO_NONE)
    return { bytes, missingChecksum, isChecked: false, largeSegment: null };
  const size = header.getUint16(N.NET_HEADER_GSO_SIZE, true);
  const isTcp4 = type === N.VIRTIO_NET_HDR_GSO_TCPV4;
  // A segment that is to be cut always lacks its checksum (§5.1.6.2.1).
  if (size === 0 || !needsChecksum || !(isTcp4 || type === N.VIRTIO_NET_HDR_GSO_TCPV6)) return null;
  const protocol = isTcp4 ? 'tcp4' : 'tcp6';
  return { bytes, missingChecksum, isChecked: false, largeSegment: { protocol, size } };
}

/** Writes the header of a frame for the driver, all but the number of buffers. */
export function writeHeader(header: DataView, frame: NetFrame, knowsChecksums: boolean): void {
  const { missingChecksum, largeSegment, isChecked, bytes } = frame;
  for (let at = 0; at < N.NET_HEADER_BYTES; at++) header.setUint8(at, 0);
  if (missingChecksum) {
    header.setUint8(N.NET_HEADER_FLAGS, N.VIRTIO_NET_HDR_F_NEEDS_CSUM);
    header.setUint16(N.NET_HEADER_CSUM_START, missingChecksum.start, true);
    header.setUint16(N.NET_HEADER_CSUM_OFFSET, missingChecksum.offset, true);
  } else if (isChecked && knowsChecksums) {
    header.setUint8(N.NET_HEADER_FLAGS, N.VIRTIO_NET_HDR_F_DATA_VALID);
  }
  if (!largeSegment) return;
  const isTcp4 = largeSegment.protocol === 'tcp4';
  header.setUint8(
    N.NET_HEADER_GSO_TYPE,
    isTcp4 ? N.VIRTIO_NET_HDR_GSO_TCPV4 : N.VIRTIO_NET_HDR_GSO_TCPV6,
  );
  header.setUint16(N.NET_HEADER_GSO_SIZE, largeSegment.size, true);
  const tcpAt = missingChecksum?.start ?? 0;
  const headerBytes = (bytes[tcpAt + TCP_HEADER_LENGTH_AT] >>> 4) * 4;
  header.setUint16(N.NET_HEADER_HDR_LEN, tcpAt + headerBytes, true);
}
