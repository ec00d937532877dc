// `--block-cache` and `--no-block-cache`: compiled code that outlives the process, for commands that run a guest.
import {
  defaultRegionFolder,
  engineVersion,
  processLibrary,
  RegionStore,
} from '@proxeny/machine/pc';
import type { Command } from 'commander';

/** As commander parses them: false for `--no-block-cache`. */
export interface BlockCacheOptions {
  readonly blockCache?: string | false;
}

export function addBlockCacheOptions(command: Command): Command {
  return command
    .option(
      '--block-cache <folder>',
      'where compiled code is kept for the next run (default: proxeny/regions in the cache folder)',
    )
    .option('--no-block-cache', 'compile everything anew, and keep nothing');
}

/** How often a long run's code is put away. */
const SAVE_MS = 60_000;

/** What a guest is booted from: guests of the same image share a file. */
export interface ImageIdentity {
  readonly hash: string;
  readonly name: string;
}

/** The compiled code of this process, with what earlier runs of the same image left. */
export class BlockCacheSession {
  readonly #store: RegionStore | null = null;
  readonly #timer: NodeJS.Timeout | null = null;

  constructor(options: BlockCacheOptions, image: ImageIdentity) {
    const engine = options.blockCache === false ? null : engineVersion();
    if (engine === null) return;
    const folder = options.blockCache || defaultRegionFolder();
    const store = new RegionStore({ folder, engine, imageHash: image.hash, imageName: image.name });
    processLibrary.attach(store);
    this.#store = store;
    this.#timer = setInterval(() => void store.save(), SAVE_MS).unref();
  }

  async end(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    if (!this.#store) return;
    await this.#store.save();
    processLibrary.detach();
    this.#store.close();
  }
}
