// One row of the instruction tables: literal facts of an encoding, parsed once at load. See row-parser.ts for the tuple's grammar.
import type { Operand } from './operand.js';

/**
 * A row as the tables write it: encoding, template, flags, attributes.
 * - encoding: `"00 /r"`, `"0F AF /r"`, `"66 0F 6F /r"`, `"NP 0F 28 /r"`, `"F3 0F 10 /r"`, `"80 /0"`, `"50+r"`, `"D8 C0+i"`, `"0F 01 D0"` (fixed ModRM), `"D9 /0 mem"`, `"0F C7 /6 reg"`
 * - template: mnemonic and operands, destination first: `"ADD Eb,Gb"`; immediates and relatives are named by their operands (`Ib`, `Iz`, `Ibs`, `Jz`)
 * - flags: `w=` written, `r=` read, `u=` left undefined, `0=`/`1=` constant; letters o s z a p c d i: `"w=oszapc r=c"`
 * - attributes: words; `lock` may take LOCK · `ends` ends a block · `cpl0` privileged · `pm` #UD in real and v86 mode · `no64` · `only64` ·
 *   `d64` operand size defaults to 64 in 64-bit mode · `f64` is always 64 there · `rep` takes REP · `repz` takes REPE/REPNE
 *   (flags stay as they were when the count is 0) · `hint` a no-operation to CPUs that do not know it ·
 *   `size=v` `size=y` `size=z` the operand size matters though no operand says so · `asize` so does the address size ·
 *   `unaligned` a memory operand of width x need not be aligned · `rexw` the row's meaning with REX.W, beside one without ·
 *   `alias` another row says the same: never chosen by the assembler · a CPUID feature (CpuFeature in row-parser.ts)
 */
export type RowTuple = readonly [
  encoding: string,
  template: string,
  flags: string,
  attributes: string,
];

/** Mandatory prefix: none required, exactly none (NP), 66, F3 or F2. */
export type MandatoryPrefix = '' | 'np' | '66' | 'f3' | 'f2';

export interface Row {
  /** Position in the joined table: dense, stable within one build. */
  readonly id: number;
  readonly mnemonic: string;
  readonly operands: readonly Operand[];
  /** Opcode map: 0 one-byte, 1 = 0F, 2 = 0F 38, 3 = 0F 3A. */
  readonly map: 0 | 1 | 2 | 3;
  readonly opcode: number;
  readonly prefix: MandatoryPrefix;
  /** ModRM.reg as opcode extension, or -1. */
  readonly extension: number;
  /** Which ModRM.mod values the row accepts; `none`: no ModRM byte. */
  readonly modrm: 'none' | 'any' | 'mem' | 'reg';
  /** ModRM.rm fixed by the row (`0F 01 D0`), or -1. */
  readonly fixedRm: number;
  /** The register number sits in the opcode's low three bits (`50+r`). */
  readonly registerInOpcode: boolean;
  /** RFLAGS bits written with a defined value, read, left undefined, in RFLAGS positions. */
  readonly flagsWritten: number;
  readonly flagsRead: number;
  readonly flagsUndefined: number;
  readonly attributes: ReadonlySet<string>;
  /** CPUID feature that the row needs, or '' for the base set. */
  readonly feature: string;
  /** The tuple it was parsed from, for messages and generated tables. */
  readonly source: RowTuple;
}
