// `--display FILE[,size=WIDTHxHEIGHT]`: a PC's display, whose picture is written to a file at the end, and when SIGUSR2 asks for it.
import { writeFile } from 'node:fs/promises';
import { encodePng, type PcDisplay, type PcDisplayOptions } from '@proxeny/machine/pc';
import { CommandError, usageError } from './command-error.js';
import { say } from './messages.js';

const DEFAULT_SIZE = '1024x768';
const MAX_SIDE = 4096;
/** What the display's pictures may take of the host's memory allows two of them. */
const MAX_PIXELS = 4 << 20;

interface DisplayWish extends PcDisplayOptions {
  readonly path: string;
}

/** @throws CommandError */
export function parseDisplay(text: string): DisplayWish {
  const [, path = '', size = DEFAULT_SIZE] = /^([^,]+)(?:,size=(.*))?$/.exec(text) ?? [];
  if (path === '')
    throw usageError(`--display '${text}': write it as FILE or FILE,size=${DEFAULT_SIZE}`);
  const [, width, height] = (/^(\d{1,4})x(\d{1,4})$/.exec(size) ?? []).map(Number);
  const isGood = width >= 32 && height >= 32 && width <= MAX_SIDE && height <= MAX_SIDE;
  if (!isGood || width * height > MAX_PIXELS)
    throw usageError(
      `--display '${text}': '${size}' is no size; give WIDTHxHEIGHT, such as ${DEFAULT_SIZE}, of at most ${MAX_PIXELS} pixels`,
    );
  return { path, width, height };
}

/** The file of one run's display. */
export class DisplayFile {
  readonly options: PcDisplayOptions;
  readonly #path: string;
  readonly #listener = (): void => void this.write().catch((error: Error) => say(error.message));
  #display: PcDisplay | null = null;

  /** @throws CommandError */
  constructor(text: string) {
    const { path, ...options } = parseDisplay(text);
    this.options = options;
    this.#path = path;
    process.on('SIGUSR2', this.#listener);
  }

  /** The display of a machine that was made: of the last one, after resets. */
  show(display: PcDisplay): void {
    this.#display = display;
  }

  /** Writes what is on the display now. @throws CommandError */
  async write(): Promise<void> {
    const picture = this.#display?.picture() ?? null;
    if (picture === null) {
      say(`the guest shows nothing on its display; ${this.#path} is not written`);
      return;
    }
    try {
      await writeFile(this.#path, encodePng(picture));
    } catch (error) {
      throw new CommandError(
        `--display '${this.#path}' cannot be written: ${(error as Error).message}`,
      );
    }
  }

  close(): void {
    process.off('SIGUSR2', this.#listener);
  }
}
