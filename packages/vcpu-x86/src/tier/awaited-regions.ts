// Blocks whose regions are compiled elsewhere. They stay in the cold tier meanwhile, and nothing is watched for them: when the answer has
// come, the block's next execution asks the library, which compares the bytes. A block that needs more code than was shown is asked for
// again, with that.
import type { BlockCache } from '../block/block-cache.js';
import { copyCode } from '../region/code-image.js';
import type { CompileAnswer, RegionOutcome, RegionQuestion } from '../region/compile-server.js';
import type { CodeSource } from '../region/discover.js';
import type { RegionLibrary } from '../region/library.js';
import type { Mode } from '../semantics/shape.js';

/** Copies that are shown of one region's code: each has what the one before was short of. */
const MAX_COPIES = 4;
/** Pages that a copy has, at most: where a region's calls lead is wished for too. */
const MAX_PAGES = 16;
/** Pages on either side of the entry's that are shown at once, if that is free. */
const NEAR = 1;
/** Regions of one question. */
const MAX_REGIONS = 32;

/** A question is sent when its first region has waited for this many instructions, */
const BATCH_INSTRUCTIONS = 10_000_000;
/** or this many if nothing else is asked. */
const IDLE_INSTRUCTIONS = 1_000_000;

/** `gathering`: it lies in the next question; `short`: that needs more code; `ready`: the library should have it. */
type Stage = 'gathering' | 'asked' | 'short' | 'ready';

interface Awaited {
  readonly rec: number;
  stage: Stage;
  copies: number;
  readonly wishes: { readonly pages: Set<number>; readonly tables: Set<number> };
  /** Its block went. */
  isGone: boolean;
}

export interface AwaitedRegionsOptions {
  readonly blocks: BlockCache;
  readonly library: RegionLibrary;
  /** The features of the CPU. */
  readonly environment: string;
  /** Where in a page of code there is what a region may have: see PageImage. */
  readonly warmOf: (host: number, modeClass: number) => readonly number[] | null;
  /** Instructions there that are lone. */
  readonly loneOf: (host: number) => readonly number[];
  /** Regions of one question, at most. */
  readonly batchRegions: number;
  /** Where regions, refusals and modules are counted. */
  readonly counters: { compiled: number; refused: number; modules: number; wasmBytes: number };
}

export class AwaitedRegions {
  private readonly blocks: BlockCache;
  private readonly library: RegionLibrary;
  private readonly environment: string;
  private readonly warmOf: AwaitedRegionsOptions['warmOf'];
  private readonly loneOf: AwaitedRegionsOptions['loneOf'];
  private readonly batchRegions: number;
  private readonly byBlock = new Map<number, Awaited>();
  private questions: RegionQuestion[] = [];
  private asking: Awaited[] = [];
  /** Instructions executed when the first one came. */
  private since = 0;
  private readonly counters: AwaitedRegionsOptions['counters'];

  constructor(options: AwaitedRegionsOptions) {
    this.blocks = options.blocks;
    this.library = options.library;
    this.environment = options.environment;
    this.warmOf = options.warmOf;
    this.loneOf = options.loneOf;
    this.counters = options.counters;
    this.batchRegions = Math.min(options.batchRegions, MAX_REGIONS);
  }

  stageOf(rec: number): Stage | null {
    return this.byBlock.get(rec)?.stage ?? null;
  }

  /**
   * Asks for the region of a block.
   * @param mapped bytes of the page that maps its address
   * @param executed instructions so far
   * @returns false if too many wait already
   */
  ask(
    rec: number,
    source: CodeSource,
    modeClass: number,
    mode: Mode,
    mapped: number,
    executed: number,
  ): boolean {
    if (this.questions.length >= this.batchRegions) {
      this.send();
      if (this.questions.length >= this.batchRegions) return false;
    }
    const a = this.byBlock.get(rec) ?? this.newcomer(rec, source.linear, mapped);
    a.stage = 'gathering';
    a.copies++;
    if (this.questions.length === 0) this.since = executed;
    this.asking.push(a);
    const isFinal = a.copies === MAX_COPIES;
    const warmOf = (host: number) => this.warmOf(host, modeClass);
    const image = copyCode(source, a.wishes, warmOf, this.loneOf);
    this.questions.push({ modeClass, mode, image, isFinal });
    if (this.questions.length >= this.batchRegions) this.send();
    return true;
  }
  private newcomer(rec: number, linear: number, mapped: number): Awaited {
    const pages = new Set([0]);
    if (this.blocks.secondPage(rec) !== 0) pages.add(1);
    // To translate what the same large page maps changes nothing.
    const place = Math.floor(linear / mapped);
    for (let delta = -NEAR; delta <= NEAR; delta++)
      if (Math.floor((linear + delta * 4096) / mapped) === place) pages.add(delta);
    const a: Awaited = {
      ...{ rec, stage: 'gathering', copies: 0, isGone: false },
      wishes: { pages, tables: new Set() },
    };
    this.byBlock.set(rec, a);
    return a;
  }

  /** Sends the question if it has waited long enough: for others to come, or for the helper to have nothing else to do. */
  tick(executed: number): void {
    if (this.questions.length === 0) return;
    const limit = this.library.help.isIdle ? IDLE_INSTRUCTIONS : BATCH_INSTRUCTIONS;
    if (executed - this.since > limit) this.send();
  }
  /** Sends the question, unless enough wait already. */
  send(): void {
    const { help } = this.library;
    if (this.questions.length === 0 || help.isBusy) return;
    const { questions: regions, asking, environment } = this;
    this.questions = [];
    this.asking = [];
    if (!help.isThere) return this.answered(asking, null);
    for (const a of asking) if (!a.isGone) a.stage = 'asked';
    help.ask({ environment, regions }, (answer) => this.answered(asking, answer));
  }

  private answered(asked: readonly Awaited[], answer: CompileAnswer | null): void {
    if (answer?.module) {
      this.counters.modules++;
      this.counters.wasmBytes += answer.bytes.length;
    }
    asked.forEach((a, i) => {
      if (a.isGone) return;
      this.settle(a, answer?.outcomes[i] ?? null);
    });
  }
  private settle(a: Awaited, outcome: RegionOutcome | null): void {
    if (outcome === 'cold') {
      this.counters.refused++;
      this.forget(a.rec);
      return this.blocks.setHeat(a.rec, Infinity);
    }
    if (outcome === null) this.forget(a.rec);
    else if (outcome === 'made') {
      this.counters.compiled++;
      a.stage = 'ready';
    } else {
      a.stage = 'short';
      for (const page of outcome.pages)
        if (a.wishes.pages.size < MAX_PAGES) a.wishes.pages.add(page);
      for (const table of outcome.tables) a.wishes.tables.add(table);
    }
    this.blocks.setHeat(a.rec, 1);
  }

  /** Waits no more for the block's region. */
  forget(rec: number): void {
    const a = this.byBlock.get(rec);
    if (!a) return;
    a.isGone = true;
    this.byBlock.delete(rec);
  }
  /** Every block went. */
  clear(): void {
    for (const a of this.byBlock.values()) a.isGone = true;
    this.byBlock.clear();
  }
}
