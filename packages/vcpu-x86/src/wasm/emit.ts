// IR → WebAssembly: one instruction's statements into a function body. Single-use values are written where they are used, if
// nothing in between changes what they read; others go to locals. The host function decides what "next", "jump" and "fault" mean.
import type { Access, Node, SlotRef } from '../ir/node.js';
import { TLB_DELTA, TLB_INDEX_MASK, TLB_READ, TLB_WRITE } from '../mmu/tlb.js';
import { FAULT_ERROR, FAULT_VECTOR, RIP, SCRATCH, SEGMENT_BASE, SEGMENT_READ_LIMIT, SEGMENT_WRITE_LIMIT, SEGMENTS, TLB_BASE } from '../state/layout.js';
import { F64, I32, I64, OP, PURE, SIMD, SIMD_LANES, SIMD_MEMORY, V128 } from './opcodes.js';
import type { FunctionWriter, Label, WasmType } from './encoder.js';
import type { ModuleWriter } from './module.js';

/** Where an instruction's code goes and how it leaves. */
export interface EmitTarget {
  readonly writer: FunctionWriter;
  readonly module: ModuleWriter;
  /** Locals that hold the state page's address and the record's. */
  readonly state: number;
  readonly record: number;
  /** Leaves with a recorded fault. */
  fault(): void;
  /** Leaves with rIP stored in the state. */
  jump(): void;
  /** Leaves for a target; `target` pushes it (i64). `direct`: always the same target for this record's place in its block. */
  branch(direct: boolean, target: () => void): void;
  /** Stores the next rIP in the state (before a transfer). */
  storeNextRip(): void;
}

/** Slow paths imported by every module that touches memory. Address as f64, then bits | segment slot << 8. */
export const SLOW_PATHS = ['readSlow', 'updateSlow', 'writeSlow'] as const;

const wasmType = (type: Node['type']): WasmType => (type === 'i64' ? I64 : type === 'v128' ? V128 : I32);

export function emitInstruction(statements: readonly Node[], target: EmitTarget): void {
  new Emitter(target).program(statements);
}

interface Range { readonly from: number; readonly to: number }
const rangeOf = (base: number, slot: SlotRef, bits: number): Range =>
  'field' in slot ? { from: base, to: base + 256 } : { from: base + slot.offset, to: base + slot.offset + bits / 8 };

class Emitter {
  private readonly t: EmitTarget;
  private readonly w: FunctionWriter;
  private readonly uses = new Map<Node, number>();
  /** Values in locals. */
  private readonly held = new Map<Node, number>();
  /** Values not written yet; they have one use. */
  private deferred: Node[] = [];
  private readonly locals = new Map<object, number>();
  /** Host addresses of read-modify-write accesses (0: slow path). */
  private readonly hosts = new Map<Node, { host: number; linear: number }>();
  private readonly leaveLabels: Label[] = [];

  constructor(target: EmitTarget) {
    this.t = target;
    this.w = target.writer;
  }

  program(statements: readonly Node[]): void {
    this.count(statements);
    this.list(statements);
  }

  // Liveness: nodes that an effect needs
  private count(statements: readonly Node[]): void {
    for (const n of statements) {
      switch (n.op) {
        case 'const': case 'field': case 'get': case 'pure': case 'local': break;
        case 'if': this.need(n.args[0]); this.count(n.body); this.count(n.otherwise); break;
        case 'loop': this.count(n.body); break;
        case 'leave': break;
        case 'store': this.need(n.args[0]); this.need(n.args[1]); break;
        default: for (const a of n.args) this.need(a);
      }
    }
  }
  private need(n: Node): void {
    const u = this.uses.get(n) ?? 0;
    this.uses.set(n, u + 1);
    if (u === 0 && n.op === 'pure') for (const a of n.args) this.need(a);
  }

  private list(statements: readonly Node[]): void {
    for (const n of statements) this.statement(n);
    // What is still deferred here belongs to a consumer that never came (an unreachable end); nothing to write.
  }

  private statement(n: Node): void {
    switch (n.op) {
      case 'const': case 'field': return;
      case 'get': case 'pure': case 'local': {
        const u = this.uses.get(n) ?? 0;
        if (u === 0) return;
        if (u === 1) this.deferred.push(n);
        else this.hold(n);
        return;
      }
      case 'set': {
        const range = rangeOf(n.base, n.slot, n.bits);
        this.settle((d) => d.op === 'get' && overlaps(rangeOf(d.base, d.slot, d.bits), range), n.args);
        return this.set(n.base, n.slot, n.bits, n.args[0]);
      }
      case 'assign': {
        this.settle((d) => d.op === 'local' && d.local === n.local, n.args);
        this.value(n.args[0]);
        return this.w.setLocal(this.localOf(n.local));
      }
      case 'segment': return this.segment(n);
      case 'load': return this.load(n);
      case 'store': return this.store(n);
      case 'call': {
        this.settle((d) => d.op === 'get', n.args);
        return this.call(n);
      }
      case 'transfer': {
        const args = n.args.map((a) => this.toLocal(a));
        this.t.storeNextRip();
        this.routine(n.routine, args);
        this.w.i32Const(0);
        this.w.op(PURE.get('i32.lt_s') as number);
        this.w.if();
        this.t.fault();
        this.w.end();
        return this.t.jump();
      }
      case 'raise': {
        this.set(FAULT_VECTOR, { offset: 0 }, 32, null, n.vector);
        if (n.args.length > 0) this.set(FAULT_ERROR, { offset: 0 }, 32, n.args[0]);
        else this.set(FAULT_ERROR, { offset: 0 }, 32, null, -1);
        return this.t.fault();
      }
      case 'branch': {
        const [to, condition] = n.args;
        const go = (): void => this.t.branch(n.direct, () => this.value(to));
        if (!condition) return go();
        this.value(condition);
        this.w.if();
        go();
        return this.w.end();
      }
      case 'if': {
        this.settle(() => true, n.args);
        this.value(n.args[0]);
        this.w.if();
        this.list(n.body);
        this.deferred = [];
        if (n.otherwise.length > 0) {
          this.w.else();
          this.list(n.otherwise);
          this.deferred = [];
        }
        return this.w.end();
      }
      case 'loop': {
        this.settle(() => true, []);
        const leave = this.w.block();
        const again = this.w.loop();
        this.leaveLabels.push(leave);
        this.list(n.body);
        this.deferred = [];
        this.leaveLabels.pop();
        this.w.br(again);
        this.w.end();
        return this.w.end();
      }
      case 'leave': return this.w.br(this.leaveLabels[this.leaveLabels.length - 1]);
    }
  }

  /** Writes to locals every deferred value whose tree reads something that `changed` matches, except those consumed by `consumers`. */
  private settle(changed: (n: Node) => boolean, consumers: readonly Node[]): void {
    const spared = new Set<Node>();
    const spare = (n: Node): void => {
      spared.add(n);
      if (n.op === 'pure') n.args.forEach(spare);
    };
    consumers.forEach(spare);
    const reads = (n: Node): boolean => changed(n) || (n.op === 'pure' && n.args.some((a) => !this.held.has(a) && reads(a)));
    for (const d of [...this.deferred]) {
      if (!spared.has(d) && this.deferred.includes(d) && reads(d)) this.hold(d);
    }
  }

  /** Computes a value into a local of its own. */
  private hold(n: Node): number {
    const local = this.w.newLocal(wasmType(n.type));
    this.write(n);
    this.w.setLocal(local);
    this.held.set(n, local);
    return local;
  }
  private toLocal(n: Node): number { return this.held.get(n) ?? this.hold(n); }
  private localOf(local: { readonly type: Node['type'] }): number {
    let l = this.locals.get(local);
    if (l === undefined) {
      l = this.w.newLocal(wasmType(local.type));
      this.locals.set(local, l);
    }
    return l;
  }

  /** Pushes a value. */
  private value(n: Node): void {
    const local = this.held.get(n);
    if (local !== undefined) this.w.get(local);
    else this.write(n);
  }
  private write(n: Node): void {
    const { w } = this;
    const at = this.deferred.indexOf(n);
    if (at >= 0) this.deferred.splice(at, 1);
    switch (n.op) {
      case 'const':
        if (n.type === 'i32') w.i32Const(Number(n.value));
        else if (n.type === 'i64') w.i64Const(n.value);
        else {
          w.vector(SIMD_MEMORY.const);
          for (let i = 0; i < 16; i++) w.u8(Number((n.value >> BigInt(i * 8)) & 0xffn));
        }
        return;
      case 'field': {
        w.get(this.t.record);
        const op = { u8: OP.i32Load8U, u16: OP.i32Load16U, i32: OP.i32Load, s32: OP.i64Load32S, i64: OP.i64Load }[n.kind];
        return w.memory(op, n.at);
      }
      case 'get': {
        this.slotAddress(n.slot);
        return this.loadBits(n.bits, n.base + ('offset' in n.slot ? n.slot.offset : 0));
      }
      case 'local': return w.get(this.localOf(n.local));
      case 'pure': return this.pure(n.name, n.args, n.lanes);
      default: throw new Error(`emitter: ${n.op} is no value that can be written late`);
    }
  }
  private pure(name: string, args: readonly Node[], lanes: readonly number[]): void {
    for (const a of args) this.value(a);
    const scalar = PURE.get(name);
    if (scalar !== undefined) return this.w.op(scalar);
    const simd = SIMD.get(name) ?? SIMD_LANES.get(name);
    if (simd === undefined) throw new Error(`emitter: no opcode for ${name}`);
    this.w.vector(simd);
    for (const l of lanes) this.w.u8(l);
  }

  // State
  private slotAddress(slot: SlotRef): void {
    const { w, t } = this;
    w.get(t.state);
    if ('field' in slot) {
      w.get(t.record);
      w.memory(OP.i32Load8U, slot.field);
      w.op(PURE.get('i32.add') as number);
    }
  }
  private loadBits(bits: number, offset: number): void {
    const { w } = this;
    if (bits === 128) w.vectorMemory(false, offset);
    else w.memory(bits === 8 ? OP.i32Load8U : bits === 16 ? OP.i32Load16U : bits === 32 ? OP.i32Load : OP.i64Load, offset);
  }
  private storeBits(bits: number, type: Node['type'], offset: number): void {
    const { w } = this;
    if (bits === 128) w.vectorMemory(true, offset);
    else if (type === 'i64') w.memory(bits === 8 ? OP.i64Store8 : bits === 16 ? OP.i64Store16 : bits === 32 ? OP.i64Store32 : OP.i64Store, offset);
    else w.memory(bits === 8 ? OP.i32Store8 : bits === 16 ? OP.i32Store16 : OP.i32Store, offset);
  }
  private set(base: number, slot: SlotRef, bits: number, value: Node | null, constant = 0): void {
    this.slotAddress(slot);
    if (value) this.value(value);
    else this.w.i32Const(constant);
    this.storeBits(bits, value ? value.type : 'i32', base + ('offset' in slot ? slot.offset : 0));
  }

  // Calls
  private routine(name: string, args: readonly number[]): void {
    for (const a of args) this.w.get(a);
    this.w.call(this.t.module.importFunction(name, args.map(() => I32), [I32]));
  }
  private call(n: Node & { op: 'call' }): void {
    const { w } = this;
    this.routine(n.routine, n.args.map((a) => this.toLocal(a)));
    const local = w.newLocal(I32);
    w.tee(local);
    w.i32Const(0);
    w.op(PURE.get('i32.lt_s') as number);
    w.if();
    this.t.fault();
    w.end();
    this.held.set(n, local);
  }

  // Memory
  private info(access: Access): void {
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
  private slow(name: (typeof SLOW_PATHS)[number], linear: number, access: Access): void {
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
  /** Pushes 1 if the TLB has the page of `linear`; leaves its entry's address in a local. */
  private probe(linear: number, bits: number, tag: number): number {
    const { w } = this;
    const entry = w.newLocal(I32);
    w.get(this.t.state);
    w.memory(OP.i32Load, TLB_BASE);
    w.get(linear);
    w.op(PURE.get('i32.wrap_i64') as number);
    w.i32Const(7);
    w.op(PURE.get('i32.shr_u') as number);
    w.i32Const(TLB_INDEX_MASK);
    w.op(PURE.get('i32.and') as number);
    w.op(PURE.get('i32.add') as number);
    w.tee(entry);
    w.memory(OP.i64Load, tag);
    w.get(linear);
    if (bits > 8) {
      w.i64Const(BigInt(bits / 8 - 1));
      w.op(PURE.get('i64.add') as number);
    }
    w.i64Const(-4096n);
    w.op(PURE.get('i64.and') as number);
    w.op(PURE.get('i64.eq') as number);
    return entry;
  }
  private pushHost(entry: number, linear: number): void {
    const { w } = this;
    w.get(entry);
    w.memory(OP.i32Load, TLB_DELTA);
    w.get(linear);
    w.op(PURE.get('i32.wrap_i64') as number);
    w.op(PURE.get('i32.add') as number);
  }
  private load(n: Node & { op: 'load' }): void {
    const { w } = this;
    const { bits } = n.access;
    this.settle(readsScratch, n.args);
    const linear = this.toLocal(n.args[0]);
    const result = w.newLocal(wasmType(n.type));
    const entry = this.probe(linear, bits, n.update ? TLB_WRITE : TLB_READ);
    let host = -1;
    if (n.update) {
      host = w.newLocal(I32);
      this.hosts.set(n, { host, linear });
    }
    w.if();
    this.pushHost(entry, linear);
    if (n.update) w.tee(host);
    this.loadBits(bits, 0);
    w.setLocal(result);
    w.else();
    this.slow(n.update ? 'updateSlow' : 'readSlow', linear, n.access);
    if (n.update) {
      w.i32Const(0);
      w.setLocal(host);
    }
    w.get(this.t.state);
    this.loadBits(bits, SCRATCH);
    w.setLocal(result);
    w.end();
    this.held.set(n, result);
  }
  private store(n: Node & { op: 'store' }): void {
    const { w } = this;
    const { bits } = n.access;
    const [address, source] = n.args;
    this.settle(readsScratch, n.args);
    const value = this.toLocal(source);
    const known = n.load ? this.hosts.get(n.load) : undefined;
    const linear = known ? known.linear : this.toLocal(address);
    if (known) {
      w.get(known.host);
      w.if();
      w.get(known.host);
    } else {
      const entry = this.probe(linear, bits, TLB_WRITE);
      w.if();
      this.pushHost(entry, linear);
    }
    w.get(value);
    this.storeBits(bits, source.type, 0);
    w.else();
    w.get(this.t.state);
    w.get(value);
    this.storeBits(bits, source.type, SCRATCH);
    this.slow('writeSlow', linear, n.access);
    w.end();
  }
  private segment(n: Node & { op: 'segment' }): void {
    const { w } = this;
    const effective = this.toLocal(n.args[0]);
    const slot = n.access.segment;
    const fixed = 'offset' in slot ? slot.offset : 0;
    w.get(effective);
    if (n.access.bits > 8) {
      w.i64Const(BigInt(n.access.bits / 8 - 1));
      w.op(PURE.get('i64.add') as number);
    }
    this.slotAddress(slot);
    w.memory(OP.i64Load, SEGMENTS + (n.write ? SEGMENT_WRITE_LIMIT : SEGMENT_READ_LIMIT) + fixed);
    w.op(PURE.get('i64.gt_s') as number);
    w.if();
    w.get(effective);
    w.op(OP.f64ConvertI64S);
    this.info(n.access);
    w.i32Const(n.write ? 1 : 0);
    w.call(this.t.module.importFunction('segmentSlow', [F64, I32, I32], [I32]));
    w.i32Const(0);
    w.op(PURE.get('i32.lt_s') as number);
    w.if();
    this.t.fault();
    w.end();
    w.end();
    const result = w.newLocal(I64);
    this.slotAddress(slot);
    w.memory(OP.i64Load, SEGMENTS + SEGMENT_BASE + fixed);
    w.get(effective);
    w.op(PURE.get('i64.add') as number);
    w.i64Const(0xffffffffn);
    w.op(PURE.get('i64.and') as number);
    w.setLocal(result);
    this.held.set(n, result);
  }
}

const overlaps = (a: Range, c: Range): boolean => a.from < c.to && c.from < a.to;

/** Slow paths overwrite SCRATCH. */
const readsScratch = (n: Node): boolean => n.op === 'get' && overlaps(rangeOf(n.base, n.slot, n.bits), { from: SCRATCH, to: SCRATCH + 32 });
