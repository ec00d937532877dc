// HostFolder: operations on a folder of the host's, as any program does them.
import * as fs from 'node:fs';
import { join } from 'node:path';
import { contentsOf, type FileOperation, HELD_SLOTS, type OperationNamed } from './operation.js';
import { digestOf, listOf, type Outcome, type StressTarget, statsOf } from './stress-target.js';

export class HostFolder implements StressTarget {
  readonly #folder: string;
  readonly #held: (number | null)[] = Array<number | null>(HELD_SLOTS).fill(null);

  constructor(folder: string) {
    this.#folder = folder;
  }

  do(operation: FileOperation, seed: number): Outcome {
    try {
      return this.#do(operation, seed);
    } catch (error) {
      return `errno ${-((error as NodeJS.ErrnoException).errno ?? Number.NaN)}`;
    }
  }

  close(): void {
    for (const fd of this.#held) if (fd !== null) fs.closeSync(fd);
  }

  #at(path: string): string {
    return join(this.#folder, path);
  }

  #do(operation: FileOperation, seed: number): Outcome {
    switch (operation.what) {
      case 'write':
      case 'read':
        return this.#transfer(operation, seed);
      case 'hold':
        return this.#hold(operation.slot, this.#at(operation.path));
      case 'writeHeld': {
        const fd = this.#held[operation.slot];
        if (fd === null) return 'nothing held';
        const bytes = contentsOf(seed, operation.length);
        return `${fs.writeSync(fd, bytes, 0, bytes.length, operation.offset)}`;
      }
      default:
        return this.#change(operation, this.#at(operation.path));
    }
  }

  #transfer(operation: OperationNamed<'read' | 'write'>, seed: number): Outcome {
    const fd = fs.openSync(this.#at(operation.path), 'r+');
    try {
      const { offset, length } = operation;
      if (operation.what === 'write')
        return `${fs.writeSync(fd, contentsOf(seed, length), 0, length, offset)}`;
      const bytes = new Uint8Array(length);
      return digestOf(bytes.subarray(0, fs.readSync(fd, bytes, 0, length, offset)));
    } finally {
      fs.closeSync(fd);
    }
  }

  #hold(slot: number, path: string): Outcome {
    const fd = fs.openSync(path, 'r+');
    const before = this.#held[slot];
    if (before !== null) fs.closeSync(before);
    this.#held[slot] = fd;
    return 'ok';
  }

  #change(
    operation: Exclude<FileOperation, { what: 'read' | 'write' | 'hold' | 'writeHeld' }>,
    path: string,
  ): Outcome {
    switch (operation.what) {
      case 'create': {
        const fd = fs.openSync(path, 'wx+');
        fs.fchmodSync(fd, operation.mode);
        fs.closeSync(fd);
        break;
      }
      case 'mkdir':
        fs.mkdirSync(path);
        fs.chmodSync(path, operation.mode);
        break;
      case 'chmod':
        fs.chmodSync(path, operation.mode);
        break;
      case 'truncate':
        fs.truncateSync(path, operation.size);
        break;
      case 'rename':
        fs.renameSync(path, this.#at(operation.to));
        break;
      case 'link':
        fs.linkSync(path, this.#at(operation.to));
        break;
      case 'symlink':
        fs.symlinkSync(operation.target, path);
        break;
      case 'unlink':
        fs.unlinkSync(path);
        break;
      case 'rmdir':
        fs.rmdirSync(path);
        break;
      case 'readdir':
        return listOf(
          fs.readdirSync(path).map((name) => {
            const mode = fs.lstatSync(join(path, name)).mode;
            return { name, type: mode >>> 12 };
          }),
        );
      case 'readlink':
        return fs.readlinkSync(path);
      case 'stat': {
        const { mode, nlink, size } = fs.lstatSync(path);
        return statsOf(mode, nlink, size);
      }
    }
    return 'ok';
  }
}
