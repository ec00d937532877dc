// Which SSE registers hold no denormal in their low element, within a block: an operation of known ones asks its result alone. That no
// denormal came of what was asked is what an instruction's `expect` says (ir/node.ts).
import type { Node } from '../ir/node.js';
import { XMM } from '../state/layout.js';

const XMM_END = XMM + 256;

/** Where a `get` or `set` has a part of an SSE register in the state page; -1: elsewhere. */
const placeOf = (n: Node): number => {
  if ((n.op !== 'get' && n.op !== 'set') || !('offset' in n.slot)) return -1;
  const at = n.base + n.slot.offset;
  return at >= XMM && at < XMM_END ? at : -1;
};

/** Of which value a condition says that it is no denormal; null: it says something else. */
const askedOf = (condition: Node): Node | null =>
  condition.op === 'pure' && condition.name.endsWith('.no_denormal') ? condition.args[0] : null;

export class FloatFacts {
  /** By place in the state page, bits of the number there. */
  private readonly known = new Map<number, number>();

  /** A block begins, where control comes from several places. */
  forget(): void {
    this.known.clear();
  }
  /** Is it known that a condition holds: that a register has no denormal? */
  has(condition: Node): boolean {
    const value = askedOf(condition);
    return value?.op === 'get' && this.known.get(placeOf(value)) === value.bits;
  }
  /** What the condition of an `expect` says is so from now on. */
  learn(condition: Node): void {
    const value = askedOf(condition);
    if (value?.op === 'get' && placeOf(value) >= 0) this.known.set(placeOf(value), value.bits);
  }
  /** A `set` is about to be done. */
  set(n: Node & { op: 'set' }): void {
    const [value] = n.args;
    const at = placeOf(n);
    if (at < 0) {
      if (!('offset' in n.slot)) this.forget();
      return;
    }
    const from = placeOf(value);
    const bits = value.op === 'get' && from >= 0 ? (this.known.get(from) ?? 0) : 0;
    this.lose(at, n.bits / 8);
    if (value.op === 'get' && bits > 0 && bits <= n.bits && value.bits === n.bits)
      this.known.set(at, bits);
  }
  /** A routine writes the register whose place is its first argument. */
  called(n: Node & { op: 'call' }): void {
    const [first] = n.args;
    if (first?.op !== 'const') this.forget();
    else this.lose(Number(first.value), 16);
  }
  private lose(at: number, bytes: number): void {
    for (const [place, bits] of this.known)
      if (place < at + bytes && at < place + bits / 8) this.known.delete(place);
  }
}
