// The cold tier's compiled handlers under the reference CPU: semantics that only call a routine, and that routine, which writes
// the instruction's record and runs its WebAssembly handler on the same state. So one set of cases tests both tiers.
import { Core, type Routine } from '../../../packages/vcpu-x86/src/core.js';
import { decode } from '../../../packages/vcpu-x86/src/isa/decode.js';
import { type CodeBits, Instruction } from '../../../packages/vcpu-x86/src/isa/instruction.js';
import { RECORD } from '../../../packages/vcpu-x86/src/semantics/binding.js';
import type { Semantics } from '../../../packages/vcpu-x86/src/semantics/operands.js';
import {
  bindFields,
  Fields,
  shapeKey,
  shapeOf,
} from '../../../packages/vcpu-x86/src/semantics/shape.js';
import { BLOCK_RIP, MODE_KEY } from '../../../packages/vcpu-x86/src/state/layout.js';
import { coldImports } from '../../../packages/vcpu-x86/src/tier/cold.js';
import { handlerModule, handlerProgram } from '../../../packages/vcpu-x86/src/tier/handler.js';

/** Where the record is written: a page of the reference CPU's memory that nothing else uses. */
const RECORD_AT = 0x3000;

type Handler = (state: number, record: number) => number;

/** Semantics and routines for ReferenceCpu that run compiled handlers; every mnemonic of `semantics`, jumps excepted. */
export class ColdHandlers {
  readonly semantics: Readonly<Record<string, Semantics>>;
  readonly routines: Readonly<Record<string, Routine>>;
  readonly #bits: CodeBits;
  readonly #handlers = new Map<string, Handler>();
  readonly #instruction = new Instruction();
  readonly #fields = new Fields();
  #imports: WebAssembly.Imports | undefined;

  constructor(bits: CodeBits, semantics: Readonly<Record<string, Semantics>>) {
    this.#bits = bits;
    const call: Semantics = (b) => {
      b.call('coldHandler');
    };
    this.semantics = Object.fromEntries(Object.keys(semantics).map((name) => [name, call]));
    this.routines = { coldHandler: (core) => this.#run(core) };
  }

  /** How many handlers were compiled. */
  get size(): number {
    return this.#handlers.size;
  }

  #run(core: Core): number {
    const { state } = core;
    const { u8, view } = state;
    const i = this.#instruction;
    const f = this.#fields;
    const at = core.mmu.translateCode(core.codeLinear(state.get64(BLOCK_RIP)), true);
    const length = decode(u8, at, at + 15, this.#bits, null, i);
    const mode = Core.modeOf(state.get(MODE_KEY));
    bindFields(i, mode, f, length);
    view.setUint16(RECORD_AT + RECORD.nextOffset, length, true);
    u8[RECORD_AT + RECORD.length] = length;
    u8[RECORD_AT + RECORD.reg] = f.reg;
    u8[RECORD_AT + RECORD.rm] = f.rm;
    view.setInt32(RECORD_AT + RECORD.immLow, f.immLow, true);
    view.setInt32(RECORD_AT + RECORD.immHigh, f.immHigh, true);
    view.setInt32(RECORD_AT + RECORD.disp, f.disp | f.imm2, true);
    u8[RECORD_AT + RECORD.base] = f.base;
    u8[RECORD_AT + RECORD.index] = f.index;
    u8[RECORD_AT + RECORD.scale] = f.scale;
    u8[RECORD_AT + RECORD.segment] = f.segment;
    const result = this.#handler(
      core,
      `${shapeKey(i, mode)} ${mode.flat}`,
      mode,
    )(state.base, RECORD_AT);
    if (result === 0) throw new Error(`${i.row.mnemonic} jumps: not for ColdHandlers`);
    return result < 0 ? -1 : 0;
  }

  #handler(core: Core, key: string, mode: ReturnType<typeof Core.modeOf>): Handler {
    const known = this.#handlers.get(key);
    if (known) return known;
    this.#imports ??= coldImports(core, () => 0);
    const shape = shapeOf(this.#instruction, mode);
    const module = new WebAssembly.Module(handlerModule(shape, handlerProgram(shape)));
    const { exports } = new WebAssembly.Instance(module, this.#imports);
    const handler = exports.handler as Handler;
    this.#handlers.set(key, handler);
    return handler;
  }
}
