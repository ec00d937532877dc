// Windows: bytes around one base address that one probe of the TLB covers. Code touches the same stack slots and the same structure's
// fields again and again, and within a region nothing changes a translation: the first access looks for all that follow. A window that
// lies across a page's end, or misses the TLB, leaves the region at that first access.
import type { Node } from '../ir/node.js';
import type { RegionInstruction } from './discover.js';
import {
  footprintOf,
  isSegmentTerm,
  type Reach,
  type Sum,
  TERM_SHIFTS,
  TRANSLATIONS,
} from './footprint.js';

/** Bytes of a window, at most: a wider one would lie across a page's end more often. */
const MAX_WINDOW = 128;
/** Windows that are kept for one base. */
const MAX_OPEN = 4;
/** Windows that are opened in front of one loop. */
const MAX_EARLY = 4;
/** Values that are told apart in one region. */
const MAX_VALUES = 2 ** 20;
/** What terms make of them. */
const MAX_TERMS = MAX_VALUES * TERM_SHIFTS;

/** Accesses that share a base and a probe. Offsets count from what the base's terms add up to. */
export class Window {
  /** Its base, see {@link Windows}. */
  readonly key: number;
  from: number;
  to: number;
  isWritten = false;
  /** A lone instruction's: each access has a probe of its own. */
  isAlone = false;
  uses = 0;
  /** The local that holds the machine address of `from`, once the probe is written. */
  local = -1;

  constructor(key: number, from: number, to: number) {
    this.key = key;
    this.from = from;
    this.to = to;
  }

  /** Can it hold an access? One whose probe is written is what it is. */
  fits(from: number, to: number, isWrite: boolean): boolean {
    if (this.local >= 0) return from >= this.from && to <= this.to && (this.isWritten || !isWrite);
    return Math.max(to, this.to) - Math.min(from, this.from) <= MAX_WINDOW;
  }
  get isShared(): boolean {
    return !this.isAlone && (this.uses > 1 || this.local >= 0);
  }
}

/** One access in its window. */
export interface WindowUse {
  readonly node: Node;
  readonly window: Window;
  readonly offset: number;
  /** Its linear address wraps at 32 bits. */
  readonly wraps: boolean;
}

/** A window that opens in front of a loop. */
export interface EarlyWindow {
  readonly window: Window;
  /** Where it begins, by what registers hold there. */
  readonly at: Sum;
}

/** What is known at one place of a region. */
interface Known {
  readonly values: readonly number[];
  readonly offsets: readonly number[];
  readonly open: ReadonlyMap<number, readonly Window[]>;
}

/** Follows the general registers through a region as far as they are sums, and finds the accesses that share a base. */
export class Windows {
  private readonly wide: boolean;
  /** By term (registers, then segments' bases): a number for the unknown value it is made of, and what is added to that. */
  private values: number[] = Array.from({ length: 48 }, (_, i) => i);
  private offsets: number[] = new Array<number>(48).fill(0);
  private open = new Map<number, readonly Window[]>();
  private next = 48;

  /** `wide`: of 64-bit code. */
  constructor(wide: boolean) {
    this.wide = wide;
  }

  snapshot(): Known {
    return { values: [...this.values], offsets: [...this.offsets], open: new Map(this.open) };
  }
  resume(known: Known): void {
    this.values = [...known.values];
    this.offsets = [...known.offsets];
    this.open = new Map(known.open);
  }
  /** These registers and translations are not what they were, see {@link Footprint.changes}. */
  lose(changes: number): void {
    for (let r = 0; r < 16; r++) {
      if (((changes >> r) & 1) === 0) continue;
      this.values[r] = this.next++;
      this.offsets[r] = 0;
    }
    if ((changes & TRANSLATIONS) !== 0) this.open.clear();
  }
  changesOf(instructions: readonly RegionInstruction[]): number {
    return instructions.reduce((all, i) => all | footprintOf(i.program, this.wide).changes, 0);
  }

  /**
   * Opens windows in front of a loop, for what its first block accesses at addresses that the loop leaves alone. The caller writes
   * their probes.
   * @param changes what the loop changes, see {@link Footprint.changes}
   */
  openEarly(instructions: readonly RegionInstruction[], changes: number): readonly EarlyWindow[] {
    if ((changes & TRANSLATIONS) !== 0) return [];
    const here = this.snapshot();
    const windows = new Set(this.uses(instructions).flatMap((uses) => uses.map((u) => u.window)));
    this.resume(here);
    const early: EarlyWindow[] = [];
    for (const window of windows) {
      const at =
        window.local < 0 && !window.isAlone && early.length < MAX_EARLY
          ? this.startOf(window, changes)
          : null;
      if (!at) continue;
      early.push({ window, at });
      this.enter(window);
    }
    return early;
  }
  /** Null: something of its base changes, or is known no more. */
  private startOf({ key, from }: Window, changes: number): Sum | null {
    const terms = [Math.floor(key / MAX_TERMS / 2), key % MAX_TERMS];
    const wraps = Math.floor(key / MAX_TERMS) % 2 === 1;
    // Of 32-bit code in 64-bit mode, or segments of 32-bit code.
    if (wraps === this.wide && key !== 0) return null;
    let offset = from;
    const named: number[] = [];
    for (const term of terms) {
      if (term === 0) continue;
      const shift = (term - 1) % TERM_SHIFTS;
      const value = Math.floor((term - 1) / TERM_SHIFTS);
      const isKept = (v: number, n: number): boolean =>
        v === value && (isSegmentTerm(n) || ((changes >> n) & 1) === 0);
      const register = this.values.findIndex(isKept);
      if (register < 0) return null;
      named.push(register * TERM_SHIFTS + shift);
      offset -= this.offsets[register] * 2 ** shift;
    }
    return {
      first: named[0] ?? -1,
      second: named[1] ?? -1,
      offset: this.wide ? offset : offset | 0,
    };
  }

  /** By instruction, the accesses that share a probe with others. */
  plan(instructions: readonly RegionInstruction[]): readonly (readonly WindowUse[])[] {
    const plans = this.uses(instructions);
    for (const [key, windows] of this.open)
      if (!windows.every((w) => w.isShared))
        this.open.set(
          key,
          windows.filter((w) => w.isShared),
        );
    return plans.map((uses) => uses.filter((u) => u.window.isShared));
  }
  private uses(instructions: readonly RegionInstruction[]): readonly (readonly WindowUse[])[] {
    return instructions.map(({ program, isLone = false }) => {
      const { reaches, moves, changes } = footprintOf(program, this.wide);
      const uses = reaches.map((r) => this.use(r, isLone));
      if (changes === 0) return uses;
      const moved = moves.map(({ from, offset }) => ({
        value: this.values[from],
        offset: this.wide ? this.offsets[from] + offset : (this.offsets[from] + offset) | 0,
      }));
      this.lose(changes);
      moves.forEach(({ register }, i) => {
        this.values[register] = moved[i].value;
        this.offsets[register] = moved[i].offset;
      });
      return uses;
    });
  }

  private use({ node, at, bytes, isWrite, wraps }: Reach, isLone: boolean): WindowUse {
    const { first, second } = at;
    let offset = at.offset + this.offsetOf(first) + this.offsetOf(second);
    if (wraps) offset |= 0;
    const a = this.keyOf(first);
    const c = this.keyOf(second);
    const key = (Math.min(a, c) * 2 + (wraps ? 1 : 0)) * MAX_TERMS + Math.max(a, c);
    const to = offset + bytes;
    const windows = this.open.get(key) ?? [];
    let window = windows.find((w) => w.fits(offset, to, isWrite) && !(isLone && w.local >= 0));
    if (!window) {
      window = new Window(key, offset, to);
      this.enter(window);
    }
    if (window.local < 0) {
      window.from = Math.min(window.from, offset);
      window.to = Math.max(window.to, to);
      window.isWritten ||= isWrite;
    }
    window.isAlone ||= isLone;
    window.uses++;
    return { node, window, offset, wraps };
  }
  private enter(window: Window): void {
    const others = this.open.get(window.key) ?? [];
    this.open.set(window.key, [window, ...others.slice(0, MAX_OPEN - 1)]);
  }
  private offsetOf(term: number): number {
    return term < 0 ? 0 : this.offsets[term >> 2] * 2 ** (term & 3);
  }
  private keyOf(term: number): number {
    return term < 0 ? 0 : this.values[term >> 2] * TERM_SHIFTS + (term & 3) + 1;
  }
}
