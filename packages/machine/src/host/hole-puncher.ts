// HolePuncher: gives a range of a file back to the host's file system, so that it reads as zeroes and takes no room. Node has no call for
// it; util-linux's `fallocate`, where it is installed, works on a file we hold open. One runs at a time.
import { spawn } from 'node:child_process';

export class HolePuncher {
  readonly #fd: number;
  #isAbsent = false;
  #turn: Promise<unknown> = Promise.resolve();

  /** @param fd a file that is open for writing, and stays so while it is used here. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Whether the range, in bytes, is a hole now. Once it could not be done it is not tried again. */
  punch(offset: number, byteLength: number): Promise<boolean> {
    const done = this.#turn.then(() => this.#punch(offset, byteLength));
    this.#turn = done;
    return done;
  }

  async #punch(offset: number, byteLength: number): Promise<boolean> {
    if (!this.#isAbsent) await this.#spawn(offset, byteLength);
    return !this.#isAbsent;
  }

  async #spawn(offset: number, byteLength: number): Promise<void> {
    const range = ['--offset', String(offset), '--length', String(byteLength)];
    const code = await new Promise<number | null>((resolve) => {
      const child = spawn('fallocate', ['--punch-hole', ...range, '/dev/fd/3'], {
        stdio: ['ignore', 'ignore', 'ignore', this.#fd],
      });
      child.once('error', () => resolve(null));
      child.once('exit', resolve);
    });
    if (code !== 0) this.#isAbsent = true;
  }
}
