// One instruction of a region: registers and flags in the region's locals, the TLB probed inline. Whatever the fast path cannot do
// leaves the region at this instruction.
import type { Node, StateSlot } from '../ir/node.js';
import { TLB_READ, TLB_WRITE } from '../mmu/tlb.js';
import { isInfallible, isSse } from '../semantics/contained-routines.js';
import {
  BLOCK_RIP,
  BUDGET,
  GPR,
  MXCSR,
  SEGMENT_BASE,
  SEGMENT_READ_LIMIT,
  SEGMENT_WRITE_LIMIT,
  SEGMENTS,
  TLB_BASE,
} from '../state/layout.js';
import { Emitter, wasmType } from '../wasm/emit.js';
import type { EmitTarget } from '../wasm/emit-target.js';
import type { Label } from '../wasm/encoder.js';
import { I32, I64, OP, PURE } from '../wasm/opcodes.js';
import { isKept, LEFT, type RegionContext } from './context.js';
import type { RegionInstruction } from './discover.js';
import { FloatFacts } from './float-facts.js';
import { isSegmentTerm, segmentOfTerm, TERM_SHIFTS } from './footprint.js';
import type { EarlyWindow, Window, WindowUse } from './windows.js';

const GPR_END = GPR + 128;
/** No offset in the state page. */
const OUTSIDE = 1 << 16;
const op = (name: string): number => PURE.get(name) as number;

/** Emits a region's instructions, one after another. */
export class InstructionEmitter extends Emitter {
  private readonly x: RegionContext;
  private start = 0;
  private next = 0;
  private windows: readonly WindowUse[] = [];
  private isLate = false;
  private readonly floats = new FloatFacts();
  /** Conditions that hold behind the instruction. */
  private expected: Node[] = [];
  protected override readonly asksExpectations = true;

  constructor(context: RegionContext, target: EmitTarget) {
    super(target);
    this.x = context;
  }

  /**
   * @param windows of its accesses
   * @param isLate see late-flags.ts
   */
  instruction(
    { start, next, program }: RegionInstruction,
    windows: readonly WindowUse[],
    isLate: boolean,
  ): void {
    this.reset();
    this.w.releaseLocals();
    this.start = start;
    this.next = next;
    this.windows = windows;
    this.isLate = isLate;
    this.expected = [];
    this.program(program);
    for (const condition of this.expected) this.floats.learn(condition);
  }
  beginBlock(): void {
    this.floats.forget();
  }

  /** The instruction is the cold tier's after all; it has a pad wherever it may come to this. */
  private get pad(): Label {
    return this.x.pads.get(this.start) as Label;
  }

  protected override statement(n: Node): void {
    const { w, x } = this;
    switch (n.op) {
      case 'flags': {
        const [result, a, c] = n.args;
        const plain =
          (n.kind === 'sub' || n.kind === 'add') &&
          result.op === 'pure' &&
          result.name.endsWith(`.${n.kind}`) &&
          result.args[0] === a &&
          result.args[1] === c;
        const locals = n.args.map((v) => (v.op === 'const' ? -1 : this.toLocal(v)));
        const push = (i: number): void =>
          locals[i] < 0 ? this.value(n.args[i]) : w.get(locals[i]);
        if (this.isLate && (n.kind === 'inc' || n.kind === 'dec'))
          x.flags.setLate(n.kind, n.bits, push);
        else x.flags.set(n.kind, n.bits, plain, push);
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
        const known = x.flags.snapshot();
        const { body, otherwise } = n;
        const others = (): void => {
          x.flags.resume(known);
          this.arm(otherwise);
        };
        this.choose(n.args[0], () => this.arm(body), otherwise.length > 0 ? others : null);
        // One of the arms may have set flags.
        x.flags.forget();
        return;
      }
      case 'expect': {
        const [condition] = n.args;
        this.value(condition);
        w.op(op('i32.eqz'));
        w.if();
        x.leaveAt(this.next, LEFT);
        w.end();
        this.expected.push(condition);
        return;
      }
      case 'set':
        this.floats.set(n);
        return super.statement(n);
      case 'raise':
        return this.w.br(this.pad);
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

  protected override holds(condition: Node): boolean {
    return this.floats.has(condition);
  }

  protected override call(n: Node & { op: 'call' }): void {
    const { w, x } = this;
    const args = n.args.map((a) => this.toLocal(a));
    this.routine(n.routine, args);
    this.floats.called(n);
    if (isSse(n.routine)) x.loadKeptState(w, MXCSR);
    const local = w.newLocal(I32);
    w.setLocal(local);
    this.held.set(n, local);
    if (isInfallible(n.routine)) return;
    w.get(local);
    w.i32Const(0);
    w.op(op('i32.lt_s'));
    w.brIf(this.pad);
  }

  protected override write(n: Node): void {
    if (n.op === 'get' && 'offset' in n.slot) {
      const at = n.base + n.slot.offset;
      if (at === BUDGET) return this.drop(n, () => this.w.get(this.x.left));
      if (at === BLOCK_RIP) return this.drop(n, () => this.getRip(n.type));
      if (at < GPR_END) return this.drop(n, () => this.getRegister(at, n.bits));
      if (isKept(at, n.bits)) return this.drop(n, () => this.w.get(this.x.keptState(at)));
    }
    super.write(n);
  }
  /** The entry's rIP; 32-bit addresses in 64-bit code are relative to its low half. */
  private getRip(type: Node['type']): void {
    this.w.get(this.x.rip);
    if (type === 'i32') this.w.op(op('i32.wrap_i64'));
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
    slot: StateSlot,
    bits: number,
    value: Node | null,
    constant = 0,
  ): void {
    const at = 'offset' in slot ? base + slot.offset : OUTSIDE;
    if (at === BUDGET && value) {
      this.value(value);
      return this.w.setLocal(this.x.left);
    }
    if (at === TLB_BASE && value) {
      super.set(base, slot, bits, value, constant);
      this.w.get(0);
      this.w.memory(OP.i32Load, TLB_BASE);
      return this.w.setLocal(this.x.tlb);
    }
    if (at === MXCSR && value) {
      super.set(base, slot, bits, value, constant);
      return this.x.loadKeptState(this.w, at);
    }
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

  /** Pushes the machine address of an access; leaves unless the TLB has its page. The offset to access it with. */
  private reach(n: Node & { op: 'load' | 'store' }): number {
    const { w } = this;
    const tag = n.op === 'store' || n.update ? TLB_WRITE : TLB_READ;
    const use = this.windows.find((u) => u.node === n);
    if (!use) {
      const linear = this.toLocal(n.args[0]);
      this.access.pushHost(this.hit(linear, n.access.bits / 8, tag), linear);
      return 0;
    }
    const { window } = use;
    if (window.local < 0) this.openWindow(use, this.toLocal(n.args[0]));
    w.get(window.local);
    return use.offset - window.from;
  }
  /** Opens a window in front of a loop; a miss leaves at the loop's first instruction, `start`. */
  openEarly(start: number, { window, at }: EarlyWindow): void {
    const { w, x } = this;
    const t = x.wide ? 'i64' : 'i32';
    const number = (n: number): void => (x.wide ? w.i64Const(BigInt(n)) : w.i32Const(n));
    this.reset();
    w.releaseLocals();
    this.start = start;
    const linear = w.newLocal(I64);
    number(at.offset);
    for (const term of [at.first, at.second]) {
      if (term < 0) continue;
      const named = Math.floor(term / TERM_SHIFTS);
      if (isSegmentTerm(named)) {
        w.get(0);
        w.memory(x.wide ? OP.i64Load : OP.i32Load, segmentOfTerm(named));
      } else w.get(x.register(named, false));
      number(term % TERM_SHIFTS);
      w.op(op(`${t}.shl`));
      w.op(op(`${t}.add`));
    }
    if (!x.wide) w.op(op('i64.extend_i32_u'));
    w.setLocal(linear);
    this.probeWindow(window, linear);
  }
  private openWindow({ window, offset, wraps }: WindowUse, linear: number): void {
    const { w } = this;
    let from = linear;
    if (offset !== window.from) {
      from = w.newLocal(I64);
      w.get(linear);
      if (wraps) w.op(op('i32.wrap_i64'));
      if (wraps) w.i32Const(window.from - offset);
      else w.i64Const(BigInt(window.from - offset));
      w.op(op(wraps ? 'i32.add' : 'i64.add'));
      if (wraps) w.op(op('i64.extend_i32_u'));
      w.setLocal(from);
    }
    this.probeWindow(window, from);
  }
  /** `from`: the local of the linear address where it begins. */
  private probeWindow(window: Window, from: number): void {
    const { w } = this;
    const tag = window.isWritten ? TLB_WRITE : TLB_READ;
    const entry = this.hit(from, window.to - window.from, tag);
    this.access.pushHost(entry, from);
    window.local = w.ownLocal(I32);
    w.setLocal(window.local);
  }
  /** Leaves unless the TLB has the page of all `bytes`; the entry's local. */
  private hit(linear: number, bytes: number, tag: number): number {
    const entry = this.access.probe(linear, bytes, tag);
    this.w.op(op('i32.eqz'));
    this.w.brIf(this.pad);
    return entry;
  }
  protected override load(n: Node & { op: 'load' }): void {
    const { w } = this;
    const offset = this.reach(n);
    const result = w.newLocal(wasmType(n.type));
    if (n.update) {
      const host = w.newLocal(I32);
      w.tee(host);
      this.hosts.set(n, { host, linear: -1, offset });
    }
    this.access.loadBits(n.access.bits, offset);
    w.setLocal(result);
    this.held.set(n, result);
  }
  protected override store(n: Node & { op: 'store' }): void {
    const { w } = this;
    const source = n.args[1];
    const value = this.toLocal(source);
    const known = n.load ? this.hosts.get(n.load) : undefined;
    if (known) w.get(known.host);
    const offset = known ? known.offset : this.reach(n);
    w.get(value);
    this.access.storeBits(n.access.bits, source.type, offset);
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
    w.brIf(this.pad);
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
