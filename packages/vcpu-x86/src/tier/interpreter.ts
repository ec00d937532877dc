// The cold tier's inner loop for one mode class: a generated WebAssembly function that fetches blocks through the jump cache and
// runs their records, the frequent forms inline behind one br_table, the others through a table of handlers.

import { HEADER_HEAT, HEADER_HOT, HEADER_LEFT, HEADER_SIZE } from '../block/block-cache.js';
import { COLD, LEFT, MISSED, REGION_PARAMETERS } from '../region/context.js';
import { RECORD } from '../semantics/binding.js';
import { fastRoutineNames } from '../semantics/fast-table.js';
import type { Mode } from '../semantics/shape.js';
import {
  FOUND_AT,
  JUMP_CACHE_SETS,
  JUMP_CACHE_STRIDE,
  KEY_AT,
  REGION_CACHE,
  REGION_ENTRIES,
} from '../state/jump-cache.js';
import { BLOCK_RIP, BUDGET, MODE_KEY, PENDING, RIP } from '../state/layout.js';
import { emitInstruction } from '../wasm/emit.js';
import type { EmitTarget } from '../wasm/emit-target.js';
import { FunctionWriter } from '../wasm/encoder.js';
import { REGION_TABLE } from '../wasm/import-names.js';
import { findPlace, isThere } from '../wasm/jump-place.js';
import { ModuleWriter } from '../wasm/module.js';
import { I32, I64, OP, PURE } from '../wasm/opcodes.js';
import { endsBlock, type FormProgram, recordSize, storeRip } from './handler.js';

/** Why the interpreter returned. */
export const EXIT_BUDGET = 0;
export const EXIT_PENDING = 1;
export const EXIT_FAULT = 2;

/** More than a mode class has shapes (handler-table.test.ts counts them); ids must fit the 16 bits of a record. */
export const HANDLER_TABLE_SIZE = 16384;

/**
 * The interpreter's module. Inline form i has handler i + 1; handlers above come from the exported `table`. Exports `run(state)`.
 * @param profile machine address of 32-bit counters by handler, to count every execution; 0 for none
 */
export function interpreterModule(
  mode: Mode,
  inline: readonly FormProgram[],
  profile = 0,
): Uint8Array<ArrayBuffer> {
  const module = new ModuleWriter();
  const regions = module.importTable(REGION_TABLE);
  const handlers = module.table(HANDLER_TABLE_SIZE);
  // Imports come first: reserve the ones that the loop itself needs.
  const lookup = module.importFunction('lookup', [], [I32]);
  const becameHot = module.importFunction('becameHot', [I32], []);
  const leftOften = module.importFunction('leftOften', [I32], []);
  const regionType = module.type(REGION_PARAMETERS, [I32]);
  const handlerType = module.type([I32, I32], [I32]);
  const w = new FunctionWriter(1);
  const state = 0;
  const rec = w.ownLocal(I32);
  const entry = w.ownLocal(I32);
  /** The jump cache entry that this block was entered by. */
  const from = w.ownLocal(I32);
  const rip = w.ownLocal(I64);
  const heat = w.ownLocal(I32);
  /** What the last region returned, until the block behind it has begun. */
  const code = w.ownLocal(I32);
  /** The direct branch that led to dispatch, whose link is to be set; 0 for none. */
  const source = w.ownLocal(I32);
  const op = (name: string): void => w.op(PURE.get(name) as number);
  const load = (offset: number): void => {
    w.get(state);
    w.memory(OP.i32Load, offset);
  };
  const leave = (code: number): void => {
    w.i32Const(code);
    w.return();
  };

  const dispatch = w.loop();
  load(BUDGET);
  w.i32Const(0);
  op('i32.le_s');
  w.if();
  leave(EXIT_BUDGET);
  w.end();
  load(PENDING);
  w.if();
  leave(EXIT_PENDING);
  w.end();
  w.get(state);
  w.memory(OP.i64Load, RIP);
  w.setLocal(rip);
  const place = (count: number, bytes: number): void => findPlace(w, rip, count, bytes, from);
  const ifCached = (offset: number): void => {
    isThere(w, rip, from, offset);
    w.if();
  };
  const setBlockRip = (): void => {
    w.get(state);
    w.get(rip);
    w.memory(OP.i64Store, BLOCK_RIP);
  };
  const takeCached = (): void => {
    w.get(from);
    w.memory(OP.i32Load, FOUND_AT);
    w.setLocal(rec);
  };
  // A hot region, unless one has just left to have an instruction done here.
  w.get(code);
  w.i32Const(COLD);
  op('i32.ne');
  w.if();
  place(REGION_ENTRIES, JUMP_CACHE_STRIDE);
  ifCached(REGION_CACHE);
  w.i32Const(0);
  w.setLocal(source);
  setBlockRip();
  w.get(state);
  w.get(rip);
  load(BUDGET);
  w.get(from);
  w.memory(OP.i32Load, REGION_CACHE + FOUND_AT);
  w.op(OP.callIndirect);
  w.u32(regionType);
  w.u32(regions);
  w.tee(code);
  w.i32Const(MISSED);
  op('i32.ne');
  w.brIf(dispatch);
  w.get(state);
  w.memory(OP.i64Load, RIP);
  w.setLocal(rip);
  w.end();
  w.end();
  place(JUMP_CACHE_SETS, 2 * JUMP_CACHE_STRIDE);
  ifCached(0);
  takeCached();
  w.else();
  ifCached(JUMP_CACHE_STRIDE);
  w.get(from);
  w.i32Const(JUMP_CACHE_STRIDE);
  op('i32.add');
  w.setLocal(from);
  takeCached();
  w.else();
  w.call(lookup);
  w.tee(rec);
  op('i32.eqz');
  w.if();
  leave(EXIT_FAULT);
  w.end();
  w.end();
  w.end();
  /** Pushes a word of a block's header. */
  const ofHeader = (block: number, offset: number): void => {
    w.get(block);
    w.i32Const(HEADER_SIZE - offset);
    op('i32.sub');
    w.memory(OP.i32Load, 0);
  };
  /** Counts down a word of the header of the block at `rec`; whom it concerns is told when that is 0. */
  const countDown = (offset: number, told: number): void => {
    w.get(rec);
    w.i32Const(HEADER_SIZE - offset);
    op('i32.sub');
    ofHeader(rec, offset);
    w.i32Const(1);
    op('i32.sub');
    w.tee(heat);
    w.memory(OP.i32Store, 0);
    w.get(heat);
    op('i32.eqz');
    w.if();
    w.get(rec);
    w.call(told);
    w.end();
  };
  /** Counts an execution of the block at `rec`; a hot one is offered to the hot tier. */
  const warm = (): void => countDown(HEADER_HEAT, becameHot);
  /** Charges the block at `rec` to the slice. */
  const charge = (): void => {
    w.get(state);
    load(BUDGET);
    ofHeader(rec, 0);
    op('i32.sub');
    w.memory(OP.i32Store, BUDGET);
  };
  // Within a page the same branch always leads to the same block (until that one is dropped and stale).
  if (mode.flat) {
    w.get(source);
    w.if();
    w.get(rip);
    w.get(state);
    w.memory(OP.i64Load, BLOCK_RIP);
    op('i64.xor');
    w.i64Const(-4096n);
    op('i64.and');
    op('i64.eqz');
    w.get(rec);
    w.i32Const(HEADER_SIZE);
    op('i32.sub');
    w.memory(OP.i32Load, 8);
    op('i32.eqz');
    op('i32.and');
    w.if();
    w.get(source);
    w.get(rec);
    w.memory(OP.i32Store, RECORD.link);
    w.end();
    w.i32Const(0);
    w.setLocal(source);
    w.end();
  }
  w.get(code);
  w.i32Const(COLD);
  op('i32.ne');
  w.if();
  ofHeader(rec, HEADER_HOT);
  w.tee(entry);
  w.if();
  place(REGION_ENTRIES, JUMP_CACHE_STRIDE);
  w.get(from);
  w.get(rip);
  w.memory(OP.i64Store, REGION_CACHE);
  w.get(from);
  load(MODE_KEY);
  w.memory(OP.i32Store, REGION_CACHE + KEY_AT);
  w.get(from);
  w.get(entry);
  w.memory(OP.i32Store, REGION_CACHE + FOUND_AT);
  w.br(dispatch);
  w.end();
  w.end();
  setBlockRip();
  w.get(code);
  w.i32Const(COLD);
  op('i32.eq');
  w.if();
  countDown(HEADER_LEFT, leftOften);
  w.end();
  w.i32Const(LEFT);
  w.setLocal(code);
  charge();
  warm();

  const next = w.loop();
  if (profile !== 0) {
    w.get(rec);
    w.memory(OP.i32Load16U, RECORD.handler);
    w.i32Const(2);
    op('i32.shl');
    w.tee(entry);
    w.get(entry);
    w.memory(OP.i32Load, profile);
    w.i32Const(1);
    op('i32.add');
    w.memory(OP.i32Store, profile);
  }
  const fault = w.block();
  const others = w.block();
  // Labels of the inline handlers: the last opened block ends first.
  const labels: number[] = [];
  for (let i = inline.length; i >= 0; i--) labels[i] = w.block();
  w.get(rec);
  w.memory(OP.i32Load16U, RECORD.handler);
  w.brTable(labels, others);
  const body = (emit: () => void): void => {
    w.end();
    w.releaseLocals();
    emit();
  };
  body(() => {
    storeRip(w, state, rec, mode.bits, true);
    // A record with a length was an instruction: its block is stale, and so is the jump that led here.
    w.get(rec);
    w.memory(OP.i32Load8U, RECORD.length);
    w.if();
    w.get(from);
    w.i32Const(0);
    w.memory(OP.i32Store, 8);
    w.end();
    w.br(dispatch);
  });
  for (const { shape, program } of inline) {
    body(() => {
      const target: EmitTarget = {
        writer: w,
        module,
        state,
        record: rec,
        fastRoutines: fastRoutineNames,
        fault: () => w.br(fault),
        jump: () => w.br(dispatch),
        branch: (direct, to) => {
          if (direct && mode.flat) {
            w.get(rec);
            w.memory(OP.i32Load, RECORD.link);
            w.tee(entry);
            w.if();
            w.get(state);
            to();
            w.tee(rip);
            w.memory(OP.i64Store, BLOCK_RIP);
            // A block that was dropped is no target any more.
            w.get(entry);
            w.memory(OP.i32Load16U, RECORD.handler);
            op('i32.eqz');
            w.if();
            w.get(rec);
            w.i32Const(0);
            w.memory(OP.i32Store, RECORD.link);
            w.else();
            w.get(entry);
            w.setLocal(rec);
            ofHeader(rec, HEADER_HOT);
            op('i32.eqz');
            w.if();
            charge();
            warm();
            load(BUDGET);
            w.i32Const(0);
            op('i32.gt_s');
            load(PENDING);
            op('i32.eqz');
            op('i32.and');
            w.brIf(next);
            w.end();
            w.end();
            w.get(state);
            w.get(rip);
            w.memory(OP.i64Store, RIP);
            w.br(dispatch);
            w.end();
            w.get(rec);
            w.setLocal(source);
          }
          w.get(state);
          to();
          w.memory(OP.i64Store, RIP);
          w.br(dispatch);
        },
        storeNextRip: () => storeRip(w, state, rec, mode.bits, false),
      };
      emitInstruction(program, target);
      if (endsBlock(program)) return;
      w.get(rec);
      w.i32Const(recordSize(shape));
      op('i32.add');
      w.setLocal(rec);
      w.br(next);
    });
  }
  w.end(); // others
  w.get(state);
  w.get(rec);
  w.get(rec);
  w.memory(OP.i32Load16U, RECORD.handler);
  w.op(OP.callIndirect);
  w.u32(handlerType);
  w.u32(handlers);
  w.tee(entry);
  w.i32Const(0);
  op('i32.gt_s');
  w.if();
  w.get(entry);
  w.setLocal(rec);
  w.br(next);
  w.end();
  w.get(entry);
  op('i32.eqz');
  w.brIf(dispatch);
  w.end(); // fault
  storeRip(w, state, rec, mode.bits, true);
  leave(EXIT_FAULT);
  w.end(); // next
  w.end(); // dispatch
  w.op(OP.unreachable);
  module.add('run', [I32], [I32], w);
  return module.build();
}
