// What one hot region is made of: the basic blocks, on a few pages, that direct branches reach from a hot entry, each instruction with its
// IR, operands bound and flags symbolic. Instructions that need routines or loops stay with the cold tier: control leaves to them.
import { CompileTimes } from '../compile-times.js';
import type { Node } from '../ir/node.js';
import { DECODE_TRUNCATED, decode } from '../isa/decode.js';
import type { FeatureGate } from '../isa/feature-gate.js';
import { Instruction } from '../isa/instruction.js';
import type { Mode } from '../semantics/shape.js';
import type { Programs } from './programs.js';

/** More make a region cost more to optimise than its few executions repay: measured over a kernel boot, 100 beats 200 and 300. */
export const MAX_REGION_INSTRUCTIONS = 100;
/** Pages that a region may have code on. */
const MAX_PAGES = 4;

/** One instruction of a region; offsets count from the region's entry. */
export interface RegionInstruction {
  readonly start: number;
  /** Behind it. */
  readonly next: number;
  readonly program: readonly Node[];
  /** Its accesses share no probe of the TLB with others. */
  readonly isLone?: boolean;
}

/** How control goes on behind a block. Offsets outside of the region leave it. */
export type Terminator =
  | { readonly kind: 'goto'; readonly to: number }
  | { readonly kind: 'if'; readonly taken: number; readonly notTaken: number }
  /** To the address that the last instruction computed; `candidates`: offsets it may be, return addresses of the region's calls. */
  | { readonly kind: 'indirect'; readonly candidates: readonly number[] }
  /** To the address that the last instruction took from a table, by way of the region's {@link TURNTABLE}. */
  | { readonly kind: 'table' }
  /** The instruction at `at` is the cold tier's. */
  | { readonly kind: 'cold'; readonly at: number };

export interface RegionBlock {
  readonly start: number;
  readonly instructions: readonly RegionInstruction[];
  readonly end: Terminator;
}

export interface Region {
  /** The entry first. */
  readonly blocks: readonly RegionBlock[];
  /** The pages with its code, numbered from the entry's page. */
  readonly pages: ReadonlyMap<number, PageUse>;
  /** Its code: runs of bytes [from, to), counted from the start of the entry's page, ascending, as pairs. */
  readonly runs: readonly number[];
  /** Where its lone instructions start, counted alike. */
  readonly lone: readonly number[];
}

/** Bytes [from, to) of a page, whose machine address is `host`. */
export interface PageUse {
  readonly host: number;
  readonly from: number;
  readonly to: number;
}

interface Decoded {
  readonly program: readonly Node[] | null;
  readonly next: number;
  readonly end: Terminator | null;
  /** Offset behind a call. */
  readonly returnsTo: number | null;
  readonly isReturn?: boolean;
  /** A table at a constant address that the instruction indexes: a jump through it, or a load into `register`. */
  readonly table?: { readonly at: number; readonly register: number };
  /** A jump to what this register holds. */
  readonly jumpsTo?: number;
  /** What the table of a jump holds, as offsets; set when the instruction in front of it is known. */
  targets?: readonly number[];
}

/** Offset of the block, of no instructions, that every jump through a table goes to: from one place, loops stay reducible. */
export const TURNTABLE = 0x7fffffff;
/** Entries of a table that are looked at. */
export const MAX_TABLE = 16;

/** Where the code is. */
export interface CodeSource {
  /** The machine's memory. */
  readonly bytes: Uint8Array;
  /** Offset of the entry in its page. */
  readonly entry: number;
  /** Machine address of the page `delta` pages from the entry's, -1 if there is none. */
  pageAt(delta: number): number;
  /** Linear address of the entry. */
  readonly linear: number;
  /** Is the code at a machine address, which a branch leads to, worth a place in the region? */
  isWarm(host: number): boolean;
  /** Has the instruction at a machine address left regions for what it shared with others? */
  isLone(host: number): boolean;
  /** The 32-bit word at a linear address, or -1 if it cannot be had without effects. */
  wordAt(linear: number): number;
}

/** Finds the region of a hot entry; null if the entry itself is the cold tier's. */
export function discoverRegion(
  source: CodeSource,
  mode: Mode,
  gate: FeatureGate,
  programs: Programs,
  times: CompileTimes = new CompileTimes(),
): Region | null {
  return new Discovery(source, mode, gate, programs, times).region();
}

class Discovery {
  private readonly source: CodeSource;
  private readonly mode: Mode;
  private readonly gate: FeatureGate;
  private readonly programs: Programs;
  private readonly times: CompileTimes;
  private readonly decoded = new Map<number, Decoded>();
  private readonly instruction = new Instruction();
  private readonly pages = new Map<number, number>();
  private readonly straddle = new Uint8Array(32);
  private readonly leaders = new Set<number>([0]);
  private readonly returns = new Set<number>();
  /** Targets of the region's jumps through tables. */
  private readonly targets = new Set<number>();
  private readonly seen = new Set<number>();

  constructor(
    source: CodeSource,
    mode: Mode,
    gate: FeatureGate,
    programs: Programs,
    times: CompileTimes,
  ) {
    this.times = times;
    this.source = source;
    this.programs = programs;
    this.mode = mode;
    this.gate = gate;
  }

  /** Machine address of a page, -1 when it is one too many or not mapped. */
  private page(delta: number): number {
    let host = this.pages.get(delta);
    if (host === undefined) {
      host = this.pages.size < MAX_PAGES ? this.source.pageAt(delta) : -1;
      if (host >= 0) this.pages.set(delta, host);
    }
    return host;
  }
  private decodeBytes(offset: number): number {
    const { bytes, entry } = this.source;
    const delta = Math.floor((entry + offset) / 4096);
    const host = this.page(delta);
    if (host < 0) return -1;
    const at = entry + offset - delta * 4096;
    const { bits } = this.mode;
    const length = decode(bytes, host + at, host + 4096, bits, this.gate, this.instruction);
    if (length !== DECODE_TRUNCATED) return length;
    const next = this.page(delta + 1);
    if (next < 0) return -1;
    const here = 4096 - at;
    for (let i = 0; i < 16; i++)
      this.straddle[i] = bytes[i < here ? host + at + i : next + i - here];
    return decode(this.straddle, 0, 16, bits, this.gate, this.instruction);
  }
  private at(offset: number): Decoded {
    let d = this.decoded.get(offset);
    if (!d) {
      d = this.decodeAt(offset);
      this.decoded.set(offset, d);
    }
    return d;
  }
  private decodeAt(offset: number): Decoded {
    const { instruction } = this;
    const cold: Decoded = { program: null, next: offset, end: null, returnsTo: null };
    const before = this.times.enter('decode');
    const length = this.decodeBytes(offset);
    this.times.enter(before);
    if (length < 0) return cold;
    const next = offset + length;
    const program = this.programs.of(instruction, this.bytesOf(offset, next), next);
    if (!program) return cold;
    const last = program[program.length - 1];
    if (last?.op !== 'branch') {
      const table = instruction.row.mnemonic === 'MOV' ? this.table(instruction.reg) : {};
      return { program, next, end: null, returnsTo: null, ...table };
    }
    const { mnemonic } = instruction.row;
    const returnsTo = mnemonic === 'CALL' ? next : null;
    if (!last.direct) {
      return {
        program,
        next,
        end: { kind: 'indirect', candidates: [] },
        returnsTo,
        isReturn: mnemonic === 'RET',
        ...(mnemonic === 'JMP' ? this.jumpThrough() : {}),
      };
    }
    if (instruction.operandBits === 16) return cold;
    const to = (next + instruction.immLow) | 0;
    const end: Terminator =
      last.args.length === 2 ? { kind: 'if', taken: to, notTaken: next } : { kind: 'goto', to };
    return { program, next, end, returnsTo };
  }

  private bytesOf(from: number, to: number): string {
    const { bytes, entry } = this.source;
    let text = '';
    for (let at = entry + from; at < entry + to; at++) {
      const delta = Math.floor(at / 4096);
      text += String.fromCharCode(bytes[this.page(delta) + at - delta * 4096]);
    }
    return text;
  }

  /** The table at a constant address that the instruction just decoded indexes, if it does. */
  private table(register: number): { table?: { at: number; register: number } } {
    const { base, index, scale, disp, isRegister, operandBits } = this.instruction;
    const isTable = !isRegister && base < 0 && index >= 0 && scale === 2 && operandBits === 32;
    return isTable && this.mode.bits === 32 ? { table: { at: disp >>> 0, register } } : {};
  }
  private jumpThrough(): { table?: { at: number; register: number }; jumpsTo?: number } {
    const { isRegister, rm } = this.instruction;
    return isRegister ? { jumpsTo: rm } : this.table(-1);
  }
  /** Where a jump goes that takes its target from a table, or a register that the instruction in front filled from one. */
  private targetsOf(jump: Decoded, previous: Decoded | null): number[] {
    const table =
      jump.table ??
      (previous?.table && previous.table.register === jump.jumpsTo ? previous.table : null);
    const found = new Set<number>();
    if (!table || jump.end?.kind !== 'indirect') return [];
    const { entry, linear } = this.source;
    for (let i = 0; i < MAX_TABLE; i++) {
      const word = this.source.wordAt(table.at + i * 4);
      const offset = word - linear;
      if (word < 0 || this.page(Math.floor((entry + offset) / 4096)) < 0) break;
      found.add(offset);
    }
    return [...found];
  }

  private reach(queue: number[], offset: number): void {
    if (this.leaders.has(offset)) return;
    this.leaders.add(offset);
    queue.push(offset);
  }
  /** The same for where a branch goes, if it went there often. */
  private follow(queue: number[], offset: number): void {
    const { source, pages } = this;
    const at = source.entry + offset;
    const delta = Math.floor(at / 4096);
    const host = pages.get(delta) ?? source.pageAt(delta);
    const isWarm = host >= 0 && source.isWarm(host + at - delta * 4096);
    if (isWarm && this.page(delta) >= 0) this.reach(queue, offset);
  }

  region(): Region | null {
    const { seen, leaders } = this;
    const queue = [0];
    while (queue.length > 0) {
      let offset = queue.shift() as number;
      let previous: Decoded | null = null;
      while (!seen.has(offset) && seen.size < MAX_REGION_INSTRUCTIONS) {
        const d = this.at(offset);
        if (!d.program) break;
        seen.add(offset);
        if (d.end) {
          if (d.end.kind === 'if') {
            this.reach(queue, d.end.notTaken);
            this.follow(queue, d.end.taken);
          } else if (d.end.kind === 'goto') this.follow(queue, d.end.to);
          d.targets = this.targetsOf(d, previous);
          for (const target of d.targets) {
            this.targets.add(target);
            this.follow(queue, target);
          }
          if (d.returnsTo !== null) {
            this.returns.add(d.returnsTo);
            // Only worth a place if the callee is in the region too.
            if (d.end.kind === 'goto') this.follow(queue, d.returnsTo);
          }
          break;
        }
        previous = d;
        offset = d.next;
      }
    }
    if (!seen.has(0)) return null;
    const blocks: RegionBlock[] = [];
    for (const start of leaders) if (seen.has(start)) blocks.push(this.block(start));
    const candidates = [...this.targets].filter((t) => seen.has(t)).slice(0, MAX_TABLE);
    if (candidates.length > 0)
      blocks.push({ start: TURNTABLE, instructions: [], end: { kind: 'indirect', candidates } });
    const runs = this.runs();
    const lone = [...seen].filter((at) => this.isLone(at)).map((at) => this.source.entry + at);
    return { blocks: reachable(blocks), pages: this.usedPages(runs), runs, lone };
  }
  private isLone(offset: number): boolean {
    const { source } = this;
    const at = source.entry + offset;
    const delta = Math.floor(at / 4096);
    return source.isLone(this.page(delta) + at - delta * 4096);
  }
  private block(start: number): RegionBlock {
    const instructions: RegionInstruction[] = [];
    let offset = start;
    for (;;) {
      const d = this.at(offset);
      if (!d.program) return { start, instructions, end: { kind: 'cold', at: offset } };
      // The region is full: another one goes on there.
      if (!this.seen.has(offset)) return { start, instructions, end: { kind: 'goto', to: offset } };
      instructions.push({
        ...{ start: offset, next: d.next, program: d.program },
        isLone: this.isLone(offset),
      });
      if (d.targets && d.targets.length > 0) return { start, instructions, end: { kind: 'table' } };
      if (d.end) {
        const candidates = d.isReturn
          ? [...this.returns].filter((r) => this.seen.has(r)).slice(0, MAX_CANDIDATES)
          : [];
        return {
          start,
          instructions,
          end: d.end.kind === 'indirect' ? { kind: 'indirect', candidates } : d.end,
        };
      }
      if (this.leaders.has(d.next))
        return { start, instructions, end: { kind: 'goto', to: d.next } };
      offset = d.next;
    }
  }
  private runs(): number[] {
    const { entry } = this.source;
    const runs: number[] = [];
    for (const offset of [...this.seen].sort((a, b) => a - b)) {
      const from = entry + offset;
      const to = entry + this.at(offset).next;
      const last = runs.length - 1;
      if (last > 0 && from <= runs[last]) runs[last] = Math.max(runs[last], to);
      else runs.push(from, to);
    }
    return runs;
  }
  /** Of what lies on two pages each has a part. */
  private usedPages(runs: readonly number[]): Map<number, PageUse> {
    const used = new Map<number, PageUse>();
    for (let i = 0; i < runs.length; i += 2) {
      const [start, end] = [runs[i], runs[i + 1]];
      for (let delta = Math.floor(start / 4096); delta * 4096 < end; delta++) {
        const old = used.get(delta) ?? { from: 4096, to: 0 };
        const page = delta * 4096;
        used.set(delta, {
          host: this.page(delta),
          from: Math.min(old.from, Math.max(start - page, 0)),
          to: Math.max(old.to, Math.min(end - page, 4096)),
        });
      }
    }
    return used;
  }
}

/** Return sites that a RET is compared with. */
const MAX_CANDIDATES = 4;

/** Offsets that a block may go on to. */
export function successors(end: Terminator): readonly number[] {
  switch (end.kind) {
    case 'goto':
      return [end.to];
    case 'if':
      return [end.taken, end.notTaken];
    case 'indirect':
      return end.candidates;
    case 'table':
      return [TURNTABLE];
    default:
      return [];
  }
}

/** Blocks that the entry leads to, the entry first. */
function reachable(blocks: readonly RegionBlock[]): RegionBlock[] {
  const byStart = new Map(blocks.map((b) => [b.start, b]));
  const found: RegionBlock[] = [];
  const queue = [0];
  while (queue.length > 0) {
    const b = byStart.get(queue.shift() as number);
    if (!b || found.includes(b)) continue;
    found.push(b);
    queue.push(...successors(b.end));
  }
  return found;
}
