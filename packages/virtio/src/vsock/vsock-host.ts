// VsockHost: the host's end of a guest's sockets, as the device asks for it.

/** What happens to a stream of the host's. */
export interface VsockStreamEvents {
  /** Whoever the guest wants to talk to is there. */
  onConnected(): void;
  /** Bytes that nobody changes any more. */
  onData(bytes: Uint8Array): void;
  /** The host has taken what was written. */
  onWritten(): void;
  /** The other side sends no more. */
  onEnd(): void;
  /** Nothing follows. Null: both sides had ended it; otherwise why not. */
  onClosed(failure: string | null): void;
}

/** A stream of the host's. Its events may come while a method runs. */
export interface VsockStream {
  /** One write at a time, until `onWritten`. The bytes stay as they are. */
  write(bytes: Uint8Array): void;
  /** Nothing more is written. */
  end(): void;
  /** Lets go of it at once; no event follows. What the host has taken already may still arrive. */
  reset(): void;
  /** No `onData` until `resume`, but for what is on its way. */
  pause(): void;
  resume(): void;
}

/** Somebody of the host's wants to talk to the guest. One of the methods is called, once. */
export interface VsockRequest {
  /** The guest's port. */
  readonly port: number;
  /** The guest takes the connection; at the host's end it has a port too. The stream is connected. */
  accept(hostPort: number, events: VsockStreamEvents): VsockStream;
  /** The guest does not. */
  refuse(): void;
}

/** Gets a request. Returns what is called if whoever asked goes before it is answered. */
export type VsockReceiver = (request: VsockRequest) => () => void;

export interface VsockHost {
  /** The guest wants to talk to a port of the host's. Null: nobody is there. Called within a slice. */
  connect(port: number, events: VsockStreamEvents): VsockStream | null;
  /** Who gets requests from now on; null: nobody. Called at once, and by each device that is made. */
  listen(receiver: VsockReceiver | null): void;
}
