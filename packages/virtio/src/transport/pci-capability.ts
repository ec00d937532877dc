// The capabilities of a virtio function: where in the BAR its structures are, the window on them, MSI-X. VIRTIO 1.2 §4.1.4.
import {
  PCI_CAP_ID_MSIX,
  PCI_CAP_ID_VNDR,
  VIRTIO_PCI_CAP_COMMON_CFG,
  VIRTIO_PCI_CAP_DEVICE_CFG,
  VIRTIO_PCI_CAP_ISR_CFG,
  VIRTIO_PCI_CAP_NOTIFY_CFG,
  VIRTIO_PCI_CAP_PCI_CFG,
  VIRTIO_PCI_COMMON_BYTES,
} from '../spec/pci.js';
import {
  COMMON_AT,
  CONFIG_AT,
  ISR_AT,
  MSIX_PENDING_AT,
  MSIX_TABLE_AT,
  NOTIFY_AT,
  NOTIFY_STRIDE,
} from './pci-layout.js';

/** What a driver does by writing to a capability. */
export type PciCapabilityRole = 'none' | 'msix' | 'window';

/** One capability for a PCI function's list. */
export interface PciCapability {
  readonly id: number;
  /** Its bytes after id and link. */
  readonly body: readonly number[];
  /** Which bits of `body` the driver may change; as long as `body`. */
  readonly writable: readonly number[];
  /**
   * `msix`: the first two bytes of the body are its message control. `window`: bar (at 2), offset (at 6), length (at 10) and data (at 14)
   * of the body are the window on the BAR: an access to the data is one there.
   */
  readonly role: PciCapabilityRole;
}

const word = (value: number): number[] => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);

function structure(
  type: number,
  offset: number,
  length: number,
  more: readonly number[] = [],
): PciCapability {
  // cap_len counts from the capability's id on; then type, BAR 0, id, two bytes of padding, offset, length.
  const body = [16 + more.length, type, 0, 0, 0, 0, ...word(offset), ...word(length), ...more];
  return { id: PCI_CAP_ID_VNDR, body, writable: body.map(() => 0), role: 'none' };
}

export function pciCapabilities(
  vectorCount: number,
  queueCount: number,
  configBytes: number,
): PciCapability[] {
  const stride = word(NOTIFY_STRIDE);
  const window = structure(VIRTIO_PCI_CAP_PCI_CFG, 0, 0, [0, 0, 0, 0]);
  const tableSize = vectorCount - 1;
  // Table and pending bits are in BAR 0, as the low bits of their offsets say.
  const msix = [
    tableSize & 0xff,
    tableSize >>> 8,
    ...word(MSIX_TABLE_AT),
    ...word(MSIX_PENDING_AT),
  ];
  const writable = window.body.map((_, at) => (at === 2 || at >= 6 ? 0xff : 0));
  return [
    { id: PCI_CAP_ID_MSIX, body: msix, writable: [0, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0], role: 'msix' },
    structure(VIRTIO_PCI_CAP_COMMON_CFG, COMMON_AT, VIRTIO_PCI_COMMON_BYTES),
    structure(VIRTIO_PCI_CAP_NOTIFY_CFG, NOTIFY_AT, queueCount * NOTIFY_STRIDE, stride),
    structure(VIRTIO_PCI_CAP_ISR_CFG, ISR_AT, 1),
    structure(VIRTIO_PCI_CAP_DEVICE_CFG, CONFIG_AT, Math.max(4, configBytes)),
    { ...window, writable, role: 'window' },
  ];
}
