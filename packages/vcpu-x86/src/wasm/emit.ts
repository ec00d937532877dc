// IR → WebAssembly: one instruction's statements into a function body. Single-use values are written where they are used, if
// nothing in between changes what they read; others go to locals. The host function decides what "next", "jump" and "fault" mean.
import type { Local, Node, StateSlot } from '../ir/node.js';
import { FAULT_ERROR, FAULT_VECTOR } from '../state/layout.js';
import type { EmitTarget } from './emit-target.js';
import type { FunctionWriter, Label, WasmType } from './encoder.js';
import { fastName } from './import-names.js';
import { MemoryAccess } from './memory-access.js';
import { I32, I64, OP, PURE, SIMD_MEMORY, V128 } from './opcodes.js';
import { isCondition, operandConversion, writePure } from './pure-operation.js';
import { overlaps, rangeOf, readsScratch } from './state-range.js';
import { countUses } from './use-counts.js';

export const wasmType = (type: Node['type']): WasmType =>
  type === 'i64' ? I64 : type === 'v128' ? V128 : I32;

export function emitInstruction(statements: readonly Node[], target: EmitTarget): void {
  new Emitter(target).program(statements);
}

/** Emits one instruction, its flags and registers in the state page; the hot tier derives from it. */
export class Emitter {
  protected readonly t: EmitTarget;
  protected readonly w: FunctionWriter;
  protected readonly access: MemoryAccess;
  protected readonly uses = new Map<Node, number>();
  /** Values in locals. */
  protected readonly held = new Map<Node, number>();
  /** Values not written yet; they have one use. */
  protected deferred: Node[] = [];
  protected readonly locals = new Map<object, number>();
  /** Read-modify-write accesses: locals of their host addresses (0: slow path) and linear ones, and what to add to the host's. */
  protected readonly hosts = new Map<Node, { host: number; linear: number; offset: number }>();
  protected readonly leaveLabels: Label[] = [];
  /** Are the program's expectations asked for? */
  protected readonly asksExpectations: boolean = false;

  constructor(target: EmitTarget) {
    this.t = target;
    this.w = target.writer;
    this.access = new MemoryAccess(target);
  }

  /** Makes a WebAssembly local (a parameter) one of the program's. */
  bind(local: Local, index: number): void {
    this.locals.set(local, index);
  }
  /** Pushes a mutable local after the program. */
  pushLocal(local: Local): void {
    this.w.get(this.localOf(local));
  }

  program(statements: readonly Node[]): void {
    countUses(statements, this.asksExpectations, this.uses);
    this.list(statements);
  }
  /** Forgets the program; another one may follow. */
  protected reset(): void {
    this.uses.clear();
    this.held.clear();
    this.locals.clear();
    this.hosts.clear();
    this.deferred = [];
  }

  protected list(statements: readonly Node[]): void {
    for (const n of statements) this.statement(n);
    // What is still deferred here belongs to a consumer that never came (an unreachable end); nothing to write.
  }

  protected statement(n: Node): void {
    switch (n.op) {
      case 'const':
      case 'field':
        return;
      case 'get':
      case 'pure':
      case 'local': {
        const u = this.uses.get(n) ?? 0;
        if (u === 0) return;
        if (u === 1) this.deferred.push(n);
        else this.hold(n);
        return;
      }
      case 'set': {
        const range = rangeOf(n.base, n.slot, n.bits);
        this.settle(
          (d) => d.op === 'get' && overlaps(rangeOf(d.base, d.slot, d.bits), range),
          n.args,
        );
        return this.set(n.base, n.slot, n.bits, n.args[0]);
      }
      case 'assign': {
        this.settle((d) => d.op === 'local' && d.local === n.local, n.args);
        this.value(n.args[0]);
        return this.w.setLocal(this.localOf(n.local));
      }
      case 'segment':
        return this.segment(n);
      case 'load':
        return this.load(n);
      case 'store':
        return this.store(n);
      case 'copy':
      case 'fill': {
        const [to, source, bytes] = n.args.map((a) => this.toLocal(a));
        const done = this.w.newLocal(I32);
        this.access.bulk(n.op, to, source, bytes, done);
        this.held.set(n, done);
        return;
      }
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
      case 'flags':
      case 'condition':
      case 'flag':
        throw new Error('emitter: symbolic flags');
      case 'if': {
        this.settle(() => true, n.args);
        const { body, otherwise } = n;
        return this.choose(
          n.args[0],
          () => this.arm(body),
          otherwise.length > 0 ? () => this.arm(otherwise) : null,
        );
      }
      case 'expect':
        return;
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
      case 'leave':
        return this.w.br(this.leaveLabels[this.leaveLabels.length - 1]);
    }
  }

  /** Emits what is done where a condition holds, and where not; what a conjunction asks, one after another. */
  protected choose(condition: Node, body: () => void, otherwise: (() => void) | null): void {
    const { w } = this;
    const parts = this.partsOf(condition);
    if (parts.length === 1) {
      this.value(condition);
      w.if();
      body();
      if (otherwise) {
        w.else();
        otherwise();
      }
      return w.end();
    }
    const end = w.block();
    const others = otherwise ? w.block() : end;
    for (const part of parts) {
      if (this.holds(part)) {
        this.discard(part);
        continue;
      }
      this.value(part);
      w.op(PURE.get('i32.eqz') as number);
      w.brIf(others);
    }
    body();
    if (otherwise) {
      w.br(end);
      w.end();
      otherwise();
    }
    w.end();
  }
  protected arm(statements: readonly Node[]): void {
    this.list(statements);
    this.deferred = [];
  }
  /** A value that was to be written late is not wanted after all. */
  private discard(n: Node): void {
    const at = this.deferred.indexOf(n);
    if (at < 0) return;
    this.deferred.splice(at, 1);
    if (n.op === 'pure') for (const a of n.args) this.discard(a);
  }
  /** Is a condition known to hold? */
  protected holds(_condition: Node): boolean {
    return false;
  }
  private partsOf(n: Node): readonly Node[] {
    if (n.op !== 'pure' || n.name !== 'i32.and' || this.held.has(n)) return [n];
    if (!n.args.every(isCondition)) return [n];
    const at = this.deferred.indexOf(n);
    if (at >= 0) this.deferred.splice(at, 1);
    return n.args.flatMap((a) => this.partsOf(a));
  }

  /** Writes to locals every deferred value whose tree reads something that `changed` matches, except those consumed by `consumers`. */
  protected settle(changed: (n: Node) => boolean, consumers: readonly Node[]): void {
    if (this.deferred.length === 0) return;
    const spared = new Set<Node>();
    const spare = (n: Node): void => {
      spared.add(n);
      if (n.op === 'pure') n.args.forEach(spare);
    };
    consumers.forEach(spare);
    const reads = (n: Node): boolean =>
      changed(n) || (n.op === 'pure' && n.args.some((a) => !this.held.has(a) && reads(a)));
    for (const d of [...this.deferred]) {
      if (!spared.has(d) && this.deferred.includes(d) && reads(d)) this.hold(d);
    }
  }

  /** Computes a value into a local of its own. */
  protected hold(n: Node): number {
    const local = this.w.newLocal(wasmType(n.type));
    this.write(n);
    this.w.setLocal(local);
    this.held.set(n, local);
    return local;
  }
  protected toLocal(n: Node): number {
    return this.held.get(n) ?? this.hold(n);
  }
  protected localOf(local: { readonly type: Node['type'] }): number {
    let l = this.locals.get(local);
    if (l === undefined) {
      l = this.w.newLocal(wasmType(local.type));
      this.locals.set(local, l);
    }
    return l;
  }

  /** Pushes a value. */
  protected value(n: Node): void {
    const local = this.held.get(n);
    if (local !== undefined) this.w.get(local);
    else this.write(n);
  }
  protected write(n: Node): void {
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
        const op = {
          u8: OP.i32Load8U,
          u16: OP.i32Load16U,
          i32: OP.i32Load,
          s32: OP.i64Load32S,
          i64: OP.i64Load,
        }[n.kind];
        return w.memory(op, n.at);
      }
      case 'get': {
        this.slotAddress(n.slot);
        return this.access.loadBits(n.bits, n.base + ('offset' in n.slot ? n.slot.offset : 0));
      }
      case 'local':
        return w.get(this.localOf(n.local));
      case 'pure':
        return this.pure(n.name, n.args, n.lanes);
      default:
        throw new Error(`emitter: ${n.op} is no value that can be written late`);
    }
  }
  protected pure(name: string, args: readonly Node[], lanes: readonly number[]): void {
    const conversion = operandConversion(name);
    for (const a of args) {
      this.value(a);
      if (conversion !== undefined) this.w.op(conversion);
    }
    writePure(this.w, name, lanes);
  }

  // State
  private slotAddress(slot: StateSlot): void {
    this.access.slotAddress(slot);
    if (!('local' in slot)) return;
    this.w.get(this.localOf(slot.local));
    this.w.op(PURE.get('i32.add') as number);
  }
  protected set(
    base: number,
    slot: StateSlot,
    bits: number,
    value: Node | null,
    constant = 0,
  ): void {
    this.slotAddress(slot);
    if (value) this.value(value);
    else this.w.i32Const(constant);
    this.access.storeBits(
      bits,
      value ? value.type : 'i32',
      base + ('offset' in slot ? slot.offset : 0),
    );
  }

  // Calls
  protected routine(name: string, args: readonly number[]): void {
    const isFast = this.t.fastRoutines?.has(name);
    const all = isFast ? [this.t.state, ...args] : args;
    for (const a of all) this.w.get(a);
    this.w.call(
      this.t.module.importFunction(
        isFast ? fastName(name) : name,
        all.map(() => I32),
        [I32],
      ),
    );
  }
  protected call(n: Node & { op: 'call' }): void {
    const { w } = this;
    this.routine(
      n.routine,
      n.args.map((a) => this.toLocal(a)),
    );
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
  protected load(n: Node & { op: 'load' }): void {
    this.settle(readsScratch, n.args);
    const linear = this.toLocal(n.args[0]);
    const result = this.w.newLocal(wasmType(n.type));
    const host = n.update ? this.w.newLocal(I32) : -1;
    if (n.update) this.hosts.set(n, { host, linear, offset: 0 });
    this.access.load(linear, n.access, result, host);
    this.held.set(n, result);
  }
  protected store(n: Node & { op: 'store' }): void {
    const [address, source] = n.args;
    this.settle(readsScratch, n.args);
    const value = this.toLocal(source);
    const known = n.load ? this.hosts.get(n.load) : undefined;
    const linear = known ? known.linear : this.toLocal(address);
    this.access.store(linear, n.access, value, source.type, known ? known.host : -1);
  }
  protected segment(n: Node & { op: 'segment' }): void {
    const effective = this.toLocal(n.args[0]);
    const result = this.w.newLocal(I64);
    this.access.segment(effective, n.access, n.write, result);
    this.held.set(n, result);
  }
}
