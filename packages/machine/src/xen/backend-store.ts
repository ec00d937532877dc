// BackendStore: what back-ends ask of xenstore: they run in the host, with all rights, and outside of transactions, since nothing of a
// guest's happens between two of their calls.

export interface BackendStore {
  /** The value of a node, null if it is not there. */
  read(path: string): string | null;
  /** Sets a node's value; nodes above it that are missing are made. */
  write(path: string, value: string): void;
  /** Removes a node, if it is there, with all below it. */
  remove(path: string): void;
  /**
   * Has `listener` called after each change of the node or below it, and once at the start; never from within a call into the store by
   * the listener itself. The result ends it.
   */
  watch(path: string, listener: () => void): () => void;
}
