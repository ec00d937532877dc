// Instructions whose accesses must look for their pages alone, as must those that would share with them: regions left for the cold tier at
// them again and again. Most often a window lies across a page's end there, as on a stack whose frames come to lie so.
import { isCodeAt, type RegionCode } from '../region/region-code.js';

/** More are forgotten all at once. */
const MAX_LONE = 1024;

export class LoneInstructions {
  /** By frame: offsets. */
  private readonly byFrame = new Map<number, number[]>();
  private count = 0;

  /** @param host machine address of the instruction */
  has(host: number): boolean {
    return this.of(host).includes(host % 4096);
  }
  /** Offsets of those in the page at a machine address. */
  of(host: number): readonly number[] {
    return this.byFrame.get(Math.floor(host / 4096)) ?? [];
  }
  add(host: number): void {
    if (this.count === MAX_LONE) {
      this.byFrame.clear();
      this.count = 0;
    }
    this.count++;
    const frame = Math.floor(host / 4096);
    this.byFrame.set(frame, [...(this.byFrame.get(frame) ?? []), host % 4096]);
  }
  /** Are all of them, of a page of the region's code, lone in the region too? `delta`: pages from the entry's. */
  areIn(code: RegionCode, delta: number, host: number): boolean {
    return this.of(host).every((offset) => {
      const at = delta * 4096 + offset;
      return !isCodeAt(code.runs, at) || code.lone.includes(at);
    });
  }
}
