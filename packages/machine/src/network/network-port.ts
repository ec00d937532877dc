// NetworkPort: one end of a cable, as a network device or a network of the host's sees it. Whatever shows a network card to a guest sends
// and receives through it, whatever carries frames fits it.
// Frames may be unfinished, as network cards let their drivers leave them: without a checksum, or larger than the cable takes, to be cut.
// Who gets one and cannot pass it on so finishes it (offload.ts).

/** Where a checksum is missing: the ones' complement sum of all from `start` on goes to `start + offset`, which holds the pseudo header's. */
export interface MissingChecksum {
  /** From the frame's first byte. */
  readonly start: number;
  readonly offset: number;
}

/** A TCP segment that stands for several, whose checksums are missing. */
export interface LargeSegment {
  readonly protocol: 'tcp4' | 'tcp6';
  /** Bytes of TCP payload that each of the segments has at most. */
  readonly size: number;
}

export interface EthernetFrame {
  /** From the destination's address to the last byte of payload, without a frame check sequence. Nobody changes them any more. */
  readonly bytes: Uint8Array;
  readonly missingChecksum: MissingChecksum | null;
  /** Nobody needs to look whether the checksums are right. */
  readonly isChecked: boolean;
  readonly largeSegment: LargeSegment | null;
}

/** Destination, source and type. */
export const ETHERNET_HEADER_BYTES = 14;
/** The longest frame that is not to be cut: what TCP segmentation offload makes, with a VLAN tag. */
export const MAX_FRAME_BYTES = 65_535 + 18;

/** A frame with nothing missing. */
export function plainFrame(bytes: Uint8Array): EthernetFrame {
  return { bytes, missingChecksum: null, isChecked: false, largeSegment: null };
}

/** Gets frames. Called between slices, and never throws. */
export type FrameReceiver = (frame: EthernetFrame) => void;

export interface NetworkPort {
  /** Takes a frame on its way; it may be lost, as on any network. */
  send(frame: EthernetFrame): void;
  /** Has `receiver` called for every frame that arrives from now on; null: they are lost. */
  listen(receiver: FrameReceiver | null): void;
  /** Unplugs this end. Once more does nothing. */
  close(): void;
}
