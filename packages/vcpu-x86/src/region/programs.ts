// Programs of instructions, kept by what they are made of: hot code repeats itself, and most instructions mean the same wherever they
// stand. Measured over a kernel's boot, five of six are found here.
import { Builder } from '../ir/builder.js';
import type { Node } from '../ir/node.js';
import type { Instruction } from '../isa/instruction.js';
import { type Binding, boundBinding } from '../semantics/binding.js';
import { Operands, type Semantics } from '../semantics/operands.js';
import { bindFields, Fields, type Mode, shapeOf } from '../semantics/shape.js';
import { semantics } from '../semantics/table.js';
import { prepare } from './prepare.js';

/** Nodes that are kept, of some hundred bytes each: some thousand programs, which make up most of a kernel's hot code. */
const ROOM = 100_000;
/** Instructions, once there was no more room, that are remembered to have been met. */
const MET_ROOM = 10_000;
/** The base of addresses relative to rIP. */
const RIP_BASE = 16;

/** What an instruction does, as a region runs it; null if it is the cold tier's. Shared: not to be changed. */
export type Program = readonly Node[] | null;

/** For one mode and one set of CPU features. */
export class Programs {
  private readonly mode: Mode;
  /** By an instruction's bytes. */
  private readonly known = new Map<string, Program>();
  /** Relative jumps, by mnemonic and sizes. */
  private readonly jumps = new Map<string, Program>();
  private readonly fields = new Fields();
  /** Of the programs in {@link known}. */
  private nodes = 0;
  /**
   * Null until there was no more room. From then on a program is kept when its instruction is met again: those of code that is never the
   * same would only push each other out, and be garbage that has grown old.
   */
  private met: Set<string> | null = null;

  constructor(mode: Mode) {
    this.mode = mode;
  }

  /** Of a decoded instruction, whose bytes are the string's characters, and which ends `next` bytes behind its region's entry. */
  of(instruction: Instruction, bytes: string, next: number): Program {
    const { row, operandBits, addressBits } = instruction;
    // A region knows itself where relative jumps lead; only calls compute with their place.
    const isJump = row.operands[0]?.addressing === 'J' && row.mnemonic !== 'CALL';
    const kept = isJump ? this.jumps : this.known;
    const key = isJump ? `${row.mnemonic} ${operandBits} ${addressBits}` : bytes;
    let program = kept.get(key);
    if (program !== undefined) return program;
    const { mode, fields } = this;
    bindFields(instruction, mode, fields, next);
    const bound = boundBinding(fields, next);
    let isPlaced = instruction.base === RIP_BASE;
    const binding: Binding = {
      ...bound,
      nextOffset: (b) => {
        isPlaced = true;
        return bound.nextOffset(b);
      },
    };
    const b = new Builder(true);
    const meaning = (semantics as Readonly<Record<string, Semantics>>)[row.mnemonic];
    meaning(b, new Operands(b, shapeOf(instruction, mode), binding));
    program = prepare(b.statements);
    if (isJump) kept.set(key, program);
    else if (!isPlaced) this.keep(key, program);
    return program;
  }
  private keep(bytes: string, program: Program): void {
    if (this.met && !this.met.delete(bytes)) {
      if (this.met.size >= MET_ROOM) this.met.clear();
      this.met.add(bytes);
      return;
    }
    const more = 1 + (program ? nodesOf(program) : 0);
    if (this.nodes + more > ROOM) {
      this.known.clear();
      this.nodes = 0;
      this.met ??= new Set();
    }
    this.known.set(bytes, program);
    this.nodes += more;
  }
  /** Nodes that are kept for any number of instructions: at most 100,000. */
  get nodeCount(): number {
    return this.nodes;
  }
}

function nodesOf(statements: readonly Node[]): number {
  let count = statements.length;
  for (const n of statements) {
    if (n.op === 'if') count += nodesOf(n.body) + nodesOf(n.otherwise);
    else if (n.op === 'loop') count += nodesOf(n.body);
  }
  return count;
}
