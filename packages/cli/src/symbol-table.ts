// Names of a guest's addresses, from a System.map (`nm` and /proc/kallsyms print the same) or from an ELF file's symbol table.
import { elfSymbols, ImageError, parseElf } from '@proxeny/machine/pc';
import { CommandError } from './command-error.js';
import { readInputFile } from './input-file.js';

/** A symbol reaches to the next one, but no further than this. */
const MAX_DISTANCE = 1 << 20;
const ELF_MAGIC = 0x464c457f;
const STT_NOTYPE = 0;
const STT_FUNC = 2;
/** `c1000000 T _text`; types of code: t, T, w, W. */
const mapLine = /^([0-9a-f]{8,16}) ([tTwW]) (\S+)/i;

interface Symbol {
  /** Linear, signed canonical. */
  readonly address: number;
  readonly name: string;
}

export class SymbolTable {
  readonly #symbols: readonly Symbol[];

  constructor(symbols: readonly Symbol[] = []) {
    this.#symbols = symbols.toSorted((a, b) => a.address - b.address);
  }

  get isEmpty(): boolean {
    return this.#symbols.length === 0;
  }

  /** The function that a linear address lies in; null: none is known there. */
  nameOf(address: number): string | null {
    const symbols = this.#symbols;
    let [low, high] = [0, symbols.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((symbols[middle] as Symbol).address <= address) low = middle + 1;
      else high = middle;
    }
    const found = symbols[low - 1];
    return found && address - found.address < MAX_DISTANCE ? found.name : null;
  }
}

/** @throws CommandError when the file cannot be read, or has no symbols */
export async function readSymbols(path: string): Promise<SymbolTable> {
  const bytes = await readInputFile(path, 'symbols');
  const table = new SymbolTable(isElf(bytes) ? ofElf(bytes, path) : ofMap(bytes));
  if (table.isEmpty)
    throw new CommandError(
      `--symbols '${path}' has no symbols of code; name a System.map (Debian's in /boot is empty), what the guest has in /proc/kallsyms, or an ELF file that is not stripped`,
    );
  return table;
}

/** Symbols of a kernel that is an ELF file itself; none if it is anything else, or stripped. */
export function symbolsOfKernel(bytes: Uint8Array): SymbolTable {
  try {
    return new SymbolTable(isElf(bytes) ? ofElf(bytes, '') : []);
  } catch {
    return new SymbolTable();
  }
}

const isElf = (bytes: Uint8Array): boolean =>
  bytes.length > 4 && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) === ELF_MAGIC;

function ofElf(bytes: Uint8Array, path: string): Symbol[] {
  try {
    return elfSymbols(parseElf(bytes)).filter(
      ({ type, address }) => (type === STT_FUNC || type === STT_NOTYPE) && address !== 0,
    );
  } catch (error) {
    if (error instanceof ImageError)
      throw new CommandError(`--symbols '${path}': ${error.message}`, undefined, { cause: error });
    throw error;
  }
}

function ofMap(bytes: Uint8Array): Symbol[] {
  const symbols: Symbol[] = [];
  for (const line of new TextDecoder('latin1').decode(bytes).split('\n')) {
    const [, digits, , name] = mapLine.exec(line) ?? [];
    if (digits === undefined || name === undefined) continue;
    const value = BigInt(`0x${digits}`);
    // Addresses of 64-bit kernels are canonical: those of the upper half are negative here.
    symbols.push({ address: Number(digits.length > 8 ? BigInt.asIntN(64, value) : value), name });
  }
  return symbols;
}
