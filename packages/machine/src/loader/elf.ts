// ELF32 and ELF64, little-endian x86: header, program headers and section headers of an untrusted file.
// System V ABI gABI 4.1 chapters 4–5. Notes are in elf-note.ts, symbols in elf-symbol.ts.
import { ImageView } from './image-view.js';
import { hex, ImageError } from './load-error.js';

export const ET_EXEC = 2;
export const ET_DYN = 3;
export const EM_386 = 3;
export const EM_X86_64 = 62;
export const PT_LOAD = 1;
export const PT_NOTE = 4;
export const SHT_SYMTAB = 2;
export const SHT_NOTE = 7;

/** A program header. Sizes and offsets in bytes. */
export interface ElfSegment {
  readonly type: number;
  /** PF_X = 1, PF_W = 2, PF_R = 4. */
  readonly flags: number;
  readonly offset: number;
  /** Linear address, signed canonical in ELF64. */
  readonly vaddr: number;
  readonly paddr: number;
  readonly fileSize: number;
  readonly memorySize: number;
  readonly alignment: number;
}

/** A section header. */
export interface ElfSection {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  /** Linear address, signed canonical in ELF64. */
  readonly address: number;
  readonly offset: number;
  readonly byteLength: number;
  readonly link: number;
  readonly alignment: number;
  readonly entrySize: number;
}

export interface ElfImage {
  readonly view: ImageView;
  /** 32 or 64. */
  readonly bits: 32 | 64;
  /** EM_*. */
  readonly machine: number;
  /** ET_*. */
  readonly type: number;
  /** Linear address of the entry point, signed canonical in ELF64. */
  readonly entry: number;
  readonly segments: readonly ElfSegment[];
  /** Empty if the file has none or their table lies outside of the file (stripped, truncated tail). */
  readonly sections: readonly ElfSection[];
}

export function isElf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/**
 * Parses and validates the headers; file ranges of segments are checked, addresses are not (see elf-segments.ts).
 * @throws ImageError `truncated`, `malformed`, `unsupported` (not x86, not little-endian, an object file)
 */
export function parseElf(bytes: Uint8Array, name = 'ELF image'): ElfImage {
  const view = new ImageView(bytes, name);
  if (!isElf(bytes)) throw new ImageError('not-an-image', `${name} is not an ELF file`);
  const fileClass = view.u8(4);
  if (fileClass !== 1 && fileClass !== 2) {
    throw new ImageError('malformed', `${name}: ELF class ${fileClass} is neither 32 nor 64 bit`);
  }
  const wide = fileClass === 2;
  if (view.u8(5) !== 1) throw new ImageError('unsupported', `${name} is big-endian, not for x86`);
  const machine = view.u16(18);
  if (machine !== EM_386 && machine !== EM_X86_64) {
    throw new ImageError(
      'unsupported',
      `${name} is for another processor (ELF machine ${machine}); an i386 or x86-64 image is needed`,
    );
  }
  const type = view.u16(16);
  if (type !== ET_EXEC && type !== ET_DYN) {
    throw new ImageError(
      'unsupported',
      `${name} is an ELF ${type === 1 ? 'object or kernel module' : `file of type ${type}`}, not an executable`,
    );
  }
  return {
    view,
    bits: wide ? 64 : 32,
    machine,
    type,
    entry: wide ? view.linear64(24) : view.u32(24),
    segments: readSegments(view, wide),
    sections: readSections(view, wide),
  };
}

function readSegments(view: ImageView, wide: boolean): ElfSegment[] {
  const table = wide ? view.u64(32) : view.u32(28);
  const entrySize = view.u16(wide ? 54 : 42);
  const count = view.u16(wide ? 56 : 44);
  const needed = wide ? 56 : 32;
  if (count > 0 && entrySize < needed) {
    throw new ImageError('malformed', `${view.what}: program header size ${entrySize}`);
  }
  view.need(table, count * entrySize, 'the program header table');
  const segments: ElfSegment[] = [];
  for (let i = 0; i < count; i++) {
    const at = table + i * entrySize;
    const segment: ElfSegment = wide
      ? {
          type: view.u32(at),
          flags: view.u32(at + 4),
          offset: view.u64(at + 8),
          vaddr: view.linear64(at + 16),
          paddr: view.u64(at + 24),
          fileSize: view.u64(at + 32),
          memorySize: view.u64(at + 40),
          alignment: view.u64(at + 48),
        }
      : {
          type: view.u32(at),
          flags: view.u32(at + 24),
          offset: view.u32(at + 4),
          vaddr: view.u32(at + 8),
          paddr: view.u32(at + 12),
          fileSize: view.u32(at + 16),
          memorySize: view.u32(at + 20),
          alignment: view.u32(at + 28),
        };
    if (segment.type === PT_LOAD || segment.type === PT_NOTE) {
      view.need(segment.offset, segment.fileSize, `segment ${i} (at ${hex(segment.paddr)})`);
    }
    if (segment.type === PT_LOAD && segment.fileSize > segment.memorySize) {
      throw new ImageError(
        'malformed',
        `${view.what}: segment ${i} has more bytes in the file than in memory; the file is damaged`,
      );
    }
    segments.push(segment);
  }
  return segments;
}

function readSections(view: ImageView, wide: boolean): ElfSection[] {
  const table = wide ? view.u64(40) : view.u32(32);
  const entrySize = view.u16(wide ? 58 : 46);
  const count = view.u16(wide ? 60 : 48);
  const namesIndex = view.u16(wide ? 62 : 50);
  // Sections are optional for booting: a table that does not fit is treated as stripped.
  if (table === 0 || count === 0 || entrySize < (wide ? 64 : 40)) return [];
  if (table + count * entrySize > view.byteLength) return [];
  const headers: (Omit<ElfSection, 'name'> & { readonly nameOffset: number })[] = [];
  for (let i = 0; i < count; i++) {
    const at = table + i * entrySize;
    headers.push(
      wide
        ? {
            nameOffset: view.u32(at),
            type: view.u32(at + 4),
            flags: view.u32(at + 8),
            address: view.linear64(at + 16),
            offset: view.u64(at + 24),
            byteLength: view.u64(at + 32),
            link: view.u32(at + 40),
            alignment: view.u64(at + 48),
            entrySize: view.u64(at + 56),
          }
        : {
            nameOffset: view.u32(at),
            type: view.u32(at + 4),
            flags: view.u32(at + 8),
            address: view.u32(at + 12),
            offset: view.u32(at + 16),
            byteLength: view.u32(at + 20),
            link: view.u32(at + 24),
            alignment: view.u32(at + 32),
            entrySize: view.u32(at + 36),
          },
    );
  }
  const names = headers[namesIndex];
  return headers.map(({ nameOffset, ...section }) => ({
    ...section,
    name: names === undefined ? '' : nameAt(view, names.offset, names.byteLength, nameOffset),
  }));
}

/** The string at `index` of a string table; empty if it lies outside of the table or the file. */
export function nameAt(view: ImageView, table: number, byteLength: number, index: number): string {
  const at = table + index;
  if (index >= byteLength || at >= view.byteLength) return '';
  return view.text(at, Math.min(byteLength - index, 512));
}
