// The cold tier: per mode class one interpreter and the handlers of the forms seen so far, compiled when they are first met.
import type { HandlerSet } from '../block/handler-set.js';
import { CompileTimes } from '../compile-times.js';
import type { Core } from '../core.js';
import { CPU_FAULT } from '../fault.js';
import type { Instruction } from '../isa/instruction.js';
import { routines } from '../routines/table.js';
import { type Mode, type Shape, shapeKey, shapeOf } from '../semantics/shape.js';
import { SEGMENT_STRIDE } from '../state/layout.js';
import { checkSegment } from '../state/segments.js';
import { type ModuleMaker, plainModules } from '../wasm/module-maker.js';
import { fastImports } from './fast-routines.js';
import { type FormFacts, factsOf, formProgram, handlerModule } from './handler.js';
import { inlineForms } from './hot-forms.js';
import { HANDLER_TABLE_SIZE, interpreterModule } from './interpreter.js';
import { type Prepared, preparedOf } from './prepared.js';
import type { RegionTable } from './region-table.js';
import { shapeName } from './shape-name.js';

export interface ModeOptions {
  /** Machine address of execution counters by handler; 0: none. */
  readonly profile?: number;
  /** The forms that the interpreter handles itself; default: those that kernels run most. */
  readonly inline?: readonly Shape[];
  /** Who compiles and instantiates. */
  readonly modules?: ModuleMaker;
  /** Where the time that all this takes is counted. */
  readonly times?: CompileTimes;
}

/** Sizes and ends of a mode class's handlers; ids as they stand in records. */
export class ModeHandlers implements HandlerSet {
  readonly mode: Mode;
  readonly run: (state: number) => number;
  /** Bytes of a record, by handler. */
  readonly sizes: Uint8Array = new Uint8Array(HANDLER_TABLE_SIZE).fill(16);
  private readonly ends = new Uint8Array(HANDLER_TABLE_SIZE);
  private readonly direct = new Uint8Array(HANDLER_TABLE_SIZE);
  private readonly ids = new Map<number, number>();
  /** Names of the forms, by handler; not of prepared ones. */
  readonly names: string[] = ['leave'];
  private readonly table: WebAssembly.Table;
  /** What generated code imports. */
  readonly imports: WebAssembly.Imports;
  private readonly prepared: Prepared | null;
  private preparedHandlers: WebAssembly.Exports | null = null;
  private next = 1;
  private readonly modules: ModuleMaker;
  private readonly times: CompileTimes;

  constructor(mode: Mode, imports: WebAssembly.Imports, options: ModeOptions = {}) {
    const { profile = 0, inline, modules = plainModules, times = new CompileTimes() } = options;
    const before = times.enter('compile');
    this.modules = modules;
    this.times = times;
    this.mode = mode;
    this.imports = imports;
    this.prepared = profile === 0 && !inline ? preparedOf(mode, modules) : null;
    const module =
      this.prepared?.interpreter ?? this.makeInterpreter(inline ?? inlineForms(mode), profile);
    for (const facts of this.prepared?.inline ?? []) this.take(facts);
    const exports = modules.instantiate(module, imports);
    this.run = exports.run as (state: number) => number;
    this.table = exports.table as WebAssembly.Table;
    times.enter(before);
  }
  private makeInterpreter(shapes: readonly Shape[], profile: number): WebAssembly.Module {
    const { times } = this;
    times.enter('ir');
    const forms = shapes.map(formProgram);
    for (const form of forms) this.names[this.take(factsOf(form))] = shapeName(form.shape);
    times.enter('emit');
    const bytes = interpreterModule(this.mode, forms, profile);
    times.enter('compile');
    return this.modules.compile(bytes);
  }

  private take({ key, size, ends, isDirect }: FormFacts): number {
    const id = this.next++;
    this.ids.set(key, id);
    this.sizes[id] = size;
    this.ends[id] = ends ? 1 : 0;
    this.direct[id] = isDirect ? 1 : 0;
    return id;
  }

  /** The handler of a decoded instruction's form; compiled if it is new and not prepared. */
  handlerOf(i: Instruction): number {
    const key = shapeKey(i, this.mode);
    return this.ids.get(key) ?? this.ready(key) ?? this.compile(shapeOf(i, this.mode));
  }
  private ready(key: number): number | null {
    const { prepared, times } = this;
    const form = prepared?.forms.get(key);
    if (!prepared || !form) return null;
    const before = times.enter('compile');
    this.preparedHandlers ??= this.modules.instantiate(prepared.handlers, this.imports);
    const id = this.take(form.facts);
    this.table.set(id, this.preparedHandlers[form.name] as () => number);
    times.enter(before);
    return id;
  }
  private compile(shape: Shape): number {
    const { times } = this;
    const before = times.enter('ir');
    const form = formProgram(shape);
    times.enter('emit');
    const bytes = handlerModule([form]);
    times.enter('compile');
    const module = new WebAssembly.Module(bytes);
    const { exports } = new WebAssembly.Instance(module, this.imports);
    times.enter(before);
    const id = this.take(factsOf(form));
    this.names[id] = shapeName(shape);
    this.table.set(id, exports['0'] as () => number);
    return id;
  }
  endsBlock(handler: number): boolean {
    return this.ends[handler] === 1;
  }
  isDirectBranch(handler: number): boolean {
    return this.direct[handler] === 1;
  }
}

/** What generated code imports: the memory, the regions, the slow paths, and every routine, all of the CPU that runs now. */
export function coldImports(
  memory: WebAssembly.Memory,
  regions: RegionTable,
  current: () => Core,
  lookup: () => number,
  becameHot: (rec: number) => void = () => {},
  leftOften: (rec: number) => void = () => {},
  modules: ModuleMaker = plainModules,
): WebAssembly.Imports {
  const env: Record<string, WebAssembly.ImportValue> = {
    memory,
    lookup,
    becameHot,
    leftOften,
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
  // What paravirtual kernels call most: a function of its own, in which V8 finds one callee where the others have many.
  env.systemCall = () => {
    const core = current();
    try {
      const result = core.traps.systemCall();
      core.noticeInterrupt();
      return result;
    } catch (e) {
      if (e !== CPU_FAULT) throw e;
      return -1;
    }
  };
  return { env: { ...env, ...fastImports(env, modules), ...regions.imports(env) } };
}
