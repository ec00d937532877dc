// ByteStream: a connection to a server, as the NBD client needs it.

export interface ByteStream {
  /** Sends bytes, in the order of the calls. They are not changed before `take` has given the reply. */
  send(bytes: Uint8Array): void;
  /** The next bytes that came, exactly so many; one call at a time. Rejects once the connection is lost. */
  take(byteLength: number): Promise<Uint8Array>;
  /** While somebody waits for an answer the connection counts as lost if nothing comes for long. */
  setWaiting(isWaiting: boolean): void;
  close(): void;
}
