// A region → one WebAssembly function: general registers and lazy flags in locals, control flow structured, the TLB probed inline.
// Whatever the fast path cannot do (a TLB miss, a fault, a routine) leaves the region with the state exact at that instruction,
// and the cold tier does it. Where its code ends, it goes on to the region at rIP, if there is one, by a tail call, and hands on in
// parameters what else would go by way of the state page. It returns LEFT (go on at rIP) or COLD (the instruction at rIP must run in
// the cold tier first), with rIP and the slice's budget in the state page.

import { fastRoutineNames } from '../semantics/fast-table.js';
import type { Mode } from '../semantics/shape.js';
import { BUDGET, RIP, TLB_BASE } from '../state/layout.js';
import type { EmitTarget } from '../wasm/emit-target.js';
import { FunctionWriter, type Label } from '../wasm/encoder.js';
import { NEXT_REGION } from '../wasm/import-names.js';
import type { ModuleWriter } from '../wasm/module.js';
import { I32, OP, PURE } from '../wasm/opcodes.js';
import { COLD, LEFT, REGION_PARAMETERS, RegionContext } from './context.js';
import {
  type Region,
  type RegionBlock,
  type RegionInstruction,
  successors,
  TURNTABLE,
} from './discover.js';
import { flagsUseOf, lateOnes } from './flags-use.js';
import { InstructionEmitter } from './instruction.js';
import { hasWayOut } from './prepare.js';
import { type Shape, structure } from './structure.js';
import type { Windows } from './windows.js';

const op = (name: string): number => PURE.get(name) as number;

/** Adds the region to a module, as the exported function `name`. */
export function addRegion(module: ModuleWriter, name: string, region: Region, mode: Mode): void {
  const w = new FunctionWriter(REGION_PARAMETERS.length);
  const x = new RegionContext(w, mode);
  new RegionWriter(region, module, x).write();
  module.add(name, REGION_PARAMETERS, [I32], w);
}

class RegionWriter {
  private readonly blocks: readonly RegionBlock[];
  private readonly index = new Map<number, number>();
  private readonly x: RegionContext;
  private readonly w: FunctionWriter;
  private readonly shape: Shape;
  private readonly emitter: InstructionEmitter;
  private readonly labels: Label[] = [];
  private readonly module: ModuleWriter;
  /** By block: what its instructions change, and what is known of windows at its end. */
  private readonly changes: readonly number[];
  private readonly windowsBehind: ReturnType<Windows['snapshot']>[] = [];
  /** By block, which of its instructions are late: see late-flags.ts. */
  private readonly late: readonly (readonly boolean[])[];

  constructor(region: Region, module: ModuleWriter, x: RegionContext) {
    this.blocks = region.blocks;
    this.module = module;
    this.x = x;
    this.w = x.w;
    region.blocks.forEach((b, i) => {
      this.index.set(b.start, i);
    });
    this.changes = region.blocks.map((b) => x.windows.changesOf(b.instructions));
    this.late = region.blocks.map((b) => lateOnes(b.instructions));
    this.announceFlags();
    this.shape = structure(region.blocks.map((b) => this.successors(b)));
    const never = (): never => {
      throw new Error('a region has no such exit');
    };
    const target: EmitTarget = {
      writer: x.w,
      module,
      state: 0,
      record: -1,
      fastRoutines: fastRoutineNames,
      tlbBase: x.tlb,
      fault: never,
      jump: never,
      branch: never,
      storeNextRip: never,
    };
    this.emitter = new InstructionEmitter(x, target);
  }

  private announceFlags(): void {
    this.blocks.forEach(({ instructions }, v) => {
      instructions.forEach(({ program }, n) => {
        if (this.late[v][n]) return;
        for (const { kind, bits } of flagsUseOf(program).sets) this.x.flags.willSet(kind, bits);
      });
    });
  }
  private successors(b: RegionBlock): number[] {
    return [...new Set(successors(b.end).flatMap((t) => this.index.get(t) ?? []))];
  }

  write(): void {
    const { w, x } = this;
    // Which registers there are to load is known only behind the body.
    x.exitTo = w.block();
    x.exitAtOffset = w.block();
    const cold = w.block();
    // Ways out lie behind the code, which stays dense: one pad an instruction, the first innermost.
    const starts = this.blocks.flatMap((b) =>
      b.instructions.filter((i) => this.isWayOut(b, i)).map((i) => i.start),
    );
    for (const start of starts.toReversed()) x.pads.set(start, w.block());
    const at = w.length;
    this.tree(0, -1);
    w.op(OP.unreachable);
    for (const start of starts) {
      w.end();
      w.i32Const(start);
      w.setLocal(x.offset);
      w.br(cold);
    }
    w.end();
    w.i32Const(COLD);
    w.setLocal(x.code);
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
    this.goOn();
    w.get(0);
    w.get(x.to);
    w.memory(OP.i64Store, RIP);
    w.get(0);
    w.get(x.left);
    w.memory(OP.i32Store, BUDGET);
    w.get(x.code);
    w.insert(at, (head) => this.prologue(head));
  }
  /** To the region at rIP, if there is one, rather than to the interpreter. */
  private goOn(): void {
    const { w, x } = this;
    w.get(x.code);
    w.op(op('i32.eqz'));
    w.if();
    w.get(0);
    w.get(x.to);
    w.get(x.left);
    w.op(OP.returnCall);
    w.u32(this.module.importFunction(NEXT_REGION, REGION_PARAMETERS, [I32]));
    w.end();
  }
  /** Does the instruction leave? A loop's first one may, for windows that are opened in front of it. */
  private isWayOut(b: RegionBlock, i: RegionInstruction): boolean {
    if (hasWayOut(i.program)) return true;
    return i.start === b.start && this.shape.isLoop[this.index.get(b.start) as number];
  }
  /** Goes in front of the body. */
  private prologue(head: FunctionWriter): void {
    const { x } = this;
    // To enter costs as much as an instruction, so that a slice ends whatever regions do.
    head.get(x.left);
    head.i32Const(1);
    head.op(op('i32.sub'));
    head.setLocal(x.left);
    head.get(0);
    head.memory(OP.i32Load, TLB_BASE);
    head.setLocal(x.tlb);
    x.loadRegisters(head);
    x.loadKept(head);
    x.flags.enter(head);
  }

  // The dominator tree
  /** `from`: the one block that leads to `v`, if it is no merge. */
  private tree(v: number, from: number): void {
    const { w, shape } = this;
    if (shape.isLoop[v]) {
      this.resumeWindows(v, from);
      this.openEarly(v);
      this.labels[v] = w.loop();
      this.within(v, from, shape.merges[v]);
      w.end();
    } else this.within(v, from, shape.merges[v]);
  }
  private openEarly(v: number): void {
    const { x, shape } = this;
    const { start, instructions } = this.blocks[v];
    // A window that lies on two pages has made it lone: it would again.
    if (instructions.length === 0 || instructions[0].isLone) return;
    let changes = 0;
    for (const i of shape.loop(v)) changes |= this.changes[i];
    for (const early of x.windows.openEarly(instructions, changes))
      this.emitter.openEarly(start, early);
  }
  private within(v: number, from: number, merges: readonly number[]): void {
    const { w } = this;
    if (merges.length === 0) return this.block(v, from);
    const [first, ...rest] = merges;
    const outer = this.labels[first];
    this.labels[first] = w.block();
    this.within(v, from, rest);
    w.end();
    this.labels[first] = outer;
    this.x.flags.forget();
    this.tree(first, -1);
  }
  private block(v: number, from: number): void {
    const { w, x, shape } = this;
    const b = this.blocks[v];
    if (v === 0 || shape.isLoop[v] || shape.isMerge[v]) x.flags.forget();
    if (!shape.isLoop[v]) this.resumeWindows(v, from);
    w.get(x.left);
    w.i32Const(b.instructions.length);
    w.op(op('i32.sub'));
    w.setLocal(x.left);
    this.emitter.beginBlock();
    const windows = x.windows.plan(b.instructions);
    b.instructions.forEach((i, n) => {
      this.emitter.instruction(i, windows[n], this.late[v][n]);
    });
    this.windowsBehind[v] = x.windows.snapshot();
    const { end } = b;
    switch (end.kind) {
      case 'cold':
        return x.leaveAt(end.at, COLD);
      case 'indirect':
        for (const c of end.candidates) this.goIfAt(v, c);
        w.i32Const(LEFT);
        w.setLocal(x.code);
        return w.br(x.exitTo);
      case 'table':
        return this.go(v, TURNTABLE);
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
  /**
   * What is known of windows where `v` begins: at a merge what the block knew that dominates it, but for what may have changed on the way
   * here, else what its one predecessor knew.
   */
  private resumeWindows(v: number, predecessor: number): void {
    const { shape, x } = this;
    if (v === 0) return;
    const from = shape.isMerge[v] ? shape.dominator[v] : predecessor;
    x.windows.resume(this.windowsBehind[from]);
    if (!shape.isMerge[v] && !shape.isLoop[v]) return;
    let changes = 0;
    for (const i of shape.between(from, v)) changes |= this.changes[i];
    x.windows.lose(changes);
  }
  /** Goes to an offset in the region if that is where the computed target lies. */
  private goIfAt(from: number, offset: number): void {
    const { w, x } = this;
    const known = x.flags.snapshot();
    for (const address of [x.to, x.rip]) {
      w.get(address);
      if (!x.wide) w.op(op('i32.wrap_i64'));
    }
    w.op(op(x.wide ? 'i64.sub' : 'i32.sub'));
    if (x.wide) w.i64Const(BigInt(offset));
    else w.i32Const(offset);
    w.op(op(x.wide ? 'i64.eq' : 'i32.eq'));
    w.if();
    this.go(from, offset);
    w.end();
    x.flags.resume(known);
  }
  /** Control from block `from` to an offset. */
  private go(from: number, offset: number): void {
    const { w, x, shape } = this;
    const v = this.index.get(offset);
    if (v === undefined) return this.leave(offset);
    if (!shape.isBackward(from, v)) {
      if (shape.isMerge[v]) return w.br(this.labels[v]);
      return this.tree(v, from);
    }
    if (!shape.dominates(v, from)) return this.leave(offset);
    // A loop: the slice's budget is asked once an iteration.
    w.get(x.left);
    w.i32Const(0);
    w.op(op('i32.gt_s'));
    w.brIf(this.labels[v]);
    this.leave(offset);
  }
  private leave(offset: number): void {
    const { w, x } = this;
    if (offset !== TURNTABLE) return x.leaveAt(offset, LEFT);
    w.i32Const(LEFT);
    w.setLocal(x.code);
    w.br(x.exitTo);
  }
}
