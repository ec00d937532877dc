// Promptness: whether the host answers requests for a file at once, out of its page cache. Then a call that waits is many times faster
// than one that another thread does; but a call that does have to wait for a disk holds every guest. So a slow one has the next ones
// done by other threads, for a while.

/** A call that took longer has waited for a disk, */
const SLOW_MS = 0.5;
/** or moved data: so many bytes take a ms at least where memory is slow. */
const BYTES_PER_MS = 1 << 20;
/** Requests for other threads after a slow one. */
const PAUSE_REQUESTS = 64;

export class Promptness {
  #pause = 0;

  /** Whether the next request may be tried at once; counts it if not. */
  mayTry(): boolean {
    if (this.#pause === 0) return true;
    this.#pause--;
    return false;
  }

  /** A call that was tried at once, for so many bytes, took so long. */
  note(durationMs: number, byteLength = 0): void {
    if (durationMs > SLOW_MS + byteLength / BYTES_PER_MS) this.#pause = PAUSE_REQUESTS;
  }
}
