// The code around a hot entry as a copy, for a compilation that takes its time elsewhere: whole pages, where in them code was executed, and
// words of jump tables. What is in none of them is wished for, and the next copy has it: only who runs the code can translate its addresses.
import { type CodeSource, MAX_TABLE } from './discover.js';

/** A page of code. */
export interface PageImage {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Offsets of what is worth a place in a region; null: all is. */
  readonly warm: readonly number[] | null;
  /** Offsets of its lone instructions. */
  readonly lone: readonly number[];
}

/** Plain data: it can be posted. */
export interface CodeImage {
  /** Offset of the entry in its page, and its linear address. */
  readonly entry: number;
  readonly linear: number;
  /** By distance from the entry's page; null: there is none. */
  readonly pages: ReadonlyMap<number, PageImage | null>;
  /** By linear address; -1: it cannot be had without effects. */
  readonly words: ReadonlyMap<number, number>;
}

/** What a copy shall hold: pages by distance from the entry's, tables by the linear address of their first word. */
export interface CodeWishes {
  readonly pages: ReadonlySet<number>;
  readonly tables: ReadonlySet<number>;
}

/**
 * Copies what is wished for.
 * @param warmOf {@link PageImage.warm} of the page at a machine address; `loneOf`: {@link PageImage.lone}
 */
export function copyCode(
  source: CodeSource,
  wishes: CodeWishes,
  warmOf: (host: number) => readonly number[] | null,
  loneOf: (host: number) => readonly number[],
): CodeImage {
  const pages = new Map<number, PageImage | null>();
  for (const delta of wishes.pages) {
    const host = source.pageAt(delta);
    if (host < 0) pages.set(delta, null);
    else {
      const bytes = Uint8Array.from(source.bytes.subarray(host, host + 4096));
      pages.set(delta, { bytes, warm: warmOf(host), lone: loneOf(host) });
    }
  }
  const words = new Map<number, number>();
  for (const table of wishes.tables)
    for (let at = table; at < table + MAX_TABLE * 4; at += 4) words.set(at, source.wordAt(at));
  return { entry: source.entry, linear: source.linear, pages, words };
}

/** A copy, read as code. */
export class ImageSource implements CodeSource {
  readonly bytes: Uint8Array;
  readonly entry: number;
  readonly linear: number;
  /** What was looked for and is not in the copy. */
  readonly missing = { pages: new Set<number>(), tables: new Set<number>() };
  private readonly image: CodeImage;
  /** In {@link bytes}, by distance. */
  private readonly places = new Map<number, number>();
  /** Pages of which all is warm, and what is of the others. */
  private readonly allWarm = new Set<number>();
  private readonly warm = new Set<number>();
  private readonly lone = new Set<number>();

  constructor(image: CodeImage) {
    this.image = image;
    this.entry = image.entry;
    this.linear = image.linear;
    this.bytes = new Uint8Array(image.pages.size * 4096);
    for (const [delta, page] of image.pages) {
      const place = this.places.size * 4096;
      if (page) {
        this.bytes.set(page.bytes, place);
        if (!page.warm) this.allWarm.add(place);
        for (const offset of page.warm ?? []) this.warm.add(place + offset);
        for (const offset of page.lone) this.lone.add(place + offset);
      }
      this.places.set(delta, page ? place : -1);
    }
  }
  get isShort(): boolean {
    return this.missing.pages.size + this.missing.tables.size > 0;
  }
  pageAt(delta: number): number {
    const place = this.places.get(delta);
    if (place === undefined) this.missing.pages.add(delta);
    return place ?? -1;
  }
  isWarm(host: number): boolean {
    return this.warm.has(host) || this.allWarm.has(host - (host % 4096));
  }
  isLone(host: number): boolean {
    return this.lone.has(host);
  }
  wordAt(linear: number): number {
    const word = this.image.words.get(linear);
    if (word === undefined) this.missing.tables.add(linear);
    return word ?? -1;
  }
}
