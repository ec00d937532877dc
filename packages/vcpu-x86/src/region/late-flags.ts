// INC and DEC whose flags only a way out would see. They keep CF, and to find that takes longer than they do; but mostly the block goes
// on to replace all flags before anything looks at them. Such an INC or DEC is late: what set the flags before it stays as it is, and
// CF is found on the way out, if that is taken.
import type { Bits } from '../ir/node.js';
import { I32, I64 } from '../wasm/opcodes.js';
import { DEC, FlagsLocals, INC } from './flags-locals.js';

/** Locals of a late INC or DEC: its kind with the width, 0 if there is none; its result and old value; the same for 64 bits. */
interface LateLocals {
  readonly kind: number;
  readonly r: number;
  readonly a: number;
  readonly r64: number;
  readonly a64: number;
}

/** Flags in locals, and beside them the last late INC or DEC. */
export class LateFlags extends FlagsLocals {
  /** If the region has any. */
  private locals: LateLocals | null = null;
  /** One stands behind what set the flags. */
  private isLate = false;

  /** Flags of a late INC or DEC; `push(i)` pushes argument i (see FlagsKind). */
  setLate(kind: 'inc' | 'dec', bits: Bits, push: (i: number) => void): void {
    const { w, wide } = this;
    this.locals ??= {
      kind: w.ownLocal(I32),
      r: w.ownLocal(I32),
      a: w.ownLocal(I32),
      r64: wide ? w.ownLocal(I64) : -1,
      a64: wide ? w.ownLocal(I64) : -1,
    };
    const { locals } = this;
    this.pushExtended(bits, push);
    w.setLocal(bits === 64 ? locals.r64 : locals.r);
    push(1);
    w.setLocal(bits === 64 ? locals.a64 : locals.a);
    w.i32Const((kind === 'inc' ? INC : DEC) | (bits << 8));
    w.setLocal(locals.kind);
    this.isLate = true;
  }
  /** Something replaces the flags. */
  protected endLate(): void {
    if (!this.isLate || !this.locals) return;
    this.w.i32Const(0);
    this.w.setLocal(this.locals.kind);
    this.isLate = false;
  }
  /** On the way out: the late INC or DEC, if there is one, becomes what set the flags last, with the CF of what did before. */
  protected settleLate(): void {
    const { w, locals, wide } = this;
    if (!locals) return;
    w.get(locals.kind);
    w.if();
    this.pushAux();
    w.i32Const(31);
    this.op('i32.shr_u');
    w.setLocal(this.carry);
    const move = (from: number, to: number): void => {
      w.get(from);
      w.setLocal(to);
    };
    move(locals.kind, this.kind);
    move(locals.r, this.r);
    move(locals.a, this.a);
    w.i32Const(1);
    w.setLocal(this.c);
    if (wide) {
      move(locals.r64, this.r64);
      move(locals.a64, this.a64);
      w.i64Const(1n);
      w.setLocal(this.c64);
    }
    w.end();
  }
}
