// P2m: what stands behind each guest frame of a translated domain. Every entry holds one reference to its frame (and, if writable and
// granted by another domain, a type reference, taken by the grant code).
// Page-table (PV) guests have no P2m: they see machine frames and keep their own table.
import { type Gfn, type Mfn, PAGE_SIZE } from '@proxeny/memory';
import type { AddressSpace } from './address-space.js';
import { type FrameTable, PageType } from './frame-table.js';

/** What a guest frame is. */
export const P2mKind = { none: 0, ram: 1, grantWritable: 2, grantReadOnly: 3 } as const;
export type P2mKind = (typeof P2mKind)[keyof typeof P2mKind];

export class P2m implements AddressSpace {
  /** Guest frames there can be: 0 to `frameLimit` - 1. */
  readonly frameLimit: number;
  readonly #frames: FrameTable;
  readonly #mfn: Uint32Array;
  readonly #kind: Uint8Array;
  #highest = -1;

  constructor(frames: FrameTable, frameLimit: number) {
    this.#frames = frames;
    this.frameLimit = frameLimit;
    this.#mfn = new Uint32Array(frameLimit);
    this.#kind = new Uint8Array(frameLimit);
  }

  /** The highest guest frame ever present, -1 if none was. */
  get highest(): number {
    return this.#highest;
  }

  kindOf(gfn: number): P2mKind {
    return (gfn >= 0 && gfn < this.frameLimit ? this.#kind[gfn] : P2mKind.none) as P2mKind;
  }

  /** The machine frame behind `gfn`, or -1. */
  mfnOf(gfn: number): Mfn | -1 {
    return this.kindOf(gfn) === P2mKind.none ? -1 : (this.#mfn[gfn] as Mfn);
  }

  /** Puts `mfn` at the empty `gfn`; the caller's reference passes to the entry. */
  set(gfn: Gfn, mfn: Mfn, kind: P2mKind): void {
    this.#mfn[gfn] = mfn;
    this.#kind[gfn] = kind;
    if (gfn > this.#highest) this.#highest = gfn;
  }

  /** Empties `gfn` and gives its reference back. */
  clear(gfn: Gfn): void {
    const mfn = this.mfnOf(gfn);
    if (mfn === -1) return;
    this.#kind[gfn] = P2mKind.none;
    this.#mfn[gfn] = 0;
    this.#frames.onRetype?.(mfn, PageType.none);
    this.#frames.putPage(mfn);
  }

  /** Empties `gfn` but leaves its reference to the caller. */
  forget(gfn: Gfn): void {
    const mfn = this.mfnOf(gfn);
    this.#kind[gfn] = P2mKind.none;
    this.#mfn[gfn] = 0;
    if (mfn !== -1) this.#frames.onRetype?.(mfn, PageType.none);
  }

  /** Linear addresses of a guest without paging are its physical ones. */
  translate(address: number, isWrite: boolean): number {
    const gfn = Math.floor(address / PAGE_SIZE);
    const kind = this.kindOf(gfn);
    if (kind === P2mKind.none || (isWrite && kind === P2mKind.grantReadOnly)) return -1;
    return (this.#mfn[gfn] as number) * PAGE_SIZE + (address - gfn * PAGE_SIZE);
  }
}
