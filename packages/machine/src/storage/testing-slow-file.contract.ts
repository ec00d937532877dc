// SlowFile: a file whose requests take a while, each another one, so that what is asked for together is done in another order.
import type { ByteFile } from './byte-file.js';

/** Some requests are overtaken by many. */
const LONG = 7;
const LONG_TURNS = 80;

export class SlowFile implements ByteFile {
  readonly name: string;
  readonly isReadOnly: boolean;
  readonly #file: ByteFile;
  #seed: number;

  /** @param seed decides how long each request takes */
  constructor(file: ByteFile, seed: number) {
    this.#file = file;
    this.name = file.name;
    this.isReadOnly = file.isReadOnly;
    this.#seed = seed >>> 0;
  }

  get byteLength(): number {
    return this.#file.byteLength;
  }

  async #wait(): Promise<void> {
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
    const short = this.#seed >>> 29;
    const turns = short === LONG ? LONG_TURNS : short;
    for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
  }

  async read(at: number, target: Uint8Array): Promise<number> {
    await this.#wait();
    const count = await this.#file.read(at, target);
    await this.#wait();
    return count;
  }

  async write(at: number, source: Uint8Array): Promise<void> {
    await this.#wait();
    await this.#file.write(at, source);
    await this.#wait();
  }

  async writeZeroes(at: number, byteLength: number): Promise<void> {
    await this.#wait();
    await this.#file.writeZeroes(at, byteLength);
  }

  async discard(at: number, byteLength: number): Promise<void> {
    await this.#wait();
    await this.#file.discard(at, byteLength);
  }

  async resize(byteLength: number): Promise<void> {
    await this.#wait();
    await this.#file.resize(byteLength);
  }

  async flush(): Promise<void> {
    await this.#wait();
    await this.#file.flush();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
