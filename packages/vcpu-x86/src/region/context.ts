// What the instructions of one region share: its locals and the way out.
import type { Mode } from '../semantics/shape.js';
import { FPU_TRAP, GPR, MXCSR } from '../state/layout.js';
import type { FunctionWriter, Label, WasmType } from '../wasm/encoder.js';
import { I32, I64, OP, PURE } from '../wasm/opcodes.js';
import { FlagsState } from './flags-state.js';
import { Windows } from './windows.js';

/** What a region returns: go on at rIP, the instruction there is the cold tier's first, or there is no region that the jump cache has. */
export const LEFT = 0;
export const COLD = 1;
export const MISSED = 2;
/** What it takes: the state page's address, rIP (its entry's, as i64), and what is left of the slice. */
export const REGION_PARAMETERS: readonly WasmType[] = [I32, I64, I32];

/** Is the word at a place in the state page kept? No instruction of a region changes FPU_TRAP; SSE's routines and LDMXCSR change MXCSR. */
export const isKept = (at: number, bits: number): boolean =>
  bits === 32 && (at === FPU_TRAP || at === MXCSR);

/** What the instructions of one region share. */
export class RegionContext {
  readonly w: FunctionWriter;
  readonly mode: Mode;
  readonly flags: FlagsState;
  readonly windows: Windows;
  /** Parameters. */
  readonly rip = 1;
  readonly left = 2;
  /** Where to go when leaving: an offset from the entry, or a whole rIP. */
  readonly offset: number;
  readonly to: number;
  readonly code: number;
  /** Condition of the running block's branch. */
  readonly condition: number;
  /** Address of the TLB set in use. */
  readonly tlb: number;
  exitAtOffset: Label = 0;
  /** By offset of an instruction: where it leaves for the cold tier, behind all other code. */
  readonly pads = new Map<number, Label>();
  exitTo: Label = 0;
  private readonly registers = new Map<number, { local: number; written: boolean }>();
  /** By place in the state page: {@link keptState}. */
  private readonly kept = new Map<number, number>();

  constructor(w: FunctionWriter, mode: Mode) {
    this.w = w;
    this.mode = mode;
    this.flags = new FlagsState(w, 0, mode.bits === 64);
    this.windows = new Windows(mode.bits === 64);
    this.offset = w.ownLocal(I32);
    this.to = w.ownLocal(I64);
    this.code = w.ownLocal(I32);
    this.condition = w.ownLocal(I32);
    this.tlb = w.ownLocal(I32);
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
  /** A 32-bit word of the state page as a local, which whoever changes the word has to load anew. */
  keptState(at: number): number {
    let local = this.kept.get(at);
    if (local === undefined) {
      local = this.w.ownLocal(I32);
      this.kept.set(at, local);
    }
    return local;
  }
  loadKept(w: FunctionWriter): void {
    for (const at of this.kept.keys()) this.loadKeptState(w, at);
  }
  loadKeptState(w: FunctionWriter, at: number): void {
    w.get(0);
    w.memory(OP.i32Load, at);
    w.setLocal(this.keptState(at));
  }
  spillRegisters(): void {
    const { w } = this;
    for (const [number, { local, written }] of this.registers) {
      if (!written) continue;
      w.get(0);
      w.get(local);
      if (!this.wide) w.op(PURE.get('i64.extend_i32_u') as number);
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
