// The hot regions of an engine's CPUs, whatever their mode: a WebAssembly table, and the function by which regions go on to one another.
// Regions import that and not the table: V8 11 keeps each instance that imports a table, and a copy of the table with it, as long as the
// table.
import { MISSED, REGION_PARAMETERS } from '../region/context.js';
import {
  FOUND_AT,
  JUMP_CACHE_STRIDE,
  type JumpCache,
  REGION_CACHE,
  REGION_ENTRIES,
} from '../state/jump-cache.js';
import { BLOCK_RIP, BUDGET, PENDING, RIP } from '../state/layout.js';
import { FunctionWriter } from '../wasm/encoder.js';
import { NEXT_REGION, REGION_TABLE } from '../wasm/import-names.js';
import { findPlace, isThere } from '../wasm/jump-place.js';
import { ModuleWriter } from '../wasm/module.js';
import { I32, OP, PURE } from '../wasm/opcodes.js';

/** Places in the table; the first stays empty. */
const SIZE = 8192;
/** Regions that go before the jump caches are searched for them. */
const GONE_TOGETHER = 64;
const GONE = 'gone';

export class RegionTable {
  /** Of the CPUs that run the regions. */
  readonly jumpCaches: Set<JumpCache> = new Set();
  private table: WebAssembly.Table | null = null;
  private goneRegion: WebAssembly.ExportValue | undefined;
  private next = 1;
  private readonly free: number[] = [];
  /** Places of regions that went, which jump caches may still have. */
  private readonly gone = new Set<number>();

  /** What generated code finds regions by; asked for before the first of them is added. `env`: the memory. */
  imports(env: Readonly<Record<string, WebAssembly.ImportValue>>): WebAssembly.ModuleImports {
    compiled ??= new WebAssembly.Module(nextRegionModule());
    const { exports } = new WebAssembly.Instance(compiled, { env });
    this.table = exports.table as WebAssembly.Table;
    this.goneRegion = exports[GONE];
    return { [REGION_TABLE]: this.table, [NEXT_REGION]: exports[NEXT_REGION] };
  }
  /** Puts in a region's function; its index, or 0 when the table is full. */
  add(region: WebAssembly.ExportValue | undefined): number {
    const index = this.free.pop() ?? this.next;
    if (index >= SIZE) return 0;
    if (index === this.next) this.next++;
    this.table?.set(index, region);
    return index;
  }
  remove(index: number): void {
    this.table?.set(index, this.goneRegion);
    this.gone.add(index);
    if (this.gone.size < GONE_TOGETHER) return;
    for (const cache of this.jumpCaches) cache.forgetRegions(this.gone);
    this.free.push(...this.gone);
    this.gone.clear();
  }
}

let compiled: WebAssembly.Module | undefined;

/**
 * The module of the function by which regions go on: it tail-calls the region at rIP, if the jump cache has it, unless the slice is over or
 * something is pending; else it stores rIP and what is left of the slice, and returns MISSED or LEFT. The other function is in the place of
 * a region that went, and does what that does where there is none.
 */
function nextRegionModule(): Uint8Array<ArrayBuffer> {
  const module = new ModuleWriter();
  module.table(SIZE);
  module.add(NEXT_REGION, REGION_PARAMETERS, [I32], nextRegion(module));
  const w = new FunctionWriter(REGION_PARAMETERS.length);
  store(w);
  w.i32Const(MISSED);
  module.add(GONE, REGION_PARAMETERS, [I32], w);
  return module.build();
}

/** The parameters of both. */
const [STATE, AT, LEFT_OF_SLICE] = [0, 1, 2];

function nextRegion(module: ModuleWriter): FunctionWriter {
  const w = new FunctionWriter(REGION_PARAMETERS.length);
  const op = (name: string): void => w.op(PURE.get(name) as number);
  const place = w.ownLocal(I32);
  const code = w.ownLocal(I32);
  w.get(LEFT_OF_SLICE);
  w.i32Const(0);
  op('i32.gt_s');
  w.get(STATE);
  w.memory(OP.i32Load, PENDING);
  op('i32.eqz');
  op('i32.and');
  w.if();
  findPlace(w, AT, REGION_ENTRIES, JUMP_CACHE_STRIDE, place);
  isThere(w, AT, place, REGION_CACHE);
  w.if();
  w.get(STATE);
  w.get(AT);
  w.memory(OP.i64Store, BLOCK_RIP);
  w.get(STATE);
  w.get(AT);
  w.get(LEFT_OF_SLICE);
  w.get(place);
  w.memory(OP.i32Load, REGION_CACHE + FOUND_AT);
  w.op(OP.returnCallIndirect);
  w.u32(module.type(REGION_PARAMETERS, [I32]));
  w.u32(0);
  w.end();
  w.i32Const(MISSED);
  w.setLocal(code);
  w.end();
  store(w);
  w.get(code);
  return w;
}

/** Stores rIP and what is left of the slice. */
function store(w: FunctionWriter): void {
  w.get(STATE);
  w.get(AT);
  w.memory(OP.i64Store, RIP);
  w.get(STATE);
  w.get(LEFT_OF_SLICE);
  w.memory(OP.i32Store, BUDGET);
}
