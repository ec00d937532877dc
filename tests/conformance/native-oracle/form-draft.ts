// One encoding of a form in the making: what the encoder (form-encoder.ts) and the implied operands (implied-operands.ts) fill in,
// and its bytes at the end.
import type { Form } from '../../../packages/vcpu-x86/src/isa/form.js';
import type {
  CaseDraft,
  EncodedInstruction,
  MemoryReference,
  RegisterOperand,
} from './case-generator.js';
import type { Lane } from './edge-values.js';
import { gprOf, setGpr } from './native-case.js';
import type { OracleMode } from './oracle-modes.js';
import { CODE_ADDRESS, WINDOW_ADDRESS, WINDOW_BYTES } from './protocol.js';
import type { Random } from './random.js';

export type Adjust = (draft: CaseDraft, random: Random) => void;

export const littleEndian = (value: number | bigint, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, i) => Number((BigInt(value) >> BigInt(8 * i)) & 0xffn));

/** Sets the low `bits` of a general register. */
export function setLow(
  draft: CaseDraft,
  register: number,
  bits: number,
  value: number | bigint,
): void {
  const mask = (1n << BigInt(bits)) - 1n;
  const old = gprOf(draft.gpr, register);
  setGpr(draft.gpr, register, (old & ~mask) | (BigInt(value) & mask));
}

/** Writes into the window, as far as the bytes lie in it. */
export function patchWindow(draft: CaseDraft, offset: number, bytes: Uint8Array): void {
  const from = Math.max(0, -offset);
  const to = Math.min(bytes.length, WINDOW_BYTES - offset);
  if (from < to) draft.patches.push({ offset: offset + from, bytes: bytes.slice(from, to) });
}

export class FormDraft {
  readonly form: Form;
  readonly mode: OracleMode;
  readonly random: Random;
  readonly legacy: number[] = [];
  rex = 0;
  opcode: number;
  /** ModRM, SIB and displacement. */
  tail: number[] = [];
  immediate: number[] = [];
  /** Index in `tail` of a rip-relative displacement, and the linear address it means. */
  relativeAt = -1;
  relativeTarget = 0;
  readonly registers: RegisterOperand[] = [];
  readonly memory: MemoryReference[] = [];
  readonly adjusts: Adjust[] = [];
  lane: Lane | undefined;
  fpu: 'x87' | 'mmx' | undefined;
  steps = 0;
  /** The instruction needs FS and GS bases (64-bit). */
  usesBases = false;
  /** Segment override, or -1. */
  segment = -1;
  /** Number in ModRM.reg and ModRM.rm (or the opcode), REX included. */
  reg = 0;
  rm = 0;

  constructor(form: Form, mode: OracleMode, random: Random) {
    this.form = form;
    this.mode = mode;
    this.random = random;
    this.opcode = form.row.opcode;
  }

  get isLong(): boolean {
    return this.mode.bits === 64;
  }
  /** Address of the window in a segment. */
  windowIn(segment: number): number {
    return WINDOW_ADDRESS - this.mode.overrides[segment].base;
  }
  /** rIP of the instruction. */
  get rip(): number {
    return CODE_ADDRESS - this.mode.codeBase;
  }
  get length(): number {
    return this.bytes().length;
  }

  bytes(): number[] {
    const { row } = this.form;
    const map = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]][row.map];
    const rex = this.rex ? [this.rex | 0x40] : [];
    const head = [...this.legacy, ...rex, ...map, this.opcode];
    const bytes = [...head, ...this.tail, ...this.immediate];
    if (this.relativeAt >= 0) {
      const distance = this.relativeTarget - (CODE_ADDRESS + bytes.length);
      littleEndian(distance, 4).forEach((byte, i) => {
        bytes[head.length + this.relativeAt + i] = byte;
      });
    }
    return bytes;
  }

  finish(): EncodedInstruction {
    const { adjusts, lane, fpu, steps, memory, registers, usesBases, mode } = this;
    return {
      code: Uint8Array.from(this.bytes()),
      registers,
      memory,
      steps,
      ...(lane ? { lane } : {}),
      ...(fpu ? { fpu } : {}),
      adjust: (draft, random) => {
        if (usesBases && mode.bases) Object.assign(draft, { bases: mode.bases });
        for (const adjust of adjusts) adjust(draft, random);
      },
    };
  }
}
