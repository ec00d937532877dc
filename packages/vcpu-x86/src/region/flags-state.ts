// Lazy flags of a hot region: what set them last and its operands, in locals. Setting flags costs moves that V8 makes free; the
// state page's form (ir/flags.ts) is computed only where control leaves the region, conditions mostly fuse with what set them.
import type { Bits, FlagName, FlagsKind } from '../ir/node.js';
import { FLAG_AUX, FLAG_RESULT } from '../state/layout.js';
import type { FunctionWriter } from '../wasm/encoder.js';
import { I32, I64, OP, PURE } from '../wasm/opcodes.js';

/** Kinds as the local `kind` holds them, plus the width in bits << 8. */
const ENTRY = 0;
const ADD = 1;
const SUB = 2;
const LOGIC = 3;
const EXPLICIT = 4;
/** INC and DEC have this bit: CF is in a local of its own. */
const KEEPS_CARRY = 8;
const INC = KEEPS_CARRY | ADD;
const DEC = KEEPS_CARRY | SUB;
const codes: Readonly<Record<Exclude<FlagsKind, 'carry'>, number>> = {
  add: ADD,
  sub: SUB,
  logic: LOGIC,
  explicit: EXPLICIT,
  inc: INC,
  dec: DEC,
};

/** What set the flags last, where that is certain. */
export interface KnownFlags {
  readonly kind: number;
  readonly bits: Bits;
  readonly plain: boolean;
}

export class FlagsState {
  private readonly w: FunctionWriter;
  private readonly state: number;
  private readonly wide: boolean;
  /** Locals: kind; result, operands for 32 bits and fewer (8 and 16: result sign-extended); the same for 64; CF of INC and DEC. */
  private readonly kind: number;
  private readonly r: number;
  private readonly a: number;
  private readonly c: number;
  private readonly r64: number;
  private readonly a64: number;
  private readonly c64: number;
  private readonly carry: number;
  /** The kind is known here. */
  private known: KnownFlags | null = null;

  constructor(w: FunctionWriter, state: number, wide: boolean) {
    this.w = w;
    this.state = state;
    this.wide = wide;
    this.kind = w.ownLocal(I32);
    this.r = w.ownLocal(I32);
    this.a = w.ownLocal(I32);
    this.c = w.ownLocal(I32);
    this.carry = w.ownLocal(I32);
    this.r64 = wide ? w.ownLocal(I64) : -1;
    this.a64 = wide ? w.ownLocal(I64) : -1;
    this.c64 = wide ? w.ownLocal(I64) : -1;
  }

  private op(name: string): void {
    const { w } = this;
    w.op(PURE.get(name) as number);
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
    w.i32Const(ENTRY);
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
   * @param plain a subtraction without borrow in: its operands alone decide its conditions
   */
  set(
    kind: Exclude<FlagsKind, 'carry'>,
    bits: Bits,
    plain: boolean,
    push: (i: number) => void,
  ): void {
    const { w } = this;
    const code = codes[kind];
    if ((code & KEEPS_CARRY) !== 0) this.captureCarry();
    const wide = bits === 64;
    push(0);
    if (bits === 8) this.op('i32.extend8_s');
    else if (bits === 16) this.op('i32.extend16_s');
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
    this.known = { kind: code, bits, plain };
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

  /** The result as i64, sign-extended. */
  private pushResult(): void {
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
    w.get(this.kind);
    this.op('i32.eqz');
    this.op('i32.or');
    w.op(OP.select);
  }

  /** The aux word (ir/flags.ts) of whatever set the flags. */
  private pushAux(): void {
    const { w, known } = this;
    if (known) return this.pushAuxOf(known.kind, known.bits);
    const kind = (): void => {
      w.get(this.kind);
      w.i32Const(7);
      this.op('i32.and');
    };
    // ENTRY and EXPLICIT hold it; LOGIC has none; ADD and SUB compute it.
    kind();
    w.i32Const(3);
    this.op('i32.and');
    this.op('i32.eqz');
    w.if(I32);
    w.get(this.a);
    w.else();
    kind();
    w.i32Const(LOGIC);
    this.op('i32.eq');
    w.if(I32);
    w.i32Const(0);
    w.else();
    if (this.wide) {
      w.get(this.kind);
      w.i32Const(64 << 8);
      this.op('i32.and');
      w.if(I32);
      this.pushSelectedCarries(true);
      w.else();
      this.pushSelectedCarries(false);
      w.end();
    } else this.pushSelectedCarries(false);
    this.keepCarry(() => {
      w.get(this.kind);
      w.i32Const(KEEPS_CARRY);
      this.op('i32.and');
    });
    w.end();
    w.end();
  }
  /** Carries of ADD or SUB, by the kind at run time, packed. */
  private pushSelectedCarries(wide: boolean): void {
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
  private pushCarries(kind: number, wide: boolean): void {
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
  private pack(shift: () => void): void {
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
  private pack64(): void {
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
  private pushAuxOf(kind: number, bits: Bits): void {
    const { w } = this;
    if (kind === EXPLICIT || kind === ENTRY) return w.get(this.a);
    if (kind === LOGIC) return w.i32Const(0);
    this.pushCarries(kind & 3, bits === 64);
    if (bits === 64) this.pack64();
    else this.pack(() => w.i32Const(32 - bits));
    if ((kind & KEEPS_CARRY) !== 0) this.keepCarry(null);
  }
  /** Puts the kept CF into the aux word on the stack, OF unchanged; `when` pushes a condition, null: always. */
  private keepCarry(when: (() => void) | null): void {
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

  /** Writes the state page's form, unless nothing set flags since the entry. */
  spill(): void {
    const { w } = this;
    this.known = null;
    w.get(this.kind);
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
    if (known && this.pushKnownFlag(name, known.kind, known.bits)) return;
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
  private pushKnownFlag(name: FlagName, kind: number, bits: Bits): boolean {
    const { w } = this;
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
        else if (kind === LOGIC) w.i32Const(0);
        else return false;
        return true;
      default:
        return false;
    }
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
