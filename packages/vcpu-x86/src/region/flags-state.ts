// Lazy flags of a hot region: what set them last and its operands, in locals. Setting flags costs moves that V8 makes free; the
// state page's form (ir/flags.ts) is computed only where control leaves the region, conditions mostly fuse with what set them.
import type { Bits, FlagName, FlagsKind } from '../ir/node.js';
import { FLAG_AUX, FLAG_RESULT } from '../state/layout.js';
import type { FunctionWriter } from '../wasm/encoder.js';
import { OP, PURE } from '../wasm/opcodes.js';
import {
  ADD,
  CHANGED,
  DEC,
  ENTRY,
  EXPLICIT,
  IMAGE,
  INC,
  KEEPS_CARRY,
  type KnownFlags,
  LOGIC,
  ROTATED,
  SUB,
} from './flags-locals.js';
import { LateFlags } from './late-flags.js';

/** What replaces some flags of what set them before. */
type Amendment = 'carry' | 'rotate';
const codes: Readonly<Record<Exclude<FlagsKind, Amendment>, number>> = {
  add: ADD,
  sub: SUB,
  logic: LOGIC,
  explicit: EXPLICIT,
  inc: INC,
  dec: DEC,
  image: IMAGE,
};

export class FlagsState extends LateFlags {
  /** Locals that something in the region sets; the others are zero. */
  private readonly inUse = new Set<number>(
    this.localsOf({ kind: ENTRY, bits: this.wide ? 64 : 32, plain: false }),
  );

  /** Something in the region sets flags so. To be called before any code is written: see {@link set}. */
  willSet(kind: FlagsKind, bits: Bits): void {
    if (kind === 'carry') this.inUse.add(this.carry);
    else if (kind === 'rotate') this.inUse.add(this.top);
    else {
      for (const local of this.localsOf({ kind: codes[kind], bits, plain: false }))
        this.inUse.add(local);
    }
  }

  /** Control may come here from several places. */
  forget(): void {
    this.known = null;
  }

  /** What is known here, for {@link resume}. */
  snapshot(): KnownFlags | null {
    return this.known;
  }
  /** Control comes only from where the snapshot was taken. */
  resume(known: KnownFlags | null): void {
    this.known = known;
  }

  /** At the region's entry: the state page's flags, whatever set them. Written to `w`, which goes in front of the body. */
  enter(w: FunctionWriter): void {
    w.i32Const(ENTRY | ((this.wide ? 64 : 32) << 8));
    w.setLocal(this.kind);
    w.get(this.state);
    w.memory(OP.i64Load, FLAG_RESULT);
    if (this.wide) w.setLocal(this.r64);
    else {
      w.op(PURE.get('i32.wrap_i64') as number);
      w.setLocal(this.r);
    }
    w.get(this.state);
    w.memory(OP.i32Load, FLAG_AUX);
    w.setLocal(this.a);
  }

  /**
   * Flags set by an instruction; `push(i)` pushes argument i (see FlagsKind).
   * @param plain an addition or subtraction without carry in: its operands alone decide its conditions
   */
  set(kind: FlagsKind, bits: Bits, plain: boolean, push: (i: number) => void): void {
    if (kind === 'carry' || kind === 'rotate') return this.amend(kind, push);
    const { w } = this;
    const code = codes[kind];
    if ((code & KEEPS_CARRY) !== 0) this.captureCarry();
    const wide = bits === 64;
    this.pushExtended(bits, push);
    w.setLocal(wide ? this.r64 : this.r);
    if (code === EXPLICIT) {
      push(1);
      w.i32Const(31);
      this.op('i32.shl');
      push(1);
      push(2);
      this.op('i32.xor');
      w.i32Const(30);
      this.op('i32.shl');
      this.op('i32.or');
      push(3);
      w.i32Const(3);
      this.op('i32.shl');
      this.op('i32.or');
      w.setLocal(this.a);
    } else if (code === IMAGE) {
      push(1);
      w.setLocal(this.a);
    } else if (code !== LOGIC) {
      push(1);
      w.setLocal(wide ? this.a64 : this.a);
      if ((code & KEEPS_CARRY) !== 0) {
        if (wide) w.i64Const(1n);
        else w.i32Const(1);
      } else push(2);
      w.setLocal(wide ? this.c64 : this.c);
    }
    w.i32Const(code | (bits << 8));
    w.setLocal(this.kind);
    this.endLate();
    const known = { kind: code, bits, plain };
    this.release(known);
    this.known = known;
  }
  /** Zeroes the locals that mean nothing any more: every way out would keep their old values alive. */
  private release(next: KnownFlags): void {
    const { w, known } = this;
    const used = this.localsOf(next);
    const before = known ? this.localsOf(known) : this.inUse;
    for (const local of before) {
      if (used.includes(local)) continue;
      if (this.isWide(local)) w.i64Const(0n);
      else w.i32Const(0);
      w.setLocal(local);
    }
  }

  /** CF alone, or CF and OF: the flags stay what they were otherwise. */
  private amend(kind: Amendment, push: (i: number) => void): void {
    const { w, known } = this;
    push(0);
    if (kind === 'carry') w.setLocal(this.carry);
    else {
      w.i32Const(31);
      this.op('i32.shl');
      push(1);
      w.i32Const(30);
      this.op('i32.shl');
      this.op('i32.or');
      w.setLocal(this.top);
    }
    const [keep, add] = kind === 'carry' ? [-1, KEEPS_CARRY] : [~KEEPS_CARRY, ROTATED];
    if (known) {
      const code = (known.kind & keep) | add;
      w.i32Const(code | (known.bits << 8));
      this.known = { kind: code, bits: known.bits, plain: false };
    } else {
      w.get(this.kind);
      w.i32Const(keep);
      this.op('i32.and');
      w.i32Const(add);
      this.op('i32.or');
    }
    w.setLocal(this.kind);
  }

  /** Before INC and DEC: CF goes to its own local (where it is already after another INC or DEC). */
  private captureCarry(): void {
    const { w, known } = this;
    if (known && (known.kind & KEEPS_CARRY) !== 0) return;
    if (known) {
      this.pushFlag('cf');
      w.setLocal(this.carry);
      return;
    }
    w.get(this.kind);
    w.i32Const(KEEPS_CARRY);
    this.op('i32.and');
    this.op('i32.eqz');
    w.if();
    this.pushAux();
    w.i32Const(31);
    this.op('i32.shr_u');
    w.setLocal(this.carry);
    w.end();
  }

  /** Writes the state page's form, unless nothing set flags since the entry. */
  spill(): void {
    const { w } = this;
    this.known = null;
    this.settleLate();
    w.get(this.kind);
    w.i32Const(CHANGED);
    this.op('i32.and');
    w.if();
    w.get(this.state);
    this.pushResult();
    w.memory(OP.i64Store, FLAG_RESULT);
    w.get(this.state);
    this.pushAux();
    w.memory(OP.i32Store, FLAG_AUX);
    w.end();
  }

  // Reading
  /** Pushes one flag (i32 0 or 1). */
  pushFlag(name: FlagName): void {
    const { w, known } = this;
    if (known && this.pushKnownFlag(name, known)) return;
    switch (name) {
      case 'zf':
        this.pushResult();
        return this.op('i64.eqz');
      case 'sf':
        this.pushResult();
        w.i64Const(63n);
        this.op('i64.shr_u');
        this.op('i32.wrap_i64');
        this.pushAux();
        w.i32Const(1);
        this.op('i32.and');
        return this.op('i32.xor');
      case 'pf':
        this.pushResult();
        this.op('i32.wrap_i64');
        this.pushAux();
        w.i32Const(8);
        this.op('i32.shr_u');
        this.op('i32.xor');
        return this.parity();
      case 'cf':
        this.pushAux();
        w.i32Const(31);
        return this.op('i32.shr_u');
      case 'of':
        this.pushAux();
        w.i32Const(0x40000000);
        this.op('i32.add');
        w.i32Const(31);
        return this.op('i32.shr_u');
      case 'af':
        this.pushAux();
        w.i32Const(3);
        this.op('i32.shr_u');
        w.i32Const(1);
        return this.op('i32.and');
    }
  }
  private parity(): void {
    const { w } = this;
    w.i32Const(0xff);
    this.op('i32.and');
    this.op('i32.popcnt');
    w.i32Const(1);
    this.op('i32.and');
    this.op('i32.eqz');
  }
  private result(bits: Bits): string {
    this.w.get(bits === 64 ? this.r64 : this.r);
    return bits === 64 ? 'i64' : 'i32';
  }
  private zero(t: string): void {
    if (t === 'i64') this.w.i64Const(0n);
    else this.w.i32Const(0);
  }
  private pushKnownFlag(name: FlagName, { kind, bits, plain }: KnownFlags): boolean {
    const { w } = this;
    if (kind >= IMAGE && (name === 'sf' || name === 'pf')) return false;
    switch (name) {
      case 'zf':
        this.op(`${this.result(bits)}.eqz`);
        return true;
      case 'sf': {
        const t = this.result(bits);
        this.zero(t);
        this.op(`${t}.lt_s`);
        return true;
      }
      case 'pf':
        if (this.result(bits) === 'i64') this.op('i32.wrap_i64');
        this.parity();
        return true;
      case 'cf':
        if ((kind & KEEPS_CARRY) !== 0) w.get(this.carry);
        else if ((kind & ROTATED) !== 0) {
          w.get(this.top);
          w.i32Const(31);
          this.op('i32.shr_u');
        } else if (kind === LOGIC) w.i32Const(0);
        else if (plain && kind === SUB) this.below(bits, this.a, this.a64, this.c, this.c64);
        else if (plain && kind === ADD && bits >= 32)
          this.below(bits, this.r, this.r64, this.a, this.a64);
        else return false;
        return true;
      case 'of':
        if ((kind & ROTATED) === 0) return false;
        w.get(this.top);
        w.i32Const(0x40000000);
        this.op('i32.add');
        w.i32Const(31);
        this.op('i32.shr_u');
        return true;
      default:
        return false;
    }
  }

  /** Is the first of two locals below the second? */
  private below(bits: Bits, x: number, x64: number, y: number, y64: number): void {
    const wide = bits === 64;
    this.w.get(wide ? x64 : x);
    this.w.get(wide ? y64 : y);
    this.op(wide ? 'i64.lt_u' : 'i32.lt_u');
  }

  /** Pushes a condition code 0–15. */
  pushCondition(code: number): void {
    const { known } = this;
    if (known && this.pushFused(code, known.kind, known.bits, known.plain)) return;
    this.pushGeneric(code >> 1);
    if (code & 1) this.op('i32.eqz');
  }
  private pushGeneric(base: number): void {
    switch (base) {
      case 0:
        return this.pushFlag('of');
      case 1:
        return this.pushFlag('cf');
      case 2:
        return this.pushFlag('zf');
      case 3:
        this.pushFlag('cf');
        this.pushFlag('zf');
        return this.op('i32.or');
      case 4:
        return this.pushFlag('sf');
      case 5:
        return this.pushFlag('pf');
      case 6:
        this.pushFlag('sf');
        this.pushFlag('of');
        return this.op('i32.xor');
      default:
        this.pushFlag('sf');
        this.pushFlag('of');
        this.op('i32.xor');
        this.pushFlag('zf');
        return this.op('i32.or');
    }
  }
  /** Comparisons that need no carries. */
  private pushFused(code: number, kind: number, bits: Bits, plain: boolean): boolean {
    const base = code >> 1;
    const { w } = this;
    const t = bits === 64 ? 'i64' : 'i32';
    if (kind === LOGIC && (base === 3 || base >= 6)) {
      // CF = OF = 0: BE is E, L is S, LE is "not positive".
      this.result(bits);
      this.zero(t);
      const names: Record<number, [string, string]> = {
        3: ['eq', 'ne'],
        6: ['lt_s', 'ge_s'],
        7: ['le_s', 'gt_s'],
      };
      this.op(`${t}.${names[base][code & 1]}`);
      return true;
    }
    if (kind === LOGIC && (base === 0 || base === 1)) {
      w.i32Const(code & 1);
      return true;
    }
    if (kind !== SUB || !plain) return false;
    const unsigned: Record<number, [string, string]> = {
      1: ['lt_u', 'ge_u'],
      2: ['eq', 'ne'],
      3: ['le_u', 'gt_u'],
    };
    const signed: Record<number, [string, string]> = { 6: ['lt_s', 'ge_s'], 7: ['le_s', 'gt_s'] };
    const names = unsigned[base] ?? signed[base];
    if (!names) return false;
    for (const local of bits === 64 ? [this.a64, this.c64] : [this.a, this.c]) {
      w.get(local);
      if (base >= 6 && bits === 8) this.op('i32.extend8_s');
      if (base >= 6 && bits === 16) this.op('i32.extend16_s');
    }
    this.op(`${t}.${names[code & 1]}`);
    return true;
  }
}
