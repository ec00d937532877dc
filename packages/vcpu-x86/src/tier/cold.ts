// The cold tier: per mode class one interpreter and the handlers of the forms seen so far, compiled when they are first met.
import type { HandlerSet } from '../block/handler-set.js';
import { CompileTimes } from '../compile-times.js';
import type { Core } from '../core.js';
import { CPU_FAULT } from '../fault.js';
import type { Node } from '../ir/node.js';
import type { Instruction } from '../isa/instruction.js';
import { rows } from '../isa/table.js';
import { routines } from '../routines/table.js';
import { type Mode, type Shape, shapeKey, shapeOf } from '../semantics/shape.js';
import { SEGMENT_STRIDE } from '../state/layout.js';
import { checkSegment } from '../state/segments.js';
import { fastImports } from './fast-routines.js';
import { endsBlock, handlerModule, handlerProgram, isDirectBranch, recordSize } from './handler.js';
import { hotForms } from './hot-forms.js';
import {
  HANDLER_TABLE_SIZE,
  type InlineForm,
  interpreterModule,
  REGION_TABLE_SIZE,
} from './interpreter.js';

/** Sizes and ends of a mode class's handlers; ids as they stand in records. */
export class ModeHandlers implements HandlerSet {
  readonly mode: Mode;
  readonly run: (state: number) => number;
  /** Bytes of a record, by handler. */
  readonly sizes: Uint8Array = new Uint8Array(HANDLER_TABLE_SIZE).fill(16);
  private readonly ends = new Uint8Array(HANDLER_TABLE_SIZE);
  private readonly direct = new Uint8Array(HANDLER_TABLE_SIZE);
  private readonly ids = new Map<number, number>();
  /** Names of the forms, by handler. */
  readonly names: string[] = ['leave'];
  private readonly table: WebAssembly.Table;
  /** What generated code imports. */
  readonly imports: WebAssembly.Imports;
  private next = 1;
  private readonly times: CompileTimes;
  private nextRegion: number = HANDLER_TABLE_SIZE;
  private readonly freeRegions: number[] = [];

  /**
   * @param profile machine address of execution counters by handler, 0 for none
   * @param inlineForms the forms that the interpreter handles itself
   * @param times where the time that this takes is counted
   */
  constructor(
    mode: Mode,
    imports: WebAssembly.Imports,
    profile = 0,
    inlineForms: readonly { readonly shape: Shape; readonly key: number }[] = hotForms(mode),
    times: CompileTimes = new CompileTimes(),
  ) {
    this.times = times;
    const before = times.enter('ir');
    this.mode = mode;
    this.imports = imports;
    const inline: InlineForm[] = [];
    for (const form of inlineForms) {
      const program = handlerProgram(form.shape);
      inline.push({ shape: form.shape, program });
      this.take(form.key, form.shape, program);
    }
    times.enter('emit');
    const bytes = interpreterModule(mode, inline, profile);
    times.enter('compile');
    const module = new WebAssembly.Module(bytes);
    const { exports } = new WebAssembly.Instance(module, imports);
    this.run = exports.run as (state: number) => number;
    this.table = exports.table as WebAssembly.Table;
    times.enter(before);
  }

  private take(key: number, shape: Shape, program: readonly Node[]): number {
    const id = this.next++;
    this.ids.set(key, id);
    this.sizes[id] = recordSize(shape);
    this.ends[id] = endsBlock(program) ? 1 : 0;
    this.direct[id] = isDirectBranch(program) ? 1 : 0;
    this.names[id] = shapeName(shape);
    return id;
  }

  /** The handler of a decoded instruction's form; compiled if it is new. */
  handlerOf(i: Instruction): number {
    const key = shapeKey(i, this.mode);
    return this.ids.get(key) ?? this.compile(key, shapeOf(i, this.mode));
  }
  private compile(key: number, shape: Shape): number {
    const { times } = this;
    const before = times.enter('ir');
    const program = handlerProgram(shape);
    times.enter('emit');
    const bytes = handlerModule(shape, program);
    times.enter('compile');
    const module = new WebAssembly.Module(bytes);
    const { exports } = new WebAssembly.Instance(module, this.imports);
    times.enter(before);
    const id = this.take(key, shape, program);
    this.table.set(id, exports.handler as () => number);
    return id;
  }
  /** Puts a hot region's function into the table; its index, or 0 when the table is full. */
  addRegion(region: () => number): number {
    const index = this.freeRegions.pop() ?? this.nextRegion;
    if (index >= HANDLER_TABLE_SIZE + REGION_TABLE_SIZE) return 0;
    if (index === this.nextRegion) this.nextRegion++;
    this.table.set(index, region);
    return index;
  }
  removeRegion(index: number): void {
    this.table.set(index, null);
    this.freeRegions.push(index);
  }
  endsBlock(handler: number): boolean {
    return this.ends[handler] === 1;
  }
  isDirectBranch(handler: number): boolean {
    return this.direct[handler] === 1;
  }
}

/** A form's name: its row's encoding and template, operand and address size, r or m (x: indexed, s: segmented), repeat prefix. */
export function shapeName(s: Shape): string {
  const where = `${s.isRegister ? 'r' : 'm'}${s.indexed ? 'x' : ''}${s.segmented ? 's' : ''}`;
  const repeat = s.repeat === 0 ? '' : `|${s.repeat.toString(16)}`;
  return `${s.row.source[0]}|${s.row.source[1]}|${s.operandBits}|${s.addressBits}|${where}${repeat}`;
}

/** The shape that a name of {@link shapeName} means in a mode; null if no row is so called. */
export function shapeOfName(name: string, mode: Mode): Shape | null {
  const [encoding, template, operand, address, where, repeat] = name.split('|');
  const row = rows.find((r) => r.source[0] === encoding && r.source[1] === template);
  if (!row) return null;
  return {
    mode,
    row,
    operandBits: Number(operand) as 16 | 32 | 64,
    addressBits: Number(address) as 16 | 32 | 64,
    isRegister: where.startsWith('r'),
    indexed: where.includes('x'),
    segmented: where.endsWith('s'),
    repeat: (repeat ? Number.parseInt(repeat, 16) : 0) as 0 | 0xf2 | 0xf3,
  };
}

/** What generated code imports: the memory, the slow paths, and every routine, all of the CPU that runs now. */
export function coldImports(
  memory: WebAssembly.Memory,
  current: () => Core,
  lookup: () => number,
  becameHot: (rec: number) => void = () => {},
): WebAssembly.Imports {
  const env: Record<string, WebAssembly.ImportValue> = {
    memory,
    lookup,
    becameHot,
    readSlow: (address: number, info: number) => current().mmu.readSlow(address, info),
    updateSlow: (address: number, info: number) => current().mmu.updateSlow(address, info),
    writeSlow: (address: number, info: number) => current().mmu.writeSlow(address, info),
    segmentSlow: (effective: number, info: number, write: number) =>
      checkSegment(
        current().state,
        (info >> 8) / SEGMENT_STRIDE,
        effective,
        (info & 0xff) >> 3,
        write !== 0,
      ),
  };
  for (const [name, routine] of Object.entries(routines)) {
    // Arguments one by one: a spread would make an array a call. Routines ignore what they do not take.
    env[name] = (a: number, b: number, c: number, d: number, e: number) => {
      const core = current();
      try {
        const result = routine(core, a, b, c, d, e);
        core.noticeInterrupt();
        return result;
      } catch (e) {
        if (e !== CPU_FAULT) throw e;
        return -1;
      }
    };
  }
  return { env: { ...env, ...fastImports(env) } };
}
