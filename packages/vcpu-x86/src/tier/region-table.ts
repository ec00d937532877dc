// The hot regions of an engine's CPUs, whatever their mode: a WebAssembly table that the interpreters enter regions by, and that regions
// go on to one another by.

const FIRST_SIZE = 256;
/** V8 of Node 20 keeps a copy of the table for each module that imports it, 20 bytes an entry. */
const MOST = 8192;

export class RegionTable {
  readonly table: WebAssembly.Table = new WebAssembly.Table({
    element: 'anyfunc',
    initial: FIRST_SIZE,
  });
  private next = 1;
  private readonly free: number[] = [];

  /** Puts in a region's function; its index, or 0 when the table is full. */
  add(region: () => number): number {
    const index = this.free.pop() ?? this.next;
    if (index >= MOST) return 0;
    if (index === this.next) this.next++;
    if (index >= this.table.length) this.table.grow(this.table.length);
    this.table.set(index, region);
    return index;
  }
  remove(index: number): void {
    this.table.set(index, null);
    this.free.push(index);
  }
}
