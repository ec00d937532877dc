// RawDisk: a disk whose sectors are a file's bytes, one after the other.
import { type BlockBackend, BlockError, SECTOR_BYTES, sectorsIn } from './block-backend.js';
import type { ByteFile } from './byte-file.js';
import { DiskGuard } from './disk-guard.js';
import { isQcow2 } from './qcow2/header.js';

export interface RawDiskOptions {
  /**
   * The image was taken for a raw one because of its contents. Then a guest must not make it look like another format, which could
   * name other files of the host to be read the next time: a first sector that would is refused.
   */
  readonly isProbed?: boolean;
}

export class RawDisk implements BlockBackend {
  readonly sectorCount: number;
  readonly blockBytes: number = SECTOR_BYTES;
  readonly isReadOnly: boolean;
  readonly #file: ByteFile;
  readonly #isProbed: boolean;
  readonly #guard: DiskGuard;

  /**
   * @param file closed when this is.
   * @throws BlockError `bad-image` for a part of a sector.
   */
  constructor(file: ByteFile, options: RawDiskOptions = {}) {
    if (file.byteLength % SECTOR_BYTES !== 0) {
      throw new BlockError(
        'bad-image',
        `${file.name}: ${file.byteLength} bytes are not whole sectors: pad it to a multiple of ${SECTOR_BYTES}`,
      );
    }
    this.sectorCount = file.byteLength / SECTOR_BYTES;
    this.isReadOnly = file.isReadOnly;
    this.#file = file;
    this.#isProbed = options.isProbed ?? false;
    this.#guard = new DiskGuard(this);
  }

  async read(sector: number, target: Uint8Array): Promise<void> {
    await this.#guard.run(false, sector, sectorsIn(target), async () => {
      const at = sector * SECTOR_BYTES;
      const count = await this.#file.read(at, target);
      if (count < target.byteLength)
        throw new BlockError('io', `${this.#file.name}: ends before byte ${at + count}`);
    });
  }

  async write(sector: number, source: Uint8Array): Promise<void> {
    await this.#guard.run(true, sector, sectorsIn(source), () => {
      if (this.#isProbed && sector === 0 && isQcow2(source)) throw this.#disguise();
      return this.#file.write(sector * SECTOR_BYTES, source);
    });
  }

  readNow(sector: number, targets: readonly Uint8Array[]): boolean {
    if (!this.#guard.allows(false, sector, targets)) return false;
    return this.#file.readNow?.(sector * SECTOR_BYTES, targets) ?? false;
  }

  writeNow(sector: number, sources: readonly Uint8Array[]): boolean {
    // A first sector is looked at by `write`.
    const isFree = !(this.#isProbed && sector === 0);
    if (!isFree || !this.#guard.allows(true, sector, sources)) return false;
    return this.#file.writeNow?.(sector * SECTOR_BYTES, sources) ?? false;
  }

  #disguise(): BlockError {
    return new BlockError(
      'io',
      `${this.#file.name}: its first sector would make this raw image look like qcow2: give format=raw to allow it`,
    );
  }

  async flush(): Promise<void> {
    await this.#guard.run(false, 0, 0, () => this.#flush());
  }

  async #flush(): Promise<void> {
    if (!this.isReadOnly) await this.#file.flush();
  }

  async discard(sector: number, count: number): Promise<void> {
    await this.#guard.run(true, sector, count, () =>
      this.#file.discard(sector * SECTOR_BYTES, count * SECTOR_BYTES),
    );
  }

  async writeZeroes(sector: number, count: number): Promise<void> {
    await this.#guard.run(true, sector, count, () =>
      this.#file.writeZeroes(sector * SECTOR_BYTES, count * SECTOR_BYTES),
    );
  }

  async close(): Promise<void> {
    if (!(await this.#guard.close())) return;
    try {
      await this.#flush();
    } finally {
      await this.#file.close();
    }
  }
}
