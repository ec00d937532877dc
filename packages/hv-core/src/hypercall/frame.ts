// HypercallFrame: one hypercall on its way: its arguments, the record they point to, and the progress it makes. One is reused for all
// hypercalls of a vCPU, a second one for those inside a multicall.
import type { ScalarField } from '@proxeny/memory';
import type { Domain } from '../domain.js';
import type { Hypervisor } from '../hypervisor.js';
import type { Vcpu } from '../vcpu.js';
import { RESTART } from './continuation.js';

const TWO_32 = 4294967296;
/** The largest record a hypercall takes in one piece. */
const RECORD_BYTES = 2048;

export class HypercallFrame {
  readonly vcpu: Vcpu;
  readonly domain: Domain;
  readonly hypervisor: Hypervisor;
  /** The caller's word size. */
  readonly word: 32 | 64;
  number = 0;
  readonly low: Uint32Array = new Uint32Array(6);
  readonly high: Uint32Array = new Uint32Array(6);
  /** The record, as copied in; OUT members written here are copied out. */
  readonly bytes: Uint8Array = new Uint8Array(RECORD_BYTES);
  readonly view: DataView;
  /** How much this call may still do before it lets others run. */
  workLeft = 0;

  constructor(vcpu: Vcpu) {
    this.vcpu = vcpu;
    this.domain = vcpu.domain;
    this.hypervisor = vcpu.domain.hypervisor;
    this.word = vcpu.domain.word;
    this.view = new DataView(this.bytes.buffer);
  }

  begin(number: number): void {
    this.number = number;
    this.workLeft = this.hypervisor.workPerCall;
  }

  /** Argument `index` as C's unsigned int: its low 32 bits. */
  uint(index: number): number {
    return this.low[index] as number;
  }

  /** Argument `index` as unsigned long; above 2^53 rounded, never below. */
  ulong(index: number): number {
    return (this.high[index] as number) * TWO_32 + (this.low[index] as number);
  }

  /** Argument `index` as a linear address: signed for 64-bit guests. */
  pointer(index: number): number {
    return this.word === 32
      ? (this.low[index] as number)
      : ((this.high[index] as number) | 0) * TWO_32 + (this.low[index] as number);
  }

  /** A pointer in the record. */
  recordPointer(field: ScalarField, base = 0): number {
    return this.word === 32
      ? field.getLow(this.view, base)
      : (field.getHigh(this.view, base) | 0) * TWO_32 + field.getLow(this.view, base);
  }

  setArgument(index: number, value: number): void {
    this.low[index] = value;
    this.high[index] = this.word === 32 ? 0 : Math.floor(value / TWO_32);
  }

  get workSpent(): number {
    return this.hypervisor.workPerCall - this.workLeft;
  }

  /** Spends work; true when it is time to let others run. */
  spend(work: number): boolean {
    this.workLeft -= work;
    return this.workLeft <= 0;
  }

  /** To return from a call that goes on later; its arguments say where. */
  restart(): number {
    return RESTART;
  }
}
