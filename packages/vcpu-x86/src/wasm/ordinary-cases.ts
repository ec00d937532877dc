// The emitter of routines' ordinary cases (semantics/fast-routine.ts).
import type { Node } from '../ir/node.js';
import { TLB_READ, TLB_WRITE } from '../mmu/tlb.js';
import { Emitter, wasmType } from './emit.js';
import type { EmitTarget } from './emit-target.js';
import type { Label } from './encoder.js';
import { PURE } from './opcodes.js';

/** Gives up where it would raise, or the TLB lacks a page. */
export class OrdinaryCases extends Emitter {
  private readonly givesUp: Label;

  constructor(target: EmitTarget, givesUp: Label) {
    super(target);
    this.givesUp = givesUp;
  }

  protected override statement(n: Node): void {
    if (n.op === 'raise') this.w.br(this.givesUp);
    else super.statement(n);
  }
  private reach(address: Node, bits: number, tag: number): void {
    const { w, access } = this;
    const linear = this.toLocal(address);
    const entry = access.probe(linear, bits / 8, tag);
    w.op(PURE.get('i32.eqz') as number);
    w.brIf(this.givesUp);
    access.pushHost(entry, linear);
  }
  protected override load(n: Node & { op: 'load' }): void {
    const { bits } = n.access;
    this.reach(n.args[0], bits, TLB_READ);
    this.access.loadBits(bits, 0);
    const result = this.w.newLocal(wasmType(n.type));
    this.w.setLocal(result);
    this.held.set(n, result);
  }
  protected override store(n: Node & { op: 'store' }): void {
    const [address, source] = n.args;
    const { bits } = n.access;
    const value = this.toLocal(source);
    this.reach(address, bits, TLB_WRITE);
    this.w.get(value);
    this.access.storeBits(bits, source.type, 0);
  }
}
