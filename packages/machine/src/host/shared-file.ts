// SharedFile: a regular file of a shared folder that a guest has open.
import * as fs from 'node:fs';
import { EFBIG, FileError, type OpenFile } from '@proxeny/virtio';
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
    const position = positionOf(offset);
    return ask(() => fs.readSync(this.#fd, target, 0, target.length, position));
  }

  write(offset: number, source: Uint8Array): number {
    const position = positionOf(offset);
    return ask(() => fs.writeSync(this.#fd, source, 0, source.length, position));
  }

  sync(): void {
    ask(() => fs.fsyncSync(this.#fd));
  }

  close(): void {
    this.#count.fileClosed();
    fs.closeSync(this.#fd);
  }
}

/** Node takes a number that it cannot have exactly for no position at all. */
function positionOf(offset: number): number {
  if (!Number.isSafeInteger(offset)) throw new FileError(EFBIG, 'no file is so long');
  return offset;
}
