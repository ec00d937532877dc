// ELF symbols (gABI chapter 4, "Symbol Table"), if the image still has them: for traces and debuggers, never for booting.
import { type ElfImage, nameAt, SHT_SYMTAB } from './elf.js';

export interface ElfSymbol {
  readonly name: string;
  /** Linear address, signed canonical in ELF64. */
  readonly address: number;
  readonly byteLength: number;
  /** STT_*: 0 none, 1 object, 2 function. */
  readonly type: number;
}

/** Named symbols of every symbol table, in file order; empty if stripped. */
export function elfSymbols(elf: ElfImage): ElfSymbol[] {
  const wide = elf.bits === 64;
  const size = wide ? 24 : 16;
  const view = elf.view;
  const symbols: ElfSymbol[] = [];
  for (const section of elf.sections) {
    const names = elf.sections[section.link];
    if (section.type !== SHT_SYMTAB || names === undefined) continue;
    const end = Math.min(section.offset + section.byteLength, view.byteLength);
    for (let at = section.offset; at + size <= end; at += size) {
      const name = nameAt(view, names.offset, names.byteLength, view.u32(at));
      if (name === '') continue;
      symbols.push({
        name,
        address: wide ? view.linear64(at + 8) : view.u32(at + 4),
        byteLength: wide ? view.u64(at + 16) : view.u32(at + 8),
        type: view.u8(at + (wide ? 4 : 12)) & 15,
      });
    }
  }
  return symbols;
}
