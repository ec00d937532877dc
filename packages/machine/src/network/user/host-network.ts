// HostNetwork: the sockets of the host, as a user-mode network asks for them. Everything it reports comes between slices.

/** An address of IPv4 or IPv6 as text, and a port. */
export interface HostEndpoint {
  readonly address: string;
  readonly port: number;
}

/** Why a stream is over before both sides have ended it. */
export type HostFailure = 'refused' | 'unreachable' | 'timeout' | 'reset';

export interface HostStreamEvents {
  onConnected(): void;
  /** Bytes that nobody changes any more. */
  onData(bytes: Uint8Array): void;
  /** The host has taken what was written. */
  onWritten(): void;
  /** The other side sends no more. */
  onEnd(): void;
  /** Nothing follows; null: both sides had ended it. */
  onClosed(failure: HostFailure | null): void;
}

/** A stream of the host's, TCP. Its events may come while a method runs. */
export interface HostStream {
  /** One write at a time, until `onWritten`. The bytes stay as they are. */
  write(bytes: Uint8Array): void;
  end(): void;
  /** Ends it at once, with a reset; no event follows. */
  reset(): void;
  pause(): void;
  resume(): void;
}

/** A UDP socket of the host's. */
export interface HostDatagrams {
  /** May lose it. */
  send(bytes: Uint8Array, to: HostEndpoint): void;
  close(): void;
}

export type OnDatagram = (bytes: Uint8Array, from: HostEndpoint) => void;

export interface HostListener {
  close(): void;
}

export interface HostNetwork {
  connect(to: HostEndpoint, events: HostStreamEvents): HostStream;
  /** A socket that is bound to no port of our choice. */
  openDatagrams(family: 4 | 6, onDatagram: OnDatagram): HostDatagrams;
  /**
   * Waits for connections; `onStream` says who gets the events of each, which is paused.
   * @throws Error if the host does not allow it
   */
  listen(
    at: HostEndpoint,
    onStream: (open: (events: HostStreamEvents) => HostStream) => void,
  ): Promise<HostListener>;
  /** @throws Error if the host does not allow it */
  bindDatagrams(at: HostEndpoint, onDatagram: OnDatagram): Promise<HostDatagrams>;
  /** The resolver that the host uses; null if it has none. */
  nameServer(): HostEndpoint | null;
}
