// Small ELF images for the tests of the loaders: program headers, one note section, one symbol table.
import type { ElfNote } from '../elf-note.js';

export interface BuiltSegment {
  readonly vaddr: number;
  readonly paddr: number;
  readonly bytes: Uint8Array;
  /** Default: the length of `bytes`. */
  readonly memorySize?: number;
  /** Default: PT_LOAD. */
  readonly type?: number;
}

/** A section that is no symbol table, such as notes. */
export interface BuiltSection {
  readonly name: string;
  /** SHT_*. */
  readonly type: number;
  readonly bytes: Uint8Array;
}

export interface BuiltElf {
  readonly bits: 32 | 64;
  readonly entry: number;
  readonly segments: readonly BuiltSegment[];
  readonly symbols?: readonly { readonly name: string; readonly address: number }[];
  readonly sections?: readonly BuiltSection[];
}

/** An ET_EXEC file for i386 or x86-64. */
export function buildElf(elf: BuiltElf): Uint8Array {
  const wide = elf.bits === 64;
  const headerSize = wide ? 64 : 52;
  const programHeaderSize = wide ? 56 : 32;
  const sectionHeaderSize = wide ? 64 : 40;
  const symbolSize = wide ? 24 : 16;
  const symbols = elf.symbols ?? [];
  const extra = elf.sections ?? [];
  const names = `\0.symtab\0.strtab\0${[...symbols, ...extra].map(({ name }) => `${name}\0`).join('')}`;
  const bytes = new Uint8Array(0x10000);
  const view = new DataView(bytes.buffer);
  const u16 = (at: number, value: number): void => view.setUint16(at, value, true);
  const u32 = (at: number, value: number): void => view.setUint32(at, value, true);
  const word = (at: number, value: number): void => {
    if (wide) view.setBigInt64(at, BigInt(value), true);
    else u32(at, value);
  };
  const size = wide ? 8 : 4;
  bytes.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, 1, 1]);
  u16(16, 2);
  u16(18, wide ? 62 : 3);
  u32(20, 1);
  word(24, elf.entry);
  word(24 + size, headerSize);
  const counts = 24 + 3 * size + 4;
  u16(counts, headerSize);
  u16(counts + 2, programHeaderSize);
  u16(counts + 4, elf.segments.length);

  let at = headerSize + elf.segments.length * programHeaderSize;
  for (const [i, segment] of elf.segments.entries()) {
    const header = headerSize + i * programHeaderSize;
    bytes.set(segment.bytes, at);
    u32(header, segment.type ?? 1);
    u32(header + (wide ? 4 : 24), 7);
    const fields = [
      ...[at, segment.vaddr, segment.paddr],
      ...[segment.bytes.length, segment.memorySize ?? segment.bytes.length],
    ];
    for (const [k, value] of fields.entries()) word(header + (wide ? 8 : 4) + k * size, value);
    word(header + (wide ? 48 : 28), 4);
    at = (at + segment.bytes.length + 7) & ~7;
  }
  if (symbols.length > 0 || extra.length > 0) {
    const extraAt = extra.map(({ bytes: contents }) => {
      const from = at;
      bytes.set(contents, from);
      at = (at + contents.length + 7) & ~7;
      return from;
    });
    const symbolsAt = at;
    const namesAt = symbolsAt + symbols.length * symbolSize;
    const sections = (namesAt + names.length + 7) & ~7;
    let nameAt = '\0.symtab\0.strtab\0'.length;
    for (const [i, symbol] of symbols.entries()) {
      const entry = symbolsAt + i * symbolSize;
      u32(entry, nameAt);
      word(entry + (wide ? 8 : 4), symbol.address);
      bytes[entry + (wide ? 4 : 12)] = 2; // a function
      nameAt += symbol.name.length + 1;
    }
    bytes.set(new TextEncoder().encode(names), namesAt);
    // Section headers: none, symbols, strings.
    const section = (index: number, type: number, name: number, from: number, length: number) => {
      const header = sections + index * sectionHeaderSize;
      u32(header, name);
      u32(header + 4, type);
      word(header + 8 + size * 2, from);
      word(header + 8 + size * 3, length);
      u32(header + 8 + size * 4, 2);
    };
    section(1, 2, 1, symbolsAt, symbols.length * symbolSize);
    section(2, 3, 9, namesAt, names.length);
    for (const [i, { name, type, bytes: contents }] of extra.entries()) {
      section(3 + i, type, names.indexOf(`\0${name}\0`) + 1, extraAt[i], contents.length);
    }
    word(24 + 2 * size, sections);
    u16(counts + 6, sectionHeaderSize);
    u16(counts + 8, 3 + extra.length);
    u16(counts + 10, 2);
    at = sections + (3 + extra.length) * sectionHeaderSize;
  }
  return bytes.slice(0, at);
}

/** The contents of a PT_NOTE segment. */
export function buildNotes(notes: readonly ElfNote[]): Uint8Array {
  const parts = notes.flatMap(({ owner, type, description }) => {
    const name = new TextEncoder().encode(`${owner}\0`);
    const header = new Uint8Array(Uint32Array.of(name.length, description.length, type).buffer);
    return [header, padded(name), padded(description)];
  });
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function padded(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array((bytes.length + 3) & ~3);
  whole.set(bytes);
  return whole;
}
