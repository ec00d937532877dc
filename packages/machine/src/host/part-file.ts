// What a process has compiled, until it is put away: a file without a name, of which nothing remains when the process ends in whatever way.
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type FiledPiece, hashOf, type PieceBuffer, readPiece } from './region-file.js';

export class PartFile {
  readonly #folder: string;
  #descriptor = -1;
  #byteLength = 0;

  /** @param folder where it lies; made when the first piece comes */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Where the bytes lie from now on; null: they cannot be written. */
  append(bytes: Uint8Array): FiledPiece | null {
    const offset = this.#byteLength;
    try {
      if (this.#descriptor < 0) this.#open();
      writeSync(this.#descriptor, bytes, 0, bytes.length, offset);
    } catch {
      return null;
    }
    this.#byteLength += bytes.length;
    return { offset, byteLength: bytes.length, hash: hashOf(bytes) };
  }
  /** A piece's bytes, as {@link readPiece} gives them. */
  read(piece: FiledPiece, into?: PieceBuffer): Uint8Array<ArrayBuffer> | null {
    return readPiece(this.#descriptor, 0, piece, into);
  }
  close(): void {
    if (this.#descriptor >= 0) closeSync(this.#descriptor);
    this.#descriptor = -1;
  }

  #open(): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const path = join(this.#folder, `${randomBytes(8).toString('hex')}.part`);
    this.#descriptor = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
  }
}
