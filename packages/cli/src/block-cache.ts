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

/**
 * When a run's code is put away: first after so long, so that the next run of a guest whose process was killed starts warm too, then after
 * twice as long each time, up to a minute.
 */
const FIRST_SAVE_MS = 5_000;
const LAST_SAVE_MS = 60_000;

/** What a guest is booted from: guests of the same image share a file. */
export interface ImageIdentity {
  readonly hash: string;
  readonly name: string;
}

/** The compiled code of this process, with what earlier runs of the same image left. */
export class BlockCacheSession {
  readonly #store: RegionStore | null = null;
  #timer: NodeJS.Timeout | null = null;
  #saving: Promise<void> = Promise.resolve();

  constructor(options: BlockCacheOptions, image: ImageIdentity) {
    const engine = options.blockCache === false ? null : engineVersion();
    if (engine === null) return;
    const folder = options.blockCache || defaultRegionFolder();
    const store = new RegionStore({ folder, engine, imageHash: image.hash, imageName: image.name });
    processLibrary.attach(store);
    this.#store = store;
    this.#saveAfter(store, FIRST_SAVE_MS);
  }
  #saveAfter(store: RegionStore, ms: number): void {
    this.#timer = setTimeout(() => {
      this.#saving = this.#saving.then(() => store.save());
      this.#saveAfter(store, Math.min(2 * ms, LAST_SAVE_MS));
    }, ms).unref();
  }

  async end(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    if (!this.#store) return;
    await this.#saving;
    await this.#store.save();
    processLibrary.detach();
    this.#store.close();
  }
}
