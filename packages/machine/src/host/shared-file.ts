// SharedFile: a regular file of a shared folder that a guest has open.
import * as fs from 'node:fs';
import type { OpenFile } from '@proxeny/virtio';
import { ask } from './host-answer.js';

/** Counts open files. */
interface FileCount {
  fileOpened(): void;
  fileClosed(): void;
}

export class SharedFile implements OpenFile {
  readonly #fd: number;
  readonly #count: FileCount;

  /** @param fd becomes its own */
  constructor(fd: number, count: FileCount) {
    this.#fd = fd;
    this.#count = count;
    count.fileOpened();
  }

  /** Leads to it, whatever it is called. */
  get path(): string {
    return `/proc/self/fd/${this.#fd}`;
  }

  read(offset: number, target: Uint8Array): number {
    return ask(() => fs.readSync(this.#fd, target, 0, target.length, offset));
  }

  write(offset: number, source: Uint8Array): number {
    return ask(() => fs.writeSync(this.#fd, source, 0, source.length, offset));
  }

  sync(): void {
    ask(() => fs.fsyncSync(this.#fd));
  }

  close(): void {
    this.#count.fileClosed();
    fs.closeSync(this.#fd);
  }
}
