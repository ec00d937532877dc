// GuestContext: a vcpu_guest_context as it was copied in, members by name for both word sizes. arch-x86/xen.h.
import { vcpu_guest_context } from '@proxeny/abi';
import type { ArrayField, PlacedField, ScalarField, StructField } from '@proxeny/memory';

/** General registers as instructions number them. */
const names = {
  32: ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'],
  64: 'rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15'.split(' '),
};

/** 64 bits as halves. */
export type Halves = readonly [low: number, high: number];

export class GuestContext {
  readonly word: 32 | 64;
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #layout: StructField;

  constructor(word: 32 | 64) {
    this.word = word;
    this.#layout = vcpu_guest_context.of(word) as StructField;
    this.bytes = new Uint8Array(this.#layout.byteLength);
    this.#view = new DataView(this.bytes.buffer);
  }

  #member(path: string): PlacedField {
    let at: PlacedField = this.#layout;
    for (const name of path.split('.')) at = (at as StructField).fields[name] as PlacedField;
    return at;
  }

  /** A scalar member, such as `user_regs.rip`. */
  halves(path: string): Halves {
    const field = this.#member(path) as ScalarField;
    return [field.getLow(this.#view, 0), field.getHigh(this.#view, 0)];
  }

  /** Bits 0 to 31 of a scalar member. */
  low(path: string): number {
    return this.halves(path)[0];
  }

  /** A linear address: signed of a 64-bit guest. */
  address(path: string): number {
    const [low, high] = this.halves(path);
    return this.word === 32 ? low : (high | 0) * 2 ** 32 + low;
  }

  /** Element `index` of an array of scalars. */
  element(path: string, index: number): Halves {
    const array = this.#member(path) as ArrayField;
    const element = array.element as ScalarField;
    const at = index * array.stride;
    return [element.getLow(this.#view, at), element.getHigh(this.#view, at)];
  }

  /** A general register. */
  register(number: number): Halves {
    const name = names[this.word][number];
    return name === undefined ? [0, 0] : this.halves(`user_regs.${name}`);
  }

  /** rIP or rFLAGS: members whose names differ. */
  pointer(name: 'ip' | 'flags' | 'sp'): Halves {
    return this.halves(`user_regs.${this.word === 32 ? 'e' : 'r'}${name}`);
  }

  /** The frame a CR3 names. */
  root(index: number): number {
    const [low, high] = this.element('ctrlreg', index);
    const upper = this.word === 32 ? low & 0xfff : high;
    return upper * 2 ** 20 + (low >>> 12);
  }

  /** Entry `vector` of the trap table. */
  trap(vector: number): { flags: number; selector: number; low: number; high: number } {
    const { element, stride } = this.#member('trap_ctxt') as ArrayField;
    const { flags, cs, address } = (element as StructField).fields as Record<string, ScalarField>;
    const at = vector * stride;
    return {
      flags: (flags as ScalarField).get(this.#view, at),
      selector: (cs as ScalarField).get(this.#view, at),
      low: (address as ScalarField).getLow(this.#view, at),
      high: (address as ScalarField).getHigh(this.#view, at),
    };
  }

  /** The FXSAVE image. */
  get floatingPoint(): Uint8Array {
    const { offset, byteLength } = this.#member('fpu_ctxt');
    return this.bytes.subarray(offset, offset + byteLength);
  }
}
