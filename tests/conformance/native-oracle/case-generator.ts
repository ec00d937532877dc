// Makes random and edge cases of an instruction form. The caller's encoder chooses the bytes and
// says which registers and memory they name; this file chooses all values, and solves the address
// registers so that memory operands land in the data window (or, now and then, just outside it).
import {
  drawExtended,
  drawInteger,
  drawLanes,
  type IntegerWidth,
  type Lane,
} from './edge-values.js';
import { gprOf, setGpr } from './native-case.js';
import {
  CODE_ADDRESS,
  FXSAVE_BYTES,
  type NativeCase,
  SEGMENT_DEFAULT,
  WINDOW_ADDRESS,
  WINDOW_BYTES,
  type WindowBytes,
  type WindowProtection,
} from './protocol.js';
import { Random } from './random.js';

/** A general register that the instruction reads as an operand. */
export interface RegisterOperand {
  /** Encoding number, 0–15; with `high`, 0–3 for AH CH DH BH. */
  readonly register: number;
  readonly width: IntegerWidth;
  readonly high?: boolean;
  /** Largest value, for counts (REP, ENTER): the operand is drawn from 0 to this, unsigned. */
  readonly max?: number;
}

/** A memory operand, explicit or implied (string, stack): where its address comes from. */
export interface MemoryReference {
  /** Register numbers; leave both out for an absolute or RIP-relative address. */
  readonly base?: number | undefined;
  readonly index?: number | undefined;
  readonly scale?: 1 | 2 | 4 | 8 | undefined;
  readonly displacement?: number;
  readonly addressBits: 16 | 32 | 64;
  readonly byteLength: number;
  /** Bytes below the address that are used too (pushes, strings with DF): kept in the window. */
  readonly reachBelow?: number;
  /** Alignment whose violation faults (MOVAPS: 16); most draws respect it. */
  readonly alignment?: number;
  /** How the operand's bytes are drawn; absent: one integer of `byteLength` or the seeded bytes. */
  readonly lane?: Lane | 'extended';
  /** False keeps the operand wholly inside the window (default: 1 in 16 leaves it). */
  readonly mayFault?: boolean;
  /** Base of the segment that the access goes through, if not `dataBase`. */
  readonly segmentBase?: number;
  /** Offset in the window of an operand whose address the encoder has fixed (no base, no index). */
  readonly offset?: number;
  /** The operand's bytes, instead of drawn ones. */
  readonly bytes?: ((draft: CaseDraft, random: Random) => Uint8Array | undefined) | undefined;
}

/** One encoding of a form, as the ISA tables' encoder gives it. */
export interface EncodedInstruction {
  readonly code: Uint8Array;
  readonly registers?: readonly RegisterOperand[];
  readonly memory?: readonly MemoryReference[];
  /** Kind of the XMM (and MMX) lanes; absent: XMM registers hold random integers. */
  readonly lane?: Lane;
  /** x87 draws control, status, tags and registers; mmx draws registers, all tagged valid. */
  readonly fpu?: 'x87' | 'mmx';
  /** A single step (TF) instead of running to INT3: one iteration of a REP string. */
  readonly steps?: number;
  /** Last word on the case, for what the fields above cannot say (quotients that fit, …). */
  adjust?(draft: CaseDraft, random: Random): void;
}

/** A form to test: a name for reports, and an encoder that may draw operands from `random`. */
export interface InstructionForm {
  readonly name: string;
  encode(random: Random): EncodedInstruction;
}

/** A case in the making; the arrays are its own. */
export interface CaseDraft extends NativeCase {
  rflags: number;
  protection: WindowProtection;
  patches: WindowBytes[];
}

export interface GeneratedCase {
  readonly form: InstructionForm;
  readonly encoded: EncodedInstruction;
  readonly input: NativeCase;
}

export interface CaseGeneratorOptions {
  readonly seed: number;
  /** 16 and 32 keep the upper register halves zero. 16 needs `segments` from the LDT. */
  readonly bits: 16 | 32 | 64;
  /** Base of the data segments; the window is at WINDOW_ADDRESS - dataBase in them. Default 0. */
  readonly dataBase?: number;
  /** Base of CS; the entry point is CODE_ADDRESS - codeBase. Default 0. */
  readonly codeBase?: number;
  readonly segments?: Uint16Array;
}

const STATUS_FLAGS = 0x8d5; // CF PF AF ZF SF OF
const FLAG_DF = 0x400;
const FLAG_ID = 0x20_0000;
const CASES_PER_WINDOW_SEED = 64;

/** Draws cases; the same options and calls give the same cases. */
export class CaseGenerator {
  readonly #random: Random;
  readonly #options: CaseGeneratorOptions;
  #windowSeed = 0;
  #drawn = 0;

  constructor(options: CaseGeneratorOptions) {
    this.#random = new Random(options.seed);
    this.#options = options;
  }

  /** `count` cases of `form`, each encoded anew. */
  take(form: InstructionForm, count: number): GeneratedCase[] {
    return Array.from({ length: count }, () => this.next(form));
  }

  next(form: InstructionForm): GeneratedCase {
    const random = this.#random;
    const encoded = form.encode(random);
    if (this.#drawn++ % CASES_PER_WINDOW_SEED === 0) this.#windowSeed = random.u32();
    const { codeBase = 0, segments } = this.#options;
    const input: CaseDraft = {
      code: encoded.code,
      gpr: this.#drawRegisters(),
      rflags: this.#drawFlags(),
      fxsave: drawFxsave(random, encoded),
      seed: this.#windowSeed,
      patches: [],
      protection: this.#drawProtection(encoded),
      steps: encoded.steps ?? 0,
      rip: CODE_ADDRESS - codeBase,
      segments: segments ?? new Uint16Array(6).fill(SEGMENT_DEFAULT),
      bases: undefined,
    };
    this.#drawOperands(input.gpr, encoded.registers ?? []);
    for (const memory of encoded.memory ?? []) this.#placeMemory(input, memory);
    encoded.adjust?.(input, random);
    if (this.#options.bits !== 64) for (let i = 1; i < 32; i += 2) input.gpr[i] = 0;
    return { form, encoded, input };
  }

  #drawRegisters(): Uint32Array {
    const gpr = new Uint32Array(32);
    for (let i = 0; i < 16; i++) setGpr(gpr, i, drawInteger(this.#random, 64));
    // The stack pointer always has room for the largest implied pushes (PUSHA, ENTER).
    setGpr(gpr, 4, this.#windowOffset() + 0x800 + this.#random.below(0x200) * 8);
    return gpr;
  }

  #windowOffset(): number {
    return WINDOW_ADDRESS - (this.#options.dataBase ?? 0);
  }

  #drawFlags(): number {
    const random = this.#random;
    let flags = 0x202 | (random.u32() & STATUS_FLAGS);
    if (random.oneIn(4)) flags |= FLAG_DF;
    if (random.oneIn(8)) flags |= FLAG_ID;
    return flags;
  }

  #drawProtection(encoded: EncodedInstruction): WindowProtection {
    const mayFault = encoded.memory?.every((memory) => memory.mayFault !== false) ?? false;
    if (!mayFault || this.#random.below(16)) return 'read-write';
    return this.#random.pick(['read-only', 'none']);
  }

  #drawOperands(gpr: Uint32Array, operands: readonly RegisterOperand[]): void {
    const random = this.#random;
    let previous = 0n;
    for (const { register, width, high, max } of operands) {
      let value = drawInteger(random, width);
      if (max !== undefined) value = BigInt(random.below(max + 1));
      // Related operands reach the zero, carry and overflow boundaries that random ones miss.
      else if (random.oneIn(6))
        value = random.pick([previous, -previous, previous + 1n, ~previous]);
      previous = value;
      const shift = high ? 8n : 0n;
      const mask = ((1n << BigInt(width)) - 1n) << shift;
      setGpr(gpr, register, (gprOf(gpr, register) & ~mask) | ((value << shift) & mask));
    }
  }

  #drawTarget(memory: MemoryReference): number {
    const random = this.#random;
    const { byteLength, reachBelow = 0, mayFault = true } = memory;
    const last = WINDOW_BYTES - byteLength;
    const natural = memory.alignment ?? Math.min(byteLength & -byteLength || 1, 16);
    const anywhere = reachBelow + random.below(Math.max(1, last - reachBelow + 1));
    const aligned = Math.max(reachBelow, anywhere - (anywhere % natural));
    if (memory.alignment && random.below(8)) return aligned;
    switch (random.below(16)) {
      case 0:
        return mayFault ? last + 1 + random.below(byteLength + 16) : last;
      case 1:
        return last;
      case 2:
      case 3:
        return WINDOW_BYTES / 2 - 1 - random.below(Math.max(1, byteLength - 1));
      case 4:
      case 5:
      case 6:
        return anywhere;
      default:
        return aligned;
    }
  }

  #placeMemory(draft: CaseDraft, memory: MemoryReference): void {
    const { base, index, scale = 1, displacement = 0, addressBits } = memory;
    let offset = memory.offset ?? this.#drawTarget(memory);
    const width = BigInt(addressBits);
    const wrap = (value: bigint): bigint => BigInt.asUintN(addressBits, value);
    const { dataBase = 0 } = this.#options;
    const start = WINDOW_ADDRESS - (memory.segmentBase ?? dataBase);
    const wanted = BigInt(start + offset) - BigInt(displacement);
    // Bits of a register above the address size are not part of the address: leave them random.
    const put = (register: number, value: bigint): void =>
      setGpr(draft.gpr, register, ((gprOf(draft.gpr, register) >> width) << width) | wrap(value));
    const factor = BigInt(scale);
    if (base === undefined && index === undefined) {
      if (memory.offset === undefined) return;
    } else if (base === undefined || base === index) {
      const factorSum = base === undefined ? factor : factor + 1n;
      put(index as number, wanted / factorSum);
      offset -= Number(wanted % factorSum);
    } else {
      const scaled = index === undefined ? 0n : wrap(gprOf(draft.gpr, index)) * factor;
      put(base, wanted - scaled);
    }
    const bytes = memory.bytes?.(draft, this.#random) ?? this.#drawMemoryBytes(memory);
    const room = WINDOW_BYTES - offset;
    if (bytes && offset >= 0 && room > 0) {
      draft.patches.push({ offset, bytes: bytes.subarray(0, room) });
    }
  }

  #drawMemoryBytes({ lane, byteLength }: MemoryReference): Uint8Array | undefined {
    if (lane === 'extended') return drawExtended(this.#random);
    if (lane) return drawLanes(this.#random, lane, byteLength);
    const integer = ({ 1: 'int8', 2: 'int16', 4: 'int32', 8: 'int64' } as const)[byteLength];
    return integer ? drawLanes(this.#random, integer, byteLength) : undefined;
  }
}

function drawFxsave(random: Random, encoded: EncodedInstruction): Uint8Array {
  const image = new Uint8Array(FXSAVE_BYTES);
  const view = new DataView(image.buffer);
  const float = encoded.lane?.startsWith('float');
  // Exceptions masked mostly; rounding control anywhere; FTZ and DAZ now and then.
  const masks = random.oneIn(8) ? random.below(64) : 63;
  const mxcsr = (masks << 7) | (random.below(4) << 13) | (random.oneIn(8) ? 0x8000 : 0);
  view.setUint32(
    24,
    float
      ? mxcsr | (random.oneIn(8) ? 0x40 : 0) | (random.oneIn(4) ? random.below(64) : 0)
      : 0x1f80,
    true,
  );
  image.set(drawLanes(random, encoded.lane ?? 'int32', 256), 160);
  view.setUint16(0, 0x37f, true);
  if (encoded.fpu === 'mmx') {
    view.setUint16(2, random.below(8) << 11, true);
    view.setUint8(4, 255);
    for (let i = 0; i < 8; i++) {
      image.set(drawLanes(random, encoded.lane ?? 'int32', 8), 32 + i * 16);
      view.setUint16(32 + i * 16 + 8, random.oneIn(2) ? 0xffff : random.below(0x10000), true);
    }
  } else if (encoded.fpu === 'x87') {
    drawX87(random, view, image);
  }
  return image;
}

function drawX87(random: Random, view: DataView, image: Uint8Array): void {
  const masks = random.oneIn(8) ? random.below(64) : 63;
  const precision = random.oneIn(3) ? random.pick([0, 2]) : 3;
  view.setUint16(0, 0x40 | masks | (precision << 8) | (random.below(4) << 10), true);
  const conditions = random.u32() & 0x4700;
  const raised = random.oneIn(4) ? random.below(128) : 0;
  // ES and B say whether an unmasked exception is pending (SDM 1 §8.1.3.3).
  const pending = raised & ~masks & 63 ? 0x8080 : 0;
  view.setUint16(2, conditions | raised | pending | (random.below(8) << 11), true);
  view.setUint8(4, random.oneIn(4) ? random.below(256) : 255);
  for (let i = 0; i < 8; i++) image.set(drawExtended(random), 32 + i * 16);
}
