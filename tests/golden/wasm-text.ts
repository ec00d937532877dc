// The functions of a generated module as text: the instructions as tools of WebAssembly spell them, those that compute one value or
// effect in a line.
import {
  BULK,
  BULK_PREFIX,
  F64,
  FLOAT,
  I32,
  I64,
  OP,
  PURE,
  REINTERPRET,
  SIMD,
  SIMD_LANES,
  SIMD_MEMORY,
  SIMD_PREFIX,
  V128,
  VOID,
} from '../../packages/vcpu-x86/src/wasm/opcodes.js';

const SECTION_IMPORTS = 2;
const SECTION_CODE = 10;
const IMPORT_FUNCTION = 0;

/** `brIf` → `br_if`, `i32Load8U` → `i32.load8_u`, `localGet` → `local.get`. */
const spelled = (name: string): string =>
  name
    .replace(/^(i32|i64|f64|local)(?=[A-Z])/, '$1.')
    .replace(/\.([A-Z])/, (_, first: string) => `.${first.toLowerCase()}`)
    .replace(/([a-z0-9])([A-Z])/g, (_, a: string, b: string) => `${a}_${b.toLowerCase()}`);

const names = new Map<number, string>([
  ...[...PURE].map(([name, code]) => [code, name] as const),
  ...[...FLOAT].map(([name, { code }]) => [code, name] as const),
  ...Object.entries(REINTERPRET).map(([name, code]) => [code, name] as const),
  ...Object.entries(OP).map(([name, code]) => [code, spelled(name)] as const),
]);
const inverse = (map: ReadonlyMap<string, number>): ReadonlyMap<number, string> =>
  new Map([...map].map(([name, code]) => [code, name]));
const simd = inverse(SIMD);
const simdLanes = inverse(SIMD_LANES);
const types = new Map<number, string>([
  ...([
    [I32, 'i32'],
    [I64, 'i64'],
    [F64, 'f64'],
    [V128, 'v128'],
  ] as const),
]);

/** Instructions that nothing of the same line follows. */
const endsLine =
  /^(block|loop|if|else|end|br|br_if|br_table|return|drop|unreachable|local\.set|[a-z0-9]+\.store)\b/;

/** A function. */
export interface WasmFunction {
  readonly instructions: number;
  readonly lines: readonly string[];
}

/** The bodies of a module's functions. @throws Error at an instruction that we do not emit */
export function wasmText(module: Uint8Array): WasmFunction[] {
  return new Reader(module).functions();
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 8;
  readonly #imports: string[] = [];

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  functions(): WasmFunction[] {
    const found: WasmFunction[] = [];
    while (this.#at < this.#bytes.length) {
      const id = this.#byte();
      const end = this.#unsigned() + this.#at;
      if (id === SECTION_IMPORTS) this.#readImports();
      if (id === SECTION_CODE)
        for (let count = this.#unsigned(); count > 0; count--) found.push(this.#function());
      this.#at = end;
    }
    return found;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new Error('the module ends too soon');
    return byte;
  }
  #unsigned(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }
  #signed(bits: number): string {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return String(BigInt.asIntN(Math.min(bits, Number(shift) + 7), value));
    }
  }
  #text(): string {
    const length = this.#unsigned();
    this.#at += length;
    return new TextDecoder().decode(this.#bytes.subarray(this.#at - length, this.#at));
  }

  #readImports(): void {
    for (let count = this.#unsigned(); count > 0; count--) {
      this.#text();
      const name = this.#text();
      const kind = this.#byte();
      if (kind === IMPORT_FUNCTION) this.#imports.push(name);
      this.#unsigned();
      if (kind !== IMPORT_FUNCTION) this.#unsigned();
    }
  }

  #function(): WasmFunction {
    const end = this.#unsigned() + this.#at;
    const lines = [`locals ${this.#locals().join(' ')}`];
    let depth = 0;
    let line: string[] = [];
    let instructions = 0;
    while (this.#at < end) {
      const code = this.#byte();
      const text = this.#instruction(code);
      instructions++;
      const isBracket = code === OP.end || code === OP.else;
      if (line.length > 0 && isBracket) lines.push('  '.repeat(depth) + line.join('  '));
      if (isBracket) line = [];
      if (isBracket) depth--;
      line.push(text);
      if (!endsLine.test(text) || depth < 0) continue;
      lines.push('  '.repeat(depth) + line.join('  '));
      line = [];
      if (code === OP.block || code === OP.loop || code === OP.if || code === OP.else) depth++;
    }
    return { instructions, lines };
  }
  #locals(): string[] {
    const locals: string[] = [];
    for (let groups = this.#unsigned(); groups > 0; groups--) {
      const count = this.#unsigned();
      const type = types.get(this.#byte()) ?? '?';
      for (let i = 0; i < count; i++) locals.push(type);
    }
    return locals;
  }

  #instruction(code: number): string {
    if (code === SIMD_PREFIX) return this.#vector();
    if (code === BULK_PREFIX) {
      const sub = this.#unsigned();
      this.#at += sub === BULK.copy ? 2 : 1;
      return sub === BULK.copy ? 'memory.copy' : 'memory.fill';
    }
    const name = names.get(code);
    if (name === undefined) throw new Error(`opcode ${code.toString(16)} is not one of ours`);
    switch (code) {
      case OP.block:
      case OP.loop:
      case OP.if: {
        const type = this.#byte();
        return type === VOID ? name : `${name} ${types.get(type)}`;
      }
      case OP.br:
      case OP.brIf:
      case OP.localGet:
      case OP.localSet:
      case OP.localTee:
        return `${name} ${this.#unsigned()}`;
      case OP.brTable: {
        const labels = Array.from({ length: this.#unsigned() + 1 }, () => this.#unsigned());
        return `${name} ${labels.join(' ')}`;
      }
      case OP.call:
      case OP.returnCall: {
        const index = this.#unsigned();
        return `${name} ${this.#imports[index] ?? `#${index}`}`;
      }
      case OP.callIndirect:
      case OP.returnCallIndirect:
        return `${name} type ${this.#unsigned()} table ${this.#unsigned()}`;
      case OP.i32Const:
        return `${name} ${this.#signed(32)}`;
      case OP.i64Const:
        return `${name} ${this.#signed(64)}`;
      default:
        return code >= OP.i32Load && code <= OP.i64Store32 ? `${name}${this.#memory()}` : name;
    }
  }
  #memory(): string {
    this.#unsigned();
    const offset = this.#unsigned();
    return offset === 0 ? '' : ` offset=${offset}`;
  }
  #vector(): string {
    const code = this.#unsigned();
    if (code === SIMD_MEMORY.load || code === SIMD_MEMORY.store)
      return `v128.${code === SIMD_MEMORY.load ? 'load' : 'store'}${this.#memory()}`;
    if (code === SIMD_MEMORY.const)
      return `v128.const ${Array.from({ length: 16 }, () => this.#byte()).join(' ')}`;
    const lanes = simdLanes.get(code);
    if (lanes !== undefined) {
      const count = lanes === 'i8x16.shuffle' ? 16 : 1;
      return `${lanes} ${Array.from({ length: count }, () => this.#byte()).join(' ')}`;
    }
    const name = simd.get(code);
    if (name === undefined) throw new Error(`vector opcode ${code} is not one of ours`);
    return name;
  }
}
