// The jump cache in generated code: where an entry would be, and whether it is there.
import { KEY_AT } from '../state/jump-cache.js';
import { JUMP_CACHE, MODE_KEY } from '../state/layout.js';
import type { FunctionWriter } from './encoder.js';
import { OP, PURE } from './opcodes.js';

const op = (name: string): number => PURE.get(name) as number;

/** Puts into `place` (a local) the cache's start plus the offset of rIP's entry, one of `count` of `bytes` each. `rip`: local, i64. */
export function findPlace(
  w: FunctionWriter,
  rip: number,
  count: number,
  bytes: number,
  place: number,
): void {
  w.get(rip);
  w.op(op('i32.wrap_i64'));
  w.get(rip);
  w.op(op('i32.wrap_i64'));
  w.i32Const(12);
  w.op(op('i32.shr_u'));
  w.op(op('i32.xor'));
  w.i32Const(count - 1);
  w.op(op('i32.and'));
  w.i32Const(bytes);
  w.op(op('i32.mul'));
  w.get(0);
  w.memory(OP.i32Load, JUMP_CACHE);
  w.op(op('i32.add'));
  w.setLocal(place);
}

/** Pushes 1 if the entry at `place` + offset is that of rIP in this mode. */
export function isThere(w: FunctionWriter, rip: number, place: number, offset: number): void {
  w.get(place);
  w.memory(OP.i64Load, offset);
  w.get(rip);
  w.op(op('i64.eq'));
  w.get(place);
  w.memory(OP.i32Load, offset + KEY_AT);
  w.get(0);
  w.memory(OP.i32Load, MODE_KEY);
  w.op(op('i32.eq'));
  w.op(op('i32.and'));
}
