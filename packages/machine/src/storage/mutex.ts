// Mutex: one task at a time, in the order in which they came.

export class Mutex {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `task` after all that came before; settles as it does. */
  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task);
    this.#last = result.catch(() => {});
    return result;
  }
}
