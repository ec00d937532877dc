// NetPort: what the network device asks of whatever carries its frames, and of whoever finishes those that its driver cannot take.
// Frames may be unfinished, as network cards let their drivers leave them: without a checksum, or larger than the cable takes, to be cut.
// A network that ends frames (a user-mode stack, say) must do both for what it gets; see NetDeviceOptions for what it may send.

export interface NetFrame {
  /** From the destination's address to the last byte of payload, without a frame check sequence. Nobody changes them any more. */
  readonly bytes: Uint8Array;
  /** The ones' complement sum of all from `start` on goes to `start + offset`, which holds the pseudo header's. From the first byte. */
  readonly missingChecksum: { readonly start: number; readonly offset: number } | null;
  /** Nobody needs to look whether the checksums are right. */
  readonly isChecked: boolean;
  /** A TCP segment that stands for several, of at most `size` bytes of payload each, whose checksums are missing. */
  readonly largeSegment: { readonly protocol: 'tcp4' | 'tcp6'; readonly size: number } | null;
}

/** One end of a cable. */
export interface NetPort {
  /** Takes a frame on its way; it may be lost. */
  send(frame: NetFrame): void;
  /** Has `receiver` called for every frame that arrives from now on, between slices of the guest; null: they are lost. */
  listen(receiver: ((frame: NetFrame) => void) | null): void;
}

/** What the driver does itself with frames it gets. */
export interface NetOffloads {
  readonly checksum: boolean;
  readonly tcp4: boolean;
  readonly tcp6: boolean;
}

/** Frames that stand for `frame`, as a receiver with these offloads takes them. */
export type FrameFinisher = (frame: NetFrame, receiver: NetOffloads) => Iterable<NetFrame>;
