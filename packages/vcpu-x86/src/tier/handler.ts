// Cold handlers: one instruction form's semantics with its operands left open, as a WebAssembly function of (state, record)
// that returns the next record, 0 after a jump (rIP stored) or -1 with a fault recorded; or as code inside the interpreter.

import { Builder } from '../ir/builder.js';
import type { Node } from '../ir/node.js';
import { RECORD, RECORD_MEMORY_SIZE, RECORD_SIZE, recordBinding } from '../semantics/binding.js';
import { fastRoutineNames } from '../semantics/fast-table.js';
import { Operands, type Semantics } from '../semantics/operands.js';
import { isMemoryOperand, keyOfShape, type Shape } from '../semantics/shape.js';
import { semantics } from '../semantics/table.js';
import { BLOCK_RIP, RIP } from '../state/layout.js';
import { emitInstruction } from '../wasm/emit.js';
import type { EmitTarget } from '../wasm/emit-target.js';
import { FunctionWriter } from '../wasm/encoder.js';
import { ModuleWriter } from '../wasm/module.js';
import { I32, OP, PURE } from '../wasm/opcodes.js';

/** A form, and its IR with open operands. */
export interface FormProgram {
  readonly shape: Shape;
  readonly program: readonly Node[];
}

export function formProgram(shape: Shape): FormProgram {
  const b = new Builder();
  const meaning = (semantics as Readonly<Record<string, Semantics>>)[shape.row.mnemonic];
  meaning(b, new Operands(b, shape, recordBinding));
  return { shape, program: b.statements };
}

/** Does control never reach the instruction behind? */
export function endsBlock(statements: readonly Node[]): boolean {
  const last = statements[statements.length - 1];
  if (!last) return false;
  if (last.op === 'if') return endsBlock(last.body) && endsBlock(last.otherwise);
  return (
    (last.op === 'branch' && last.args.length === 1) ||
    last.op === 'transfer' ||
    last.op === 'raise'
  );
}

/** Instructions whose second immediate or implied memory operand needs the long record. */
const longRecords: ReadonlySet<string> = new Set(['ENTER', 'XLAT', 'MASKMOVQ', 'MASKMOVDQU']);

/** Does the form branch to a target relative to it? Its records keep a link to the target's block at `RECORD.link`. */
export const isDirectBranch = (statements: readonly Node[]): boolean => {
  const last = statements[statements.length - 1];
  return last?.op === 'branch' && last.direct;
};

/** Bytes of a form's records: those with a memory operand or two immediates are longer. */
export function recordSize(shape: Shape): number {
  const long =
    shape.row.operands.some((o) => isMemoryOperand(o, shape.isRegister) || o.addressing === 'A') ||
    longRecords.has(shape.row.mnemonic);
  return long ? RECORD_MEMORY_SIZE : RECORD_SIZE;
}

/** Stores the rIP behind (`back` false) or of the record's instruction. */
export function storeRip(
  w: FunctionWriter,
  state: number,
  record: number,
  bits: 16 | 32 | 64,
  back: boolean,
): void {
  w.get(state);
  w.get(state);
  w.memory(OP.i64Load, BLOCK_RIP);
  w.get(record);
  w.memory(OP.i32Load16U, RECORD.nextOffset);
  if (back) {
    w.get(record);
    w.memory(OP.i32Load8U, RECORD.length);
    w.op(PURE.get('i32.sub') as number);
  }
  w.op(PURE.get('i64.extend_i32_s') as number);
  w.op(PURE.get('i64.add') as number);
  if (bits !== 64) {
    w.i64Const(0xffffffffn);
    w.op(PURE.get('i64.and') as number);
  }
  w.memory(OP.i64Store, RIP);
}

/** What translating a form takes. */
export interface FormFacts {
  /** Of the form's shape. */
  readonly key: number;
  /** Bytes of its records. */
  readonly size: number;
  readonly ends: boolean;
  readonly isDirect: boolean;
}

export const factsOf = ({ shape, program }: FormProgram): FormFacts => ({
  key: keyOfShape(shape),
  size: recordSize(shape),
  ends: endsBlock(program),
  isDirect: isDirectBranch(program),
});

/** A module with a handler for each form, exported by its place in the list. */
export function handlerModule(forms: readonly FormProgram[]): Uint8Array<ArrayBuffer> {
  const module = new ModuleWriter();
  forms.forEach((form, i) => {
    addHandler(module, String(i), form);
  });
  return module.build();
}

function addHandler(module: ModuleWriter, name: string, { shape, program }: FormProgram): void {
  const writer = new FunctionWriter(2);
  const leave = (result: number): void => {
    writer.i32Const(result);
    writer.return();
  };
  const target: EmitTarget = {
    writer,
    module,
    state: 0,
    record: 1,
    fastRoutines: fastRoutineNames,
    fault: () => leave(-1),
    jump: () => leave(0),
    branch: (_direct, to) => {
      writer.get(0);
      to();
      writer.memory(OP.i64Store, RIP);
      leave(0);
    },
    storeNextRip: () => storeRip(writer, 0, 1, shape.mode.bits, false),
  };
  emitInstruction(program, target);
  writer.get(1);
  writer.i32Const(recordSize(shape));
  writer.op(PURE.get('i32.add') as number);
  module.add(name, [I32, I32], [I32], writer);
}
