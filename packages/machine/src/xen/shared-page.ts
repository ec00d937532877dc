// What a ring's host side asks of the world: one page that it shares with a guest, and the host's end of an event channel.
// Whoever builds the machine implements both. The page's contents are the guest's to change at any time.

/** A page (4 KiB) shared with a guest. Offsets are the caller's, and stay inside. */
export interface SharedPage {
  readU32(offset: number): number;
  writeU32(offset: number, value: number): void;
  /** Fills `target` from the page, from `offset` on. */
  copyFrom(offset: number, target: Uint8Array): void;
  /** Writes `source` to the page, from `offset` on. */
  copyTo(offset: number, source: Uint8Array): void;
}

/** The host's end of an interdomain event channel. */
export interface EventPort {
  /** Makes the guest's end pending. */
  notify(): void;
  /** Has `listener` called, never from within a call into the port, whenever the guest has sent an event. */
  onEvent(listener: () => void): void;
}
