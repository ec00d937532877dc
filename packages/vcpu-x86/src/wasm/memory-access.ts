// State and guest memory in generated code: slots of the state page, the inline TLB probe, and the calls of the slow paths.
import type { Access, Node, StateSlot } from '../ir/node.js';
import { TLB_DELTA, TLB_INDEX_MASK, TLB_INDEX_SHIFT, TLB_READ, TLB_WRITE } from '../mmu/tlb.js';
import {
  SCRATCH,
  SEGMENT_BASE,
  SEGMENT_READ_LIMIT,
  SEGMENT_WRITE_LIMIT,
  SEGMENTS,
  TLB_BASE,
} from '../state/layout.js';
import type { EmitTarget } from './emit-target.js';
import type { FunctionWriter } from './encoder.js';
import { F64, I32, OP, PURE } from './opcodes.js';

/** Slow paths imported by every module that touches memory. Address as f64, then bits | segment slot << 8. */
export type SlowPath = 'readSlow' | 'updateSlow' | 'writeSlow';

/** Writes the accesses of one instruction. */
export class MemoryAccess {
  private readonly t: EmitTarget;
  private readonly w: FunctionWriter;

  constructor(target: EmitTarget) {
    this.t = target;
    this.w = target.writer;
  }

  // State
  slotAddress(slot: StateSlot): void {
    const { w, t } = this;
    w.get(t.state);
    if ('field' in slot) {
      w.get(t.record);
      w.memory(OP.i32Load8U, slot.field);
      w.op(PURE.get('i32.add') as number);
    }
  }
  loadBits(bits: number, offset: number): void {
    const { w } = this;
    if (bits === 128) w.vectorMemory(false, offset);
    else
      w.memory(
        bits === 8
          ? OP.i32Load8U
          : bits === 16
            ? OP.i32Load16U
            : bits === 32
              ? OP.i32Load
              : OP.i64Load,
        offset,
      );
  }
  storeBits(bits: number, type: Node['type'], offset: number): void {
    const { w } = this;
    if (bits === 128) w.vectorMemory(true, offset);
    else if (type === 'i64')
      w.memory(
        bits === 8
          ? OP.i64Store8
          : bits === 16
            ? OP.i64Store16
            : bits === 32
              ? OP.i64Store32
              : OP.i64Store,
        offset,
      );
    else w.memory(bits === 8 ? OP.i32Store8 : bits === 16 ? OP.i32Store16 : OP.i32Store, offset);
  }
  info(access: Access): void {
    const { w } = this;
    if ('offset' in access.segment) return w.i32Const(access.bits | (access.segment.offset << 8));
    w.get(this.t.record);
    w.memory(OP.i32Load8U, access.segment.field);
    w.i32Const(8);
    w.op(PURE.get('i32.shl') as number);
    w.i32Const(access.bits);
    w.op(PURE.get('i32.or') as number);
  }
  /** Calls a slow path; leaves on a fault. */
  slow(name: SlowPath, linear: number, access: Access): void {
    const { w } = this;
    w.get(linear);
    w.op(OP.f64ConvertI64S);
    this.info(access);
    w.call(this.t.module.importFunction(name, [F64, I32], [I32]));
    w.i32Const(0);
    w.op(PURE.get('i32.lt_s') as number);
    w.if();
    this.t.fault();
    w.end();
  }
  /** Pushes 1 if the TLB has the page of all `bytes` from `linear` on; leaves its entry's address in a local. */
  probe(linear: number, bytes: number, tag: number): number {
    return this.probeTo(linear, tag, () => {
      if (bytes === 1) return;
      this.w.i64Const(BigInt(bytes - 1));
      this.w.op(PURE.get('i64.add') as number);
    });
  }
  /** The same for an access whose last byte `toLast` makes of the address on the stack. */
  private probeTo(linear: number, tag: number, toLast: () => void): number {
    const { w } = this;
    const entry = w.newLocal(I32);
    if (this.t.tlbBase !== undefined) w.get(this.t.tlbBase);
    else {
      w.get(this.t.state);
      w.memory(OP.i32Load, TLB_BASE);
    }
    w.get(linear);
    w.op(PURE.get('i32.wrap_i64') as number);
    w.i32Const(TLB_INDEX_SHIFT);
    w.op(PURE.get('i32.shr_u') as number);
    w.i32Const(TLB_INDEX_MASK);
    w.op(PURE.get('i32.and') as number);
    w.op(PURE.get('i32.add') as number);
    w.tee(entry);
    w.memory(OP.i64Load, tag);
    w.get(linear);
    toLast();
    w.i64Const(-4096n);
    w.op(PURE.get('i64.and') as number);
    if (tag === TLB_WRITE) {
      w.i64Const(32n);
      w.op(PURE.get('i64.rotl') as number);
    }
    w.op(PURE.get('i64.eq') as number);
    return entry;
  }
  /** Moves or fills `bytes` (local) in one step if it can (see the IR's copy and fill); `source`: linear address, or byte. Leaves 1 or 0 in `done`. */
  bulk(operation: 'copy' | 'fill', to: number, source: number, bytes: number, done: number): void {
    const { w } = this;
    const toLast = (): void => {
      w.get(bytes);
      w.i32Const(1);
      w.op(PURE.get('i32.sub') as number);
      w.op(PURE.get('i64.extend_i32_s') as number);
      w.op(PURE.get('i64.add') as number);
    };
    w.i32Const(1);
    w.setLocal(done);
    w.get(bytes);
    w.if();
    w.i32Const(0);
    w.setLocal(done);
    const target = this.probeTo(to, TLB_WRITE, toLast);
    w.if();
    const host = w.newLocal(I32);
    this.pushHost(target, to);
    w.setLocal(host);
    if (operation === 'fill') this.bulkStep(operation, host, () => w.get(source), bytes, done);
    else {
      const origin = this.probeTo(source, TLB_READ, toLast);
      w.if();
      const from = w.newLocal(I32);
      this.pushHost(origin, source);
      w.setLocal(from);
      // A target that follows its source repeats what was just written, element by element.
      w.get(host);
      w.get(from);
      w.op(PURE.get('i32.sub') as number);
      w.i32Const(1);
      w.op(PURE.get('i32.sub') as number);
      w.get(bytes);
      w.i32Const(1);
      w.op(PURE.get('i32.sub') as number);
      w.op(PURE.get('i32.ge_u') as number);
      w.if();
      this.bulkStep(operation, host, () => w.get(from), bytes, done);
      w.end();
      w.end();
    }
    w.end();
    w.end();
  }
  private bulkStep(
    operation: 'copy' | 'fill',
    host: number,
    source: () => void,
    bytes: number,
    done: number,
  ): void {
    const { w } = this;
    w.get(host);
    source();
    w.get(bytes);
    w.bulk(operation);
    w.i32Const(1);
    w.setLocal(done);
  }
  pushHost(entry: number, linear: number): void {
    const { w } = this;
    w.get(entry);
    w.memory(OP.i32Load, TLB_DELTA);
    w.get(linear);
    w.op(PURE.get('i32.wrap_i64') as number);
    w.op(PURE.get('i32.add') as number);
  }

  /** Loads from the linear address in a local into `result`; `host` ≥ 0: for update, the host address goes there (0: slow path). */
  load(linear: number, access: Access, result: number, host: number): void {
    const { w } = this;
    const { bits } = access;
    const update = host >= 0;
    const entry = this.probe(linear, bits / 8, update ? TLB_WRITE : TLB_READ);
    w.if();
    this.pushHost(entry, linear);
    if (update) w.tee(host);
    this.loadBits(bits, 0);
    w.setLocal(result);
    w.else();
    this.slow(update ? 'updateSlow' : 'readSlow', linear, access);
    if (update) {
      w.i32Const(0);
      w.setLocal(host);
    }
    w.get(this.t.state);
    this.loadBits(bits, SCRATCH);
    w.setLocal(result);
    w.end();
  }
  /** Stores the local `value`; `host` ≥ 0: the local that {@link load} for update left. */
  store(linear: number, access: Access, value: number, type: Node['type'], host: number): void {
    const { w } = this;
    const { bits } = access;
    if (host >= 0) {
      w.get(host);
      w.if();
      w.get(host);
    } else {
      const entry = this.probe(linear, bits / 8, TLB_WRITE);
      w.if();
      this.pushHost(entry, linear);
    }
    w.get(value);
    this.storeBits(bits, type, 0);
    w.else();
    w.get(this.t.state);
    w.get(value);
    this.storeBits(bits, type, SCRATCH);
    this.slow('writeSlow', linear, access);
    w.end();
  }
  /** Checks an effective address (in a local) against its segment's limit and leaves the linear address in `result`. */
  segment(effective: number, access: Access, write: boolean, result: number): void {
    const { w } = this;
    const slot = access.segment;
    const fixed = 'offset' in slot ? slot.offset : 0;
    w.get(effective);
    if (access.bits > 8) {
      w.i64Const(BigInt(access.bits / 8 - 1));
      w.op(PURE.get('i64.add') as number);
    }
    this.slotAddress(slot);
    w.memory(OP.i64Load, SEGMENTS + (write ? SEGMENT_WRITE_LIMIT : SEGMENT_READ_LIMIT) + fixed);
    w.op(PURE.get('i64.gt_s') as number);
    w.if();
    w.get(effective);
    w.op(OP.f64ConvertI64S);
    this.info(access);
    w.i32Const(write ? 1 : 0);
    w.call(this.t.module.importFunction('segmentSlow', [F64, I32, I32], [I32]));
    w.i32Const(0);
    w.op(PURE.get('i32.lt_s') as number);
    w.if();
    this.t.fault();
    w.end();
    w.end();
    this.slotAddress(slot);
    w.memory(OP.i64Load, SEGMENTS + SEGMENT_BASE + fixed);
    w.get(effective);
    w.op(PURE.get('i64.add') as number);
    w.i64Const(0xffffffffn);
    w.op(PURE.get('i64.and') as number);
    w.setLocal(result);
  }
}
