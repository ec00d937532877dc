// Promptness: whether the host answers requests for a file at once, out of its page cache. Then a call that waits is many times faster
// than one that another thread does; but a call that does have to wait for a disk holds every guest. So a slow one has the next ones
// done by other threads, for a while.

/** A call that took longer has waited for a disk. */
const SLOW_MS = 0.5;
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

  /** A call that was tried at once took so long. */
  note(durationMs: number): void {
    if (durationMs > SLOW_MS) this.#pause = PAUSE_REQUESTS;
  }
}
