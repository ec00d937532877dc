// The flags of a hot region in locals: what set them last and its operands, and from those the state page's two words
// (ir/flags.ts), whose kind is known here or found at run time.
import type { Bits } from '../ir/node.js';
import type { FunctionWriter } from '../wasm/encoder.js';
import { I32, I64, OP, PURE } from '../wasm/opcodes.js';

/** Kinds as the local `kind` holds them, plus the width in bits << 8. */
export const ENTRY = 0;
export const ADD = 1;
export const SUB = 2;
export const LOGIC = 3;
export const EXPLICIT = 4;
/** The state page's two words, whatever they say. */
export const IMAGE = 32 | EXPLICIT;
/** INC and DEC, and what sets CF alone, have this bit: CF is in a local of its own. */
export const KEEPS_CARRY = 8;
/** A rotate came behind what set the other flags: CF and OF are in a local of their own. */
export const ROTATED = 16;
/** What set the flags, without what came behind it. */
const BASE = 7;
/** Something set flags since the entry. */
export const CHANGED: number = BASE | KEEPS_CARRY | ROTATED;
export const INC = KEEPS_CARRY | ADD;
export const DEC = KEEPS_CARRY | SUB;
/** What set the flags last, where that is certain. */
export interface KnownFlags {
  readonly kind: number;
  readonly bits: Bits;
  readonly plain: boolean;
}
/** Locals and the words computed from them. */
export class FlagsLocals {
  protected readonly w: FunctionWriter;
  protected readonly state: number;
  protected readonly wide: boolean;
  /** Locals: kind; result, operands for 32 bits and fewer (8 and 16: result sign-extended); the same for 64; CF where KEEPS_CARRY; the aux word's top bits where ROTATED. */
  protected readonly kind: number;
  protected readonly r: number;
  protected readonly a: number;
  protected readonly c: number;
  protected readonly r64: number;
  protected readonly a64: number;
  protected readonly c64: number;
  protected readonly carry: number;
  protected readonly top: number;
  /** The kind is known here. */
  protected known: KnownFlags | null = null;

  constructor(w: FunctionWriter, state: number, wide: boolean) {
    this.w = w;
    this.state = state;
    this.wide = wide;
    this.kind = w.ownLocal(I32);
    this.r = w.ownLocal(I32);
    this.a = w.ownLocal(I32);
    this.c = w.ownLocal(I32);
    this.carry = w.ownLocal(I32);
    this.top = w.ownLocal(I32);
    this.r64 = wide ? w.ownLocal(I64) : -1;
    this.a64 = wide ? w.ownLocal(I64) : -1;
    this.c64 = wide ? w.ownLocal(I64) : -1;
  }
  protected isWide(local: number): boolean {
    return local === this.r64 || local === this.a64 || local === this.c64;
  }
  /** The locals that say what the flags are. */
  protected localsOf({ kind, bits }: KnownFlags): readonly number[] {
    const wide = bits === 64;
    const used = [wide ? this.r64 : this.r];
    const base = kind & BASE;
    if (base === EXPLICIT || base === ENTRY) used.push(this.a);
    else if (base !== LOGIC) used.push(wide ? this.a64 : this.a, wide ? this.c64 : this.c);
    if ((kind & KEEPS_CARRY) !== 0) used.push(this.carry);
    if ((kind & ROTATED) !== 0) used.push(this.top);
    return used;
  }
  protected op(name: string): void {
    const { w } = this;
    w.op(PURE.get(name) as number);
  }
  /** Pushes argument 0 of what sets flags, the result, as its local has it. */
  protected pushExtended(bits: Bits, push: (i: number) => void): void {
    push(0);
    if (bits === 8) this.op('i32.extend8_s');
    else if (bits === 16) this.op('i32.extend16_s');
  }
  /** The result as i64, sign-extended. */
  protected pushResult(): void {
    const { w } = this;
    if (!this.wide) {
      w.get(this.r);
      this.op('i64.extend_i32_s');
      return;
    }
    w.get(this.r64);
    w.get(this.r);
    this.op('i64.extend_i32_s');
    w.get(this.kind);
    w.i32Const(64 << 8);
    this.op('i32.and');
    w.op(OP.select);
  }
  /** Pushes a bit of the kind at run time. */
  private kindBit(bit: number): void {
    const { w } = this;
    w.get(this.kind);
    w.i32Const(bit);
    this.op('i32.and');
  }

  /** The aux word (ir/flags.ts) of whatever set the flags. */
  protected pushAux(): void {
    const { w, known } = this;
    if (known) return this.pushAuxOf(known.kind, known.bits);
    // ENTRY and EXPLICIT hold it; LOGIC has none; ADD and SUB compute it.
    this.kindBit(3);
    this.op('i32.eqz');
    w.if(I32);
    w.get(this.a);
    w.else();
    this.kindBit(BASE);
    w.i32Const(LOGIC);
    this.op('i32.eq');
    w.if(I32);
    w.i32Const(0);
    w.else();
    if (this.wide) {
      this.kindBit(64 << 8);
      w.if(I32);
      this.pushSelectedCarries(true);
      w.else();
      this.pushSelectedCarries(false);
      w.end();
    } else this.pushSelectedCarries(false);
    w.end();
    w.end();
    this.replaceTop(() => this.kindBit(ROTATED));
    this.keepCarry(() => this.kindBit(KEEPS_CARRY));
  }
  /** Carries of ADD or SUB, by the kind at run time, packed. */
  protected pushSelectedCarries(wide: boolean): void {
    const { w } = this;
    this.pushCarries(ADD, wide);
    this.pushCarries(SUB, wide);
    w.get(this.kind);
    w.i32Const(ADD);
    this.op('i32.and');
    w.op(OP.select);
    if (wide) this.pack64();
    else
      this.pack(() => {
        w.i32Const(32);
        w.get(this.kind);
        w.i32Const(8);
        this.op('i32.shr_u');
        this.op('i32.sub');
      });
  }
  protected pushCarries(kind: number, wide: boolean): void {
    const { w } = this;
    const t = wide ? 'i64' : 'i32';
    const [a, c, r] = wide ? [this.a64, this.c64, this.r64] : [this.a, this.c, this.r];
    const ones = (): void => {
      if (wide) w.i64Const(-1n);
      else w.i32Const(-1);
      this.op(`${t}.xor`);
    };
    w.get(a);
    if (kind === SUB) ones();
    w.get(c);
    this.op(`${t}.and`);
    w.get(a);
    w.get(c);
    if (kind === SUB) {
      this.op(`${t}.xor`);
      ones();
      w.get(r);
    } else {
      this.op(`${t}.or`);
      w.get(r);
      ones();
    }
    this.op(`${t}.and`);
    this.op(`${t}.or`);
  }
  /** Packs an i32 carry vector: top two bits, and bit 3. `shift` pushes 32 - bits. */
  protected pack(shift: () => void): void {
    const { w } = this;
    const v = w.newLocal(I32);
    w.tee(v);
    shift();
    this.op('i32.shl');
    w.i32Const(0xc0000000 | 0);
    this.op('i32.and');
    w.get(v);
    w.i32Const(8);
    this.op('i32.and');
    this.op('i32.or');
  }
  protected pack64(): void {
    const { w } = this;
    const v = w.newLocal(I64);
    w.tee(v);
    w.i64Const(32n);
    this.op('i64.shr_u');
    this.op('i32.wrap_i64');
    w.i32Const(0xc0000000 | 0);
    this.op('i32.and');
    w.get(v);
    this.op('i32.wrap_i64');
    w.i32Const(8);
    this.op('i32.and');
    this.op('i32.or');
  }
  protected pushAuxOf(kind: number, bits: Bits): void {
    const { w } = this;
    const base = kind & BASE;
    if (base === EXPLICIT || base === ENTRY) w.get(this.a);
    else if (base === LOGIC) w.i32Const(0);
    else {
      this.pushCarries(base, bits === 64);
      if (bits === 64) this.pack64();
      else this.pack(() => w.i32Const(32 - bits));
    }
    if ((kind & ROTATED) !== 0) this.replaceTop(null);
    if ((kind & KEEPS_CARRY) !== 0) this.keepCarry(null);
  }
  /** Puts what a rotate left into the aux word on the stack; `when` pushes a condition, null: always. */
  private replaceTop(when: (() => void) | null): void {
    const { w } = this;
    const aux = w.newLocal(I32);
    w.tee(aux);
    w.i32Const(0x3fffffff);
    this.op('i32.and');
    w.get(this.top);
    this.op('i32.or');
    if (!when) return;
    w.get(aux);
    when();
    w.op(OP.select);
  }
  /** Puts the kept CF into the aux word on the stack, OF unchanged; `when` pushes a condition, null: always. */
  protected keepCarry(when: (() => void) | null): void {
    const { w } = this;
    const aux = w.newLocal(I32);
    w.setLocal(aux);
    const merged = (): void => {
      // OF = bit 31 ^ bit 30 stays: flip bit 30 whenever bit 31 changes.
      w.get(aux);
      w.get(aux);
      w.i32Const(31);
      this.op('i32.shr_u');
      w.get(this.carry);
      this.op('i32.xor');
      w.i32Const(3);
      this.op('i32.mul');
      w.i32Const(30);
      this.op('i32.shl');
      this.op('i32.xor');
    };
    if (!when) return merged();
    merged();
    w.get(aux);
    when();
    w.op(OP.select);
  }
}
