// A region → one WebAssembly function: general registers and lazy flags in locals, control flow structured, the TLB probed inline.
// Whatever the fast path cannot do (a TLB miss, a fault, a routine) leaves the region with the state exact at that instruction,
// and the cold tier does it. The function takes the state page's address; BLOCK_RIP holds the entry's rIP. It returns
// LEFT (go on at rIP) or COLD (the instruction at rIP must run in the cold tier first).
import type { Access, Node, SlotRef } from '../ir/node.js';
import { TLB_READ, TLB_WRITE } from '../mmu/tlb.js';
import type { Mode } from '../semantics/shape.js';
import {
  BLOCK_RIP,
  BUDGET,
  GPR,
  RIP,
  SEGMENT_BASE,
  SEGMENT_READ_LIMIT,
  SEGMENT_WRITE_LIMIT,
  SEGMENTS,
} from '../state/layout.js';
import { type EmitTarget, Emitter, wasmType } from '../wasm/emit.js';
import { FunctionWriter, type Label } from '../wasm/encoder.js';
import { ModuleWriter } from '../wasm/module.js';
import { I32, I64, OP, PURE } from '../wasm/opcodes.js';
import { type Region, type RegionBlock, type RegionInstruction, successors } from './discover.js';
import { FlagsState } from './flags-state.js';
import { type Shape, structure } from './structure.js';

export const LEFT = 0;
export const COLD = 1;

const GPR_END = GPR + 128;
const op = (name: string): number => PURE.get(name) as number;

/** What the instructions of one region share. */
class RegionContext {
  readonly w: FunctionWriter;
  readonly mode: Mode;
  readonly flags: FlagsState;
  readonly rip: number;
  readonly left: number;
  /** Where to go when leaving: an offset from the entry, or a whole rIP. */
  readonly offset: number;
  readonly to: number;
  readonly code: number;
  /** Condition of the running block's branch. */
  readonly condition: number;
  exitAtOffset: Label = 0;
  exitTo: Label = 0;
  private readonly registers = new Map<number, { local: number; written: boolean }>();

  constructor(w: FunctionWriter, mode: Mode) {
    this.w = w;
    this.mode = mode;
    this.flags = new FlagsState(w, 0, mode.bits === 64);
    this.rip = w.ownLocal(I64);
    this.left = w.ownLocal(I32);
    this.offset = w.ownLocal(I32);
    this.to = w.ownLocal(I64);
    this.code = w.ownLocal(I32);
    this.condition = w.ownLocal(I32);
  }
  get wide(): boolean {
    return this.mode.bits === 64;
  }

  register(number: number, write: boolean): number {
    let r = this.registers.get(number);
    if (!r) {
      r = { local: this.w.ownLocal(this.wide ? I64 : I32), written: false };
      this.registers.set(number, r);
    }
    if (write) r.written = true;
    return r.local;
  }
  loadRegisters(w: FunctionWriter): void {
    for (const [number, { local }] of this.registers) {
      w.get(0);
      w.memory(this.wide ? OP.i64Load : OP.i32Load, GPR + number * 8);
      w.setLocal(local);
    }
  }
  spillRegisters(): void {
    const { w } = this;
    for (const [number, { local, written }] of this.registers) {
      if (!written) continue;
      w.get(0);
      w.get(local);
      if (!this.wide) w.op(op('i64.extend_i32_u'));
      w.memory(OP.i64Store, GPR + number * 8);
    }
  }
  /** Leaves for an offset from the entry. */
  leaveAt(offset: number, code: number): void {
    const { w } = this;
    w.i32Const(offset);
    w.setLocal(this.offset);
    w.i32Const(code);
    w.setLocal(this.code);
    w.br(this.exitAtOffset);
  }
}

class InstructionEmitter extends Emitter {
  private readonly x: RegionContext;
  private readonly start: number;

  constructor(context: RegionContext, target: EmitTarget, start: number) {
    super(target);
    this.x = context;
    this.start = start;
  }

  /** The instruction is the cold tier's after all. */
  private miss(): void {
    this.x.leaveAt(this.start, COLD);
  }

  protected override statement(n: Node): void {
    const { w, x } = this;
    switch (n.op) {
      case 'flags': {
        const [result, a, c] = n.args;
        const plain =
          n.kind === 'sub' &&
          result.op === 'pure' &&
          result.name.endsWith('.sub') &&
          result.args[0] === a &&
          result.args[1] === c;
        const locals = n.args.map((v) => (v.op === 'const' ? -1 : this.toLocal(v)));
        x.flags.set(n.kind as Exclude<typeof n.kind, 'carry'>, n.bits, plain, (i) =>
          locals[i] < 0 ? this.value(n.args[i]) : w.get(locals[i]),
        );
        return;
      }
      case 'condition':
      case 'flag': {
        if ((this.uses.get(n) ?? 0) === 0) return;
        if (n.op === 'condition') x.flags.pushCondition(n.code);
        else x.flags.pushFlag(n.name);
        const local = w.newLocal(I32);
        w.setLocal(local);
        this.held.set(n, local);
        return;
      }
      case 'if': {
        this.settle(() => true, n.args);
        this.value(n.args[0]);
        const known = x.flags.snapshot();
        w.if();
        this.list(n.body);
        this.deferred = [];
        if (n.otherwise.length > 0) {
          w.else();
          x.flags.resume(known);
          this.list(n.otherwise);
          this.deferred = [];
        }
        w.end();
        // One of the arms may have set flags.
        x.flags.forget();
        return;
      }
      case 'raise':
      case 'transfer':
        return this.miss();
      case 'call': {
        this.miss();
        this.held.set(n, w.newLocal(I32));
        return;
      }
      case 'branch': {
        if (n.args.length === 2) {
          this.value(n.args[1]);
          w.setLocal(x.condition);
        } else if (!n.direct) {
          this.value(n.args[0]);
          w.setLocal(x.to);
        }
        return;
      }
      default:
        super.statement(n);
    }
  }

  protected override write(n: Node): void {
    if (n.op === 'get' && 'offset' in n.slot) {
      const at = n.base + n.slot.offset;
      if (at === BLOCK_RIP) return this.drop(n, () => this.w.get(this.x.rip));
      if (at < GPR_END) return this.drop(n, () => this.getRegister(at, n.bits));
    }
    super.write(n);
  }
  /** Writes a deferred value some other way. */
  private drop(n: Node, push: () => void): void {
    const i = this.deferred.indexOf(n);
    if (i >= 0) this.deferred.splice(i, 1);
    push();
  }
  private getRegister(at: number, bits: number): void {
    const { w, x } = this;
    const local = x.register(at >> 3, false);
    w.get(local);
    const high = (at & 7) === 1;
    if (x.wide) {
      if (bits === 64) return;
      if (high) {
        w.i64Const(8n);
        w.op(op('i64.shr_u'));
      }
      w.op(op('i32.wrap_i64'));
    } else {
      if (bits === 64) return w.op(op('i64.extend_i32_u'));
      if (high) {
        w.i32Const(8);
        w.op(op('i32.shr_u'));
      }
    }
    if (bits === 32) return;
    w.i32Const(bits === 8 ? 0xff : 0xffff);
    w.op(op('i32.and'));
  }
  protected override set(
    base: number,
    slot: SlotRef,
    bits: number,
    value: Node | null,
    constant = 0,
  ): void {
    const at = 'offset' in slot ? base + slot.offset : GPR_END;
    if (at >= GPR_END || !value) return super.set(base, slot, bits, value, constant);
    this.setRegister(at, bits, value);
  }
  private setRegister(at: number, bits: number, value: Node): void {
    const { w, x } = this;
    const local = x.register(at >> 3, true);
    if (bits === 64) {
      if (x.wide) this.value(value);
      else if (value.op === 'pure' && value.name === 'i64.extend_i32_u' && !this.held.has(value)) {
        this.drop(value, () => this.value(value.args[0]));
      } else {
        this.value(value);
        w.op(op('i32.wrap_i64'));
      }
      return w.setLocal(local);
    }
    const shift = (at & 7) === 1 ? 8 : 0;
    const mask = bits === 8 ? 0xff : bits === 16 ? 0xffff : -1;
    w.get(local);
    if (x.wide) {
      w.i64Const(~(BigInt(mask >>> 0) << BigInt(shift)));
      w.op(op('i64.and'));
    } else {
      w.i32Const(~(mask << shift));
      w.op(op('i32.and'));
    }
    this.value(value);
    if (value.type === 'i64') w.op(op('i32.wrap_i64'));
    w.i32Const(mask);
    w.op(op('i32.and'));
    if (x.wide) {
      w.op(op('i64.extend_i32_u'));
      if (shift) {
        w.i64Const(BigInt(shift));
        w.op(op('i64.shl'));
      }
      w.op(op('i64.or'));
    } else {
      if (shift) {
        w.i32Const(shift);
        w.op(op('i32.shl'));
      }
      w.op(op('i32.or'));
    }
    w.setLocal(local);
  }

  /** Leaves unless the TLB has the page; the entry's local. */
  private hit(linear: number, access: Access, tag: number): number {
    const entry = this.access.probe(linear, access.bits, tag);
    this.w.op(op('i32.eqz'));
    this.w.if();
    this.miss();
    this.w.end();
    return entry;
  }
  protected override load(n: Node & { op: 'load' }): void {
    const { w } = this;
    const linear = this.toLocal(n.args[0]);
    const entry = this.hit(linear, n.access, n.update ? TLB_WRITE : TLB_READ);
    const result = w.newLocal(wasmType(n.type));
    this.access.pushHost(entry, linear);
    if (n.update) {
      const host = w.newLocal(I32);
      w.tee(host);
      this.hosts.set(n, { host, linear });
    }
    this.access.loadBits(n.access.bits, 0);
    w.setLocal(result);
    this.held.set(n, result);
  }
  protected override store(n: Node & { op: 'store' }): void {
    const { w } = this;
    const [address, source] = n.args;
    const value = this.toLocal(source);
    const known = n.load ? this.hosts.get(n.load) : undefined;
    if (known) w.get(known.host);
    else {
      const linear = this.toLocal(address);
      const entry = this.hit(linear, n.access, TLB_WRITE);
      this.access.pushHost(entry, linear);
    }
    w.get(value);
    this.access.storeBits(n.access.bits, source.type, 0);
  }
  protected override segment(n: Node & { op: 'segment' }): void {
    const { w } = this;
    const effective = this.toLocal(n.args[0]);
    const slot = (n.access.segment as { offset: number }).offset;
    w.get(effective);
    w.i64Const(BigInt(n.access.bits / 8 - 1));
    w.op(op('i64.add'));
    w.get(0);
    w.memory(OP.i64Load, SEGMENTS + (n.write ? SEGMENT_WRITE_LIMIT : SEGMENT_READ_LIMIT) + slot);
    w.op(op('i64.gt_s'));
    w.if();
    this.miss();
    w.end();
    const result = w.newLocal(I64);
    w.get(0);
    w.memory(OP.i64Load, SEGMENTS + SEGMENT_BASE + slot);
    w.get(effective);
    w.op(op('i64.add'));
    w.i64Const(0xffffffffn);
    w.op(op('i64.and'));
    w.setLocal(result);
    this.held.set(n, result);
  }
}

/** A module that exports the region as `region(state)`. */
export function regionModule(region: Region, mode: Mode): Uint8Array<ArrayBuffer> {
  const module = new ModuleWriter();
  const w = new FunctionWriter(1);
  const x = new RegionContext(w, mode);
  new RegionWriter(region, module, x).write();
  module.add('region', [I32], [I32], w);
  return module.build();
}

class RegionWriter {
  private readonly blocks: readonly RegionBlock[];
  private readonly index = new Map<number, number>();
  private readonly x: RegionContext;
  private readonly w: FunctionWriter;
  private readonly shape: Shape;
  private readonly target: EmitTarget;
  private readonly labels: Label[] = [];

  constructor(region: Region, module: ModuleWriter, x: RegionContext) {
    this.blocks = region.blocks;
    this.x = x;
    this.w = x.w;
    region.blocks.forEach((b, i) => {
      this.index.set(b.start, i);
    });
    this.shape = structure(region.blocks.map((b) => this.successors(b)));
    const never = (): never => {
      throw new Error('a region has no such exit');
    };
    this.target = {
      writer: x.w,
      module,
      state: 0,
      record: -1,
      fault: never,
      jump: never,
      branch: never,
      storeNextRip: never,
    };
  }

  private successors(b: RegionBlock): number[] {
    return [...new Set(successors(b.end).flatMap((t) => this.index.get(t) ?? []))];
  }

  write(): void {
    const { w, x } = this;
    // Which registers there are to load is known only behind the body.
    x.exitTo = w.block();
    x.exitAtOffset = w.block();
    const at = w.length;
    this.tree(0);
    w.op(OP.unreachable);
    w.end();
    w.get(x.rip);
    w.get(x.offset);
    w.op(op('i64.extend_i32_s'));
    w.op(op('i64.add'));
    if (x.mode.bits !== 64) {
      w.i64Const(0xffffffffn);
      w.op(op('i64.and'));
    }
    w.setLocal(x.to);
    w.end();
    x.flags.forget();
    x.flags.spill();
    x.spillRegisters();
    w.get(0);
    w.get(x.to);
    w.memory(OP.i64Store, RIP);
    w.get(0);
    w.get(x.left);
    w.memory(OP.i32Store, BUDGET);
    w.get(x.code);
    w.insert(at, (head) => this.prologue(head));
  }
  /** Goes in front of the body. */
  private prologue(head: FunctionWriter): void {
    const { x } = this;
    head.get(0);
    head.memory(OP.i64Load, BLOCK_RIP);
    head.setLocal(x.rip);
    head.get(0);
    head.memory(OP.i32Load, BUDGET);
    head.setLocal(x.left);
    x.loadRegisters(head);
    x.flags.enter(head);
  }

  // The dominator tree
  private tree(v: number): void {
    const { w, shape } = this;
    if (shape.isLoop[v]) {
      this.labels[v] = w.loop();
      this.within(v, shape.merges[v]);
      w.end();
    } else this.within(v, shape.merges[v]);
  }
  private within(v: number, merges: readonly number[]): void {
    const { w } = this;
    if (merges.length === 0) return this.block(v);
    const [first, ...rest] = merges;
    const outer = this.labels[first];
    this.labels[first] = w.block();
    this.within(v, rest);
    w.end();
    this.labels[first] = outer;
    this.x.flags.forget();
    this.tree(first);
  }
  private block(v: number): void {
    const { w, x, shape } = this;
    const b = this.blocks[v];
    if (v === 0 || shape.isLoop[v] || shape.isMerge[v]) x.flags.forget();
    w.get(x.left);
    w.i32Const(b.instructions.length);
    w.op(op('i32.sub'));
    w.setLocal(x.left);
    for (const i of b.instructions) this.instruction(i);
    const { end } = b;
    switch (end.kind) {
      case 'cold':
        return x.leaveAt(end.at, COLD);
      case 'indirect':
        for (const c of end.candidates) this.goIfAt(v, c);
        w.i32Const(LEFT);
        w.setLocal(x.code);
        return w.br(x.exitTo);
      case 'goto':
        return this.go(v, end.to);
      case 'if': {
        const known = x.flags.snapshot();
        w.get(x.condition);
        w.if();
        this.go(v, end.taken);
        w.else();
        x.flags.resume(known);
        this.go(v, end.notTaken);
        w.end();
        x.flags.forget();
      }
    }
  }
  private instruction(i: RegionInstruction): void {
    this.w.releaseLocals();
    new InstructionEmitter(this.x, this.target, i.start).program(i.program);
  }
  /** Goes to an offset in the region if that is where the computed target lies. */
  private goIfAt(from: number, offset: number): void {
    const { w, x } = this;
    const known = x.flags.snapshot();
    w.get(x.to);
    w.get(x.rip);
    w.i64Const(BigInt(offset));
    w.op(op('i64.add'));
    if (!x.wide) {
      w.i64Const(0xffffffffn);
      w.op(op('i64.and'));
    }
    w.op(op('i64.eq'));
    w.if();
    this.go(from, offset);
    w.end();
    x.flags.resume(known);
  }
  /** Control from block `from` to an offset. */
  private go(from: number, offset: number): void {
    const { w, x, shape } = this;
    const v = this.index.get(offset);
    if (v === undefined) return x.leaveAt(offset, LEFT);
    if (!shape.isBackward(from, v)) {
      if (shape.isMerge[v]) return w.br(this.labels[v]);
      return this.tree(v);
    }
    if (!shape.dominates(v, from)) return x.leaveAt(offset, LEFT);
    // A loop: the slice's budget is asked once an iteration.
    w.get(x.left);
    w.i32Const(0);
    w.op(op('i32.gt_s'));
    w.brIf(this.labels[v]);
    x.leaveAt(offset, LEFT);
  }
}
