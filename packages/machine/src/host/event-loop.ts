// The host's event loop: lets timers, input and output callbacks run between slices.

/** Resolves when the event loop has been round once. */
export const visitEventLoop = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });
