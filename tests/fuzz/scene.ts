// Where a sequence's pages lie: code across two pages whose frames are in any order, the window over the code's own frames
// (self-modifying code), and page tables as a hostile guest makes them.
import type { OracleMode } from '../conformance/native-oracle/oracle-modes.js';
import { CODE_REGION_ADDRESS, WINDOW_ADDRESS } from '../conformance/native-oracle/protocol.js';
import type { Random } from '../conformance/native-oracle/random.js';
import type { MemoryLayout, PageEntry } from '../conformance/native-oracle/user-mode-tables.js';

export interface Scene {
  /** Offset of the first instruction in the code's three pages. */
  readonly start: number;
  /** Bytes from there to linear addresses that reach the same code by data, through the window; null: none do. */
  readonly alias: number | null;
  readonly layout: MemoryLayout;
  /** The pages of a first run, which is to warm up whoever learns from it; undefined: those of `layout`. */
  readonly trained: MemoryLayout | undefined;
}

const PAGE = 4096;
const P = 1;
const RW = 2;
const US = 4;
const A = 0x20;
const D = 0x40;
const CODE_PAGES = 3;
const WINDOW_FRAME = 3;
/** A frame where there is no memory. */
const NO_FRAME = 99;

const entry = (frame: number, flags: number): PageEntry => ({
  ...{ frame, flags, noExecute: false, reserved: false },
});

/** What a hostile or careless kernel may do to an entry. */
const mischief: readonly ((e: PageEntry, random: Random) => PageEntry)[] = [
  (e) => ({ ...e, flags: e.flags & ~P }),
  (e) => ({ ...e, flags: e.flags & ~US }),
  (e) => ({ ...e, flags: e.flags & ~RW }),
  (e) => ({ ...e, flags: e.flags & ~(A | D) }),
  (e) => ({ ...e, noExecute: !e.noExecute }),
  (e) => ({ ...e, reserved: true }),
  (e) => ({ ...e, frame: NO_FRAME }),
  (e, random) => ({ ...e, frame: random.below(5) }),
  (e) => ({ ...e, flags: e.flags | RW }),
];

/** Draws a scene for code of at most `length` bytes. */
export function drawScene(random: Random, length: number): Scene {
  const crosses = random.oneIn(2);
  const start = crosses ? 2 * PAGE - 1 - random.below(length) : PAGE + random.below(64);
  const codeFrames = random.pick([
    [0, 1, 2],
    [2, 0, 1],
    [1, 2, 0],
    [2, 1, 0],
  ]);
  const code = codeFrames.map((frame) => entry(frame, P | US | A));
  const window = [0, 1].map((i) => ({
    ...entry(WINDOW_FRAME + i, P | RW | US | A | D),
    noExecute: true,
  }));
  const plain = { codeFrames, entries: [...code, ...window] };
  let entries: readonly PageEntry[] = plain.entries;
  let alias: number | null = null;
  if (random.oneIn(3)) {
    // One of the window's pages is one of the code's.
    const page = start >> 12;
    const seen = random.below(2);
    entries = entries.map((e, i) =>
      i === CODE_PAGES + seen ? { ...e, frame: codeFrames[page] } : e,
    );
    alias = WINDOW_ADDRESS - CODE_REGION_ADDRESS + (seen - page) * PAGE;
  }
  const isHostile = random.oneIn(4);
  if (isHostile) {
    entries = entries.map((e, i) =>
      // Where the first instruction is, less often: nothing would run.
      random.oneIn(i === start >> 12 ? 12 : 3) ? random.pick(mischief)(e, random) : e,
    );
  }
  const layout = { codeFrames, entries };
  const trained = (alias !== null || isHostile) && random.below(4) > 0 ? plain : undefined;
  return { start, alias, layout, trained };
}

/** The instruction pointer at a scene's first instruction. */
export const entryOf = (mode: OracleMode, scene: Scene): number =>
  CODE_REGION_ADDRESS + scene.start - mode.codeBase;
