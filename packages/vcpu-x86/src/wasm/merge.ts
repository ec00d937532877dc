// Several modules of a ModuleWriter → one: a module costs V8 half a millisecond and fifteen KiB, whatever is in it. Bodies are copied but
// for the numbers of imported functions and of types, which have others in the new module.
import { ByteWriter, type WasmType } from './encoder.js';
import { ModuleWriter } from './module.js';
import { BULK, BULK_PREFIX, OP, SIMD_LANES, SIMD_MEMORY, SIMD_PREFIX } from './opcodes.js';

const TYPES = 1;
const IMPORTS = 2;
const FUNCTIONS = 3;
const EXPORTS = 7;
const CODE = 10;
const FUNCTION_TYPE = 0x60;
/** Kinds of imports and exports. */
const FUNCTION = 0;
const TABLE = 1;
const MEMORY = 2;
const FIRST_MEMORY_OP = OP.i32Load;
const LAST_MEMORY_OP = OP.i64Store32;
/** Opcodes from here on have no immediates, up to the prefixes. */
const FIRST_PLAIN_OP = 0x45;
const LAST_PLAIN_OP = 0xc4;
const SHUFFLE = SIMD_LANES.get('i8x16.shuffle') as number;
const lanes: ReadonlySet<number> = new Set(SIMD_LANES.values());

export interface MergedModules {
  /** Exports the functions of all of them, in order, as `0`, `1` and so on. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** By module, the names that its functions were exported by, in order. */
  readonly names: readonly (readonly string[])[];
}

/** @throws RangeError for a module that no ModuleWriter made, or one that has a table of its own or calls its own functions */
export function mergeModules(modules: readonly Uint8Array[]): MergedModules {
  const writer = new ModuleWriter();
  let count = 0;
  const names = modules.map((bytes) => {
    const module = new ModuleReader(bytes, writer);
    for (const { type, body } of module.functions)
      writer.addBody(String(count++), type.parameters, type.results, module.moved(body));
    return module.names;
  });
  return { bytes: writer.build(), names };
}

interface Signature {
  readonly parameters: readonly WasmType[];
  readonly results: readonly WasmType[];
}

/** What cannot be merged. */
const foreign = (what: string): RangeError =>
  new RangeError(`${what} is nothing that can be merged`);

class Reader {
  readonly bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
  get isAtEnd(): boolean {
    return this.at >= this.bytes.length;
  }
  u8(): number {
    if (this.isAtEnd) throw foreign('a module that ends early');
    return this.bytes[this.at++];
  }
  u32(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.u8();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  }
  /** Steps over `count` numbers of whatever width and sign. */
  skipNumbers(count: number): void {
    for (let n = 0; n < count; ) if (this.u8() < 0x80) n++;
  }
  take(length: number): Uint8Array {
    if (this.at + length > this.bytes.length) throw foreign('a module that ends early');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
  text(): string {
    return new TextDecoder().decode(this.take(this.u32()));
  }
  list<Item>(item: () => Item): Item[] {
    return Array.from({ length: this.u32() }, item);
  }
}

/** A module, whose types and imports are the writer's too from then on. */
class ModuleReader {
  private readonly writer: ModuleWriter;
  private readonly types: Signature[] = [];
  /** Numbers in the new module, by those in this one. */
  private readonly movedTypes: number[] = [];
  private readonly movedImports: number[] = [];
  readonly names: string[] = [];
  readonly functions: { readonly type: Signature; readonly body: Uint8Array }[] = [];

  constructor(bytes: Uint8Array, writer: ModuleWriter) {
    this.writer = writer;
    const r = new Reader(bytes);
    r.take(8);
    let signatures: Signature[] = [];
    while (!r.isAtEnd) {
      const id = r.u8();
      const section = new Reader(r.take(r.u32()));
      if (id === TYPES) section.list(() => this.readType(section));
      else if (id === IMPORTS) section.list(() => this.readImport(section));
      else if (id === FUNCTIONS) signatures = section.list(() => this.typeAt(section.u32()));
      else if (id === EXPORTS) section.list(() => this.readExport(section));
      else if (id === CODE)
        for (const type of signatures.slice(0, section.u32()))
          this.functions.push({ type, body: section.take(section.u32()) });
      else throw foreign(`section ${id}`);
    }
    if (this.functions.length !== this.names.length) throw foreign('a function without a name');
  }

  private typeAt(index: number): Signature {
    const type = this.types[index];
    if (!type) throw foreign(`type ${index}`);
    return type;
  }
  private readType(r: Reader): void {
    if (r.u8() !== FUNCTION_TYPE) throw foreign('a type of no function');
    const list = (): WasmType[] => r.list(() => r.u8() as WasmType);
    const type = { parameters: list(), results: list() };
    this.types.push(type);
    this.movedTypes.push(this.writer.type(type.parameters, type.results));
  }
  private readImport(r: Reader): void {
    r.text();
    const name = r.text();
    const kind = r.u8();
    if (kind === FUNCTION) {
      const { parameters, results } = this.typeAt(r.u32());
      this.movedImports.push(this.writer.importFunction(name, parameters, results));
    } else if (kind === TABLE) {
      r.take(3);
      this.writer.importTable(name);
    } else if (kind === MEMORY) r.take(2);
    else throw foreign(`an import of kind ${kind}`);
  }
  private readExport(r: Reader): void {
    const name = r.text();
    if (r.u8() !== FUNCTION || r.u32() !== this.movedImports.length + this.names.length)
      throw foreign(`the export ${name}`);
    this.names.push(name);
  }

  /** A function's body with the new module's numbers. */
  moved(body: Uint8Array): Uint8Array {
    const r = new Reader(body);
    const out = new ByteWriter();
    let done = 0;
    const renumber = (numbers: readonly number[]): void => {
      out.bytes(body.subarray(done, r.at));
      const old = r.u32();
      const number = numbers[old];
      if (number === undefined) throw foreign(`function or type ${old}`);
      out.u32(number);
      done = r.at;
    };
    for (let n = r.u32(); n > 0; n--) r.skipNumbers(2);
    while (!r.isAtEnd) {
      const opcode = r.u8();
      if (opcode === OP.call || opcode === OP.returnCall) renumber(this.movedImports);
      else if (opcode === OP.callIndirect || opcode === OP.returnCallIndirect) {
        renumber(this.movedTypes);
        r.skipNumbers(1);
      } else skipImmediates(r, opcode);
    }
    out.bytes(body.subarray(done));
    return out.take();
  }
}

function skipImmediates(r: Reader, opcode: number): void {
  if (opcode >= FIRST_PLAIN_OP && opcode <= LAST_PLAIN_OP) return;
  if (opcode >= FIRST_MEMORY_OP && opcode <= LAST_MEMORY_OP) return r.skipNumbers(2);
  switch (opcode) {
    case OP.localGet:
    case OP.localSet:
    case OP.localTee:
    case OP.i32Const:
    case OP.i64Const:
    case OP.br:
    case OP.brIf:
    case OP.block:
    case OP.loop:
    case OP.if:
      return r.skipNumbers(1);
    case OP.end:
    case OP.else:
    case OP.return:
    case OP.drop:
    case OP.select:
    case OP.unreachable:
      return;
    case OP.brTable:
      return r.skipNumbers(r.u32() + 1);
    case SIMD_PREFIX:
      return skipVectorImmediates(r, r.u32());
    case BULK_PREFIX:
      return r.skipNumbers(r.u32() === BULK.copy ? 2 : 1);
    default:
      throw foreign(`opcode ${opcode}`);
  }
}
function skipVectorImmediates(r: Reader, operation: number): void {
  if (operation === SIMD_MEMORY.load || operation === SIMD_MEMORY.store) r.skipNumbers(2);
  else if (operation === SIMD_MEMORY.const || operation === SHUFFLE) r.take(16);
  else if (lanes.has(operation)) r.take(1);
}
