// Windows: bytes around one base address that one probe of the TLB covers. Code touches the same stack slots and the same structure's
// fields again and again, and within a region nothing changes a translation: the first access looks for all that follow. A window that
// lies across a page's end, or misses the TLB, leaves the region at that first access.
import type { Node } from '../ir/node.js';
import type { RegionInstruction } from './discover.js';
import { footprintOf, type Reach, TRANSLATIONS } from './footprint.js';

/** Bytes of a window, at most: a wider one would lie across a page's end more often. */
const MAX_WINDOW = 128;
/** Windows that are kept for one base. */
const MAX_OPEN = 4;
/** Values that are told apart in one region. */
const MAX_VALUES = 2 ** 20;

/** Accesses that share a base and a probe. Offsets count from what the base's terms add up to. */
export class Window {
  from: number;
  to: number;
  isWritten = false;
  uses = 0;
  /** The local that holds the machine address of `from`, once the probe is written. */
  local = -1;

  constructor(from: number, to: number) {
    this.from = from;
    this.to = to;
  }

  /** Can it hold an access? One whose probe is written is what it is. */
  fits(from: number, to: number, isWrite: boolean): boolean {
    if (this.local >= 0) return from >= this.from && to <= this.to && (this.isWritten || !isWrite);
    return Math.max(to, this.to) - Math.min(from, this.from) <= MAX_WINDOW;
  }
  get isShared(): boolean {
    return this.uses > 1 || this.local >= 0;
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

  /** By instruction, the accesses that share a probe with others. */
  plan(instructions: readonly RegionInstruction[]): readonly (readonly WindowUse[])[] {
    const plans = instructions.map(({ program, isLone = false }) => {
      const { reaches, moves, changes } = footprintOf(program, this.wide);
      const uses = isLone ? [] : reaches.map((r) => this.use(r));
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
    for (const [key, windows] of this.open)
      if (!windows.every((w) => w.isShared))
        this.open.set(
          key,
          windows.filter((w) => w.isShared),
        );
    return plans.map((uses) => uses.filter((u) => u.window.isShared));
  }

  private use({ node, at, bytes, isWrite, wraps }: Reach): WindowUse {
    const { first, second } = at;
    let offset = at.offset + this.offsetOf(first) + this.offsetOf(second);
    if (wraps) offset |= 0;
    const a = this.keyOf(first);
    const c = this.keyOf(second);
    const key = (Math.min(a, c) * 2 + (wraps ? 1 : 0)) * MAX_VALUES * 4 + Math.max(a, c);
    const to = offset + bytes;
    const windows = this.open.get(key) ?? [];
    let window = windows.find((w) => w.fits(offset, to, isWrite));
    if (!window) {
      window = new Window(offset, to);
      this.open.set(key, [window, ...windows.slice(0, MAX_OPEN - 1)]);
    }
    if (window.local < 0) {
      window.from = Math.min(window.from, offset);
      window.to = Math.max(window.to, to);
      window.isWritten ||= isWrite;
    }
    window.uses++;
    return { node, window, offset, wraps };
  }
  /** A term: four times the register or segment it names, plus its shift. */
  private offsetOf(term: number): number {
    return term < 0 ? 0 : this.offsets[term >> 2] * 2 ** (term & 3);
  }
  private keyOf(term: number): number {
    return term < 0 ? 0 : this.values[term >> 2] * 4 + (term & 3) + 1;
  }
}
