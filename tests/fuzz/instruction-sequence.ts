// Random code for the comparison of tiers: instructions whose memory operands stay near a few pointer registers, with control flow
// around them: jumps over the next one, calls, returns, jumps through tables, writes into the code itself, and a loop around it all.
import { decode } from '../../packages/vcpu-x86/src/isa/decode.js';
import { usesAddress } from '../../packages/vcpu-x86/src/isa/form.js';
import { Instruction } from '../../packages/vcpu-x86/src/isa/instruction.js';
import type { Row } from '../../packages/vcpu-x86/src/isa/row.js';
import { CaseGenerator } from '../conformance/native-oracle/case-generator.js';
import { coverageOf } from '../conformance/native-oracle/coverage.js';
import { type OracleForm, oracleForms } from '../conformance/native-oracle/forms.js';
import { setGpr } from '../conformance/native-oracle/native-case.js';
import type { OracleMode } from '../conformance/native-oracle/oracle-modes.js';
import { type NativeCase, WINDOW_ADDRESS } from '../conformance/native-oracle/protocol.js';
import { Random } from '../conformance/native-oracle/random.js';
import { drawScene, entryOf, type Scene } from './scene.js';

/** One instruction of a sequence, as fast-check draws and shrinks it. */
export interface Part {
  /** Which form, and from which seed its operands are drawn. */
  readonly form: number;
  readonly seed: number;
  /** What is around the instruction, see {@link surround}. */
  readonly condition: number;
}

const RBX = 3;
const RSP = 4;
const RDI = 7;
const R15 = 15;
/** Registers that address memory, which few instructions may write: rBP, rSI, rDI, and in 64-bit code rBX. */
const pointersOf = ({ bits }: OracleMode): ReadonlySet<number> =>
  new Set(bits === 64 ? [RBX, 5, 6, RDI] : [5, 6, RDI]);
/** Counts the iterations of the loop. */
const counterOf = ({ bits }: OracleMode): number => (bits === 64 ? R15 : RBX);
/** Longest code of a sequence. */
const MAX_CODE = 400;
const PADDED_DISPLACEMENT = 0x300;
/** One instruction in so many may be anything: it may fault, or make a later one fault. */
const WILD_SHARE = 40;

/** Rows that leave the sequence, load segments or (TF, AC) change how it runs. */
const leaves =
  /^(J|CALL|RET|LOOP|INT|IRET|POPF|BOUND|ENTER|LEAVE|UD|LDS|LES|LSS|LFS|LGS|MOV_TO_SEG|POP_SEG|WR[FG]SBASE|RD[FG]SBASE|POPA)/;

const vectorFeatures = ['fpu', 'mmx', 'sse', 'sse2', 'sse3', 'ssse3', 'sse41', 'sse42'];
/** What a sequence computes with. */
export const kinds = ['integers', 'x87, MMX and SSE registers'] as const;
export type Kind = (typeof kinds)[number];
const isOf: Readonly<Record<Kind, (row: Row) => boolean>> = {
  integers: ({ feature }) => ![...vectorFeatures, 'fxsr', 'xsave'].includes(feature),
  'x87, MMX and SSE registers': ({ feature }) => vectorFeatures.includes(feature),
};

/** The forms that a sequence of this mode is made of. */
export const sequenceForms = (mode: OracleMode, kind: Kind): readonly OracleForm[] =>
  oracleForms(mode).filter(
    ({ form: { row, addressBits, isRegister } }) =>
      // 16-bit addresses reach nothing in flat segments.
      (addressBits > 16 || mode.dataBase > 0 || !usesAddress(row, isRegister)) &&
      coverageOf(row).kind === 'compared' &&
      isOf[kind](row) &&
      !leaves.test(row.mnemonic),
  );

const instruction = new Instruction();

/** Keeps the sequence going: memory operands near a pointer, no writes to pointers, no far bits, no division. */
function isTame(pointers: ReadonlySet<number>): boolean {
  const { row, isRegister, reg, rm, base, index, disp, segment } = instruction;
  if ([reg, rm, base, index].includes(RSP)) return false;
  if (segment > 3 || segment === 1 || /^(I?DIV|AAM|XLAT)$/.test(row.mnemonic)) return false;
  if (row.modrm !== 'none' && !isRegister) {
    if (!pointers.has(base) || index >= 0) return false;
    if (row.operands.some((o) => o.width === 'x') && (disp & 15) !== 0) return false;
    if (Math.abs(disp) > PADDED_DISPLACEMENT || row.mnemonic.startsWith('BT')) return false;
  }
  const names = row.operands.map((o) => o.addressing);
  const writesPointer =
    (names.includes('G') && pointers.has(reg)) ||
    ((isRegister || names.includes('Z')) && pointers.has(rm));
  return !writesPointer;
}

const drawn = new WeakMap<OracleForm, Map<number, Uint8Array>>();
/** To draw takes longer than to run: the long run's seeds come again. */
function instructionOf(form: OracleForm, seed: number): Uint8Array {
  let bySeed = drawn.get(form);
  if (!bySeed) {
    bySeed = new Map();
    drawn.set(form, bySeed);
  }
  let bytes = bySeed.get(seed);
  if (!bytes) {
    bytes = drawInstruction(form, seed);
    bySeed.set(seed, bytes);
  }
  return bytes;
}
function drawInstruction(form: OracleForm, seed: number): Uint8Array {
  const random = new Random(seed);
  const isWild = random.oneIn(WILD_SHARE);
  const pointers = pointersOf(form.mode);
  const counter = counterOf(form.mode);
  for (let attempt = 0; attempt < 40; attempt++) {
    const { code } = form.encode(random);
    decode(code, 0, code.length, form.mode.bits, null, instruction);
    const { reg, rm, base, index } = instruction;
    if ([reg, rm, base, index].includes(counter)) continue;
    if (isWild || isTame(pointers)) return code;
  }
  return Uint8Array.of(0x90);
}

/** The code so far, and where it will lie. */
interface Draft {
  readonly mode: OracleMode;
  readonly code: number[];
  /** Instruction pointer of its first byte. */
  readonly rip: number;
  /** rDI points at the code through the window, this far behind its first byte; null: it does not. */
  readonly patched: number | null;
}

const bytesOf = (value: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => Math.floor(value / 2 ** (8 * i)) & 0xff);

/** A relative branch of that opcode, and its distance in the size of the mode. */
const near = (bits: number, opcode: readonly number[], distance: number): number[] => [
  ...opcode,
  ...bytesOf(distance, bits === 16 ? 2 : 4),
];

/** Appends an instruction in what the part's `condition` says: conditional jump, call and return, jump through a table, a patch. */
function surround(draft: Draft, bytes: Uint8Array, { condition, seed }: Part): void {
  const { mode, code, rip } = draft;
  const { bits } = mode;
  const length = bytes.length;
  if (condition < 16) code.push(0x70 | condition, length, ...bytes);
  // LOOPNE, LOOPE, LOOP, JrCXZ
  else if (condition < 20) code.push(0xd0 + condition, length, ...bytes);
  else if (condition < 24) {
    // CALL f; JMP over it; f: the instruction; RET
    code.push(...near(bits, [0xe8], 2), 0xeb, length + 1, ...bytes, 0xc3);
  } else if (condition < 26) {
    // PUSH of the address behind it; RET
    const word = bits === 16 ? 2 : 4;
    const to = rip + code.length + 1 + word + 1;
    code.push(...bytes, 0x68, ...bytesOf(to + length, word), 0xc3);
  } else if (condition < 28 && bits === 32 && mode.dataBase === 0) {
    // AND ECX, 1; JMP [ECX*4 + table]; table: two places of this sequence
    const table = rip + code.length + 10;
    const [first, second] = [table + 8, table + 8 + length];
    code.push(0x83, 0xe1, 1, 0xff, 0x24, 0x8d, ...bytesOf(table, 4));
    code.push(...bytesOf(first, 4), ...bytesOf(second, 4), ...bytes);
  } else if (condition < 36 && draft.patched !== null) {
    // MOV BYTE [rDI + some byte of the code], what is there (if it is), or something else
    const random = new Random(seed ^ 0x5bd1e995);
    const at = random.below(code.length + 24);
    const value = random.oneIn(2) && at < code.length ? code[at] : random.below(256);
    const displacement = Math.max(-128, Math.min(127, at - draft.patched));
    code.push(0xc6, bits === 16 ? 0x45 : 0x47, displacement & 0xff, value, ...bytes);
  } else code.push(...bytes);
}

/** So that most sequences run to their end; half of them as ordinary programs do: round to nearest, 64-bit precision, PE seen before. */
function maskExceptions(fxsave: Uint8Array, random: Random): void {
  const view = new DataView(fxsave.buffer, fxsave.byteOffset);
  const isOrdinary = random.oneIn(2);
  view.setUint16(0, isOrdinary ? 0x37f : view.getUint16(0, true) | 0x3f, true);
  view.setUint16(2, view.getUint16(2, true) & ~0x8080, true);
  view.setUint32(24, isOrdinary ? 0x1fa0 : view.getUint32(24, true) | 0x1f80, true);
}

/** A sequence as whoever runs it needs it. */
export interface Sequence {
  readonly input: NativeCase;
  readonly scene: Scene;
}

/** The sequence of these parts: its code, a state whose pointers lie in the middle of the window, and its pages. */
export function sequenceCase(
  mode: OracleMode,
  forms: readonly OracleForm[],
  parts: readonly Part[],
  seed: number,
  kind: Kind,
): Sequence {
  const random = new Random(~seed);
  const scene = drawScene(random, 60);
  const rip = entryOf(mode, scene);
  const isPatched = scene.alias !== null && random.below(4) > 0;
  const patched = isPatched ? random.below(100) : null;
  const code: number[] = [];
  const draft: Draft = { mode, code, rip, patched };
  for (const part of parts) {
    if (code.length > MAX_CODE) break;
    surround(draft, instructionOf(forms[part.form % forms.length], part.seed), part);
  }
  // DEC of the counter; JNZ to the start.
  const { bits } = mode;
  code.push(...(bits === 64 ? [0x41, 0xff, 0xcf] : [0x48 + RBX]));
  code.push(...near(bits, [0x0f, 0x85], -(code.length + (bits === 16 ? 4 : 6))));
  const { dataBase, codeBase, segments } = mode;
  const options = { seed, bits, dataBase, codeBase, ...(segments ? { segments } : {}) };
  const generator = new CaseGenerator(options);
  const fpu = kind === 'integers' ? {} : ({ fpu: random.oneIn(4) ? 'mmx' : 'x87' } as const);
  const generated = generator.next({
    name: 'sequence',
    encode: () => ({ code: Uint8Array.from(code), ...fpu }),
  });
  const input = { ...generated.input, rip };
  const alignment = kind === 'integers' ? 0 : 15;
  for (const register of pointersOf(mode)) {
    const at = (WINDOW_ADDRESS - dataBase + 0x400 + random.below(0x1800)) & ~alignment;
    setGpr(input.gpr, register, BigInt(at));
  }
  if (scene.alias !== null && patched !== null)
    setGpr(input.gpr, RDI, BigInt(rip + codeBase + scene.alias - dataBase + patched));
  if (kind !== 'integers' && !random.oneIn(16)) maskExceptions(input.fxsave, random);
  setGpr(input.gpr, 1, random.below(24));
  setGpr(input.gpr, counterOf(mode), 1 + random.below(4));
  return { input, scene };
}
