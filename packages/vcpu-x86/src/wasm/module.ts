// Assembles a WebAssembly module: one imported memory, imported functions, functions, and optionally tables, one imported and one its own.
import { ByteWriter, type FunctionWriter, type WasmType } from './encoder.js';

interface Signature {
  readonly parameters: readonly WasmType[];
  readonly results: readonly WasmType[];
}

export class ModuleWriter {
  private readonly types: Signature[] = [];
  private readonly imports: { name: string; type: number }[] = [];
  private readonly functions: { type: number; body: Uint8Array; name: string }[] = [];
  private tableSize = 0;
  private importedTable: string | null = null;
  /** Bytes of the functions added so far. */
  byteLength = 0;

  type(parameters: readonly WasmType[], results: readonly WasmType[]): number {
    const key = `${parameters}>${results}`;
    const found = this.types.findIndex((t) => `${t.parameters}>${t.results}` === key);
    return found >= 0 ? found : this.types.push({ parameters, results }) - 1;
  }
  /** Index of an imported function (`env.name`); all imports come before the first {@link add}. */
  importFunction(
    name: string,
    parameters: readonly WasmType[],
    results: readonly WasmType[],
  ): number {
    const found = this.imports.findIndex((i) => i.name === name);
    return found >= 0
      ? found
      : this.imports.push({ name, type: this.type(parameters, results) }) - 1;
  }
  /** Exports the function under `name`. */
  add(
    name: string,
    parameters: readonly WasmType[],
    results: readonly WasmType[],
    writer: FunctionWriter,
  ): void {
    this.addBody(name, parameters, results, writer.body());
  }
  /** The same of a function that is written already: see {@link FunctionWriter.body}. */
  addBody(
    name: string,
    parameters: readonly WasmType[],
    results: readonly WasmType[],
    body: Uint8Array,
  ): void {
    this.functions.push({ name, type: this.type(parameters, results), body });
    this.byteLength += body.length;
  }
  /** Imports a funcref table (`env.name`), before {@link table}; its index. */
  importTable(name: string): number {
    this.importedTable = name;
    return 0;
  }
  /** Gives the module a funcref table, exported as `table`; its index. */
  table(size: number): number {
    this.tableSize = size;
    return this.importedTable === null ? 0 : 1;
  }

  build(): Uint8Array<ArrayBuffer> {
    const out = new ByteWriter();
    out.bytes(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    const section = (id: number, fill: (w: ByteWriter) => void): void => {
      const w = new ByteWriter();
      fill(w);
      out.u8(id);
      out.u32(w.length);
      out.bytes(w.take());
    };
    section(1, (w) => {
      w.u32(this.types.length);
      for (const t of this.types) {
        w.u8(0x60);
        for (const list of [t.parameters, t.results]) {
          w.u32(list.length);
          for (const v of list) w.u8(v);
        }
      }
    });
    section(2, (w) => {
      w.u32(this.imports.length + 1 + (this.importedTable === null ? 0 : 1));
      for (const i of this.imports) {
        w.text('env');
        w.text(i.name);
        w.u8(0);
        w.u32(i.type);
      }
      if (this.importedTable !== null) {
        w.text('env');
        w.text(this.importedTable);
        w.u8(1);
        w.u8(0x70);
        w.u8(0);
        w.u32(0);
      }
      w.text('env');
      w.text('memory');
      w.u8(2);
      w.u8(0);
      w.u32(0);
    });
    section(3, (w) => {
      w.u32(this.functions.length);
      for (const f of this.functions) w.u32(f.type);
    });
    if (this.tableSize > 0) {
      section(4, (w) => {
        w.u32(1);
        w.u8(0x70);
        w.u8(0);
        w.u32(this.tableSize);
      });
    }
    section(7, (w) => {
      w.u32(this.functions.length + (this.tableSize > 0 ? 1 : 0));
      this.functions.forEach((f, i) => {
        w.text(f.name);
        w.u8(0);
        w.u32(this.imports.length + i);
      });
      if (this.tableSize > 0) {
        w.text('table');
        w.u8(1);
        w.u32(this.importedTable === null ? 0 : 1);
      }
    });
    section(10, (w) => {
      w.u32(this.functions.length);
      for (const f of this.functions) {
        w.u32(f.body.length);
        w.bytes(f.body);
      }
    });
    return out.take();
  }
}
