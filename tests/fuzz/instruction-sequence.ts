// Random straight code for the comparison of tiers: integer instructions whose memory operands stay near a few pointer registers,
// jumps over the next instruction, and (64-bit) a loop around it all.
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

/** One instruction of a sequence, as fast-check draws and shrinks it. */
export interface Part {
  /** Which form, and from which seed its operands are drawn. */
  readonly form: number;
  readonly seed: number;
  /** A condition code: jump over the next instruction if it holds; 16 and above: no jump in front. */
  readonly condition: number;
}

/** Registers that address memory: rBX, rBP, rSI, rDI. Few instructions may write them. */
const POINTERS: ReadonlySet<number> = new Set([3, 5, 6, 7]);
const RSP = 4;
/** Counts the iterations of the loop. */
const R15 = 15;
const PADDED_DISPLACEMENT = 0x300;
/** One instruction in so many may be anything: it may fault, or make a later one fault. */
const WILD_SHARE = 40;

/** Rows that leave the sequence, load segments or (TF, AC) change how it runs. */
const leaves =
  /^(J|CALL|RET|LOOP|INT|IRET|POPF|BOUND|ENTER|LEAVE|UD|LDS|LES|LSS|LFS|LGS|MOV_TO_SEG|POP_SEG|WR[FG]SBASE|RD[FG]SBASE|POPA)/;

const vectorFeatures = ['fpu', 'mmx', 'sse', 'sse2', 'sse3', 'ssse3', 'sse41', 'sse42'];
/** What a sequence computes with. */
export type Kind = 'integers' | 'x87, MMX and SSE registers';
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
function isTame(): boolean {
  const { row, isRegister, reg, rm, base, index, disp, segment } = instruction;
  if ([reg, rm, base, index].includes(RSP)) return false;
  if (segment > 3 || segment === 1 || /^(I?DIV|AAM|XLAT)$/.test(row.mnemonic)) return false;
  if (row.modrm !== 'none' && !isRegister) {
    if (!POINTERS.has(base) || index >= 0) return false;
    if (row.operands.some((o) => o.width === 'x') && (disp & 15) !== 0) return false;
    if (Math.abs(disp) > PADDED_DISPLACEMENT || row.mnemonic.startsWith('BT')) return false;
  }
  const names = row.operands.map((o) => o.addressing);
  const writesPointer =
    (names.includes('G') && POINTERS.has(reg)) ||
    ((isRegister || names.includes('Z')) && POINTERS.has(rm));
  return !writesPointer;
}

function drawInstruction(form: OracleForm, seed: number): Uint8Array {
  const random = new Random(seed);
  const isWild = random.oneIn(WILD_SHARE);
  for (let attempt = 0; attempt < 40; attempt++) {
    const { code } = form.encode(random);
    decode(code, 0, code.length, form.mode.bits, null, instruction);
    const { reg, rm, base, index } = instruction;
    if ([reg, rm, base, index].includes(R15)) continue;
    if (isWild || isTame()) return code;
  }
  return Uint8Array.of(0x90);
}

/** So that most sequences run to their end; half of them as ordinary programs do: round to nearest, 64-bit precision, PE seen before. */
function maskExceptions(fxsave: Uint8Array, random: Random): void {
  const view = new DataView(fxsave.buffer, fxsave.byteOffset);
  const isOrdinary = random.oneIn(2);
  view.setUint16(0, isOrdinary ? 0x37f : view.getUint16(0, true) | 0x3f, true);
  view.setUint16(2, view.getUint16(2, true) & ~0x8080, true);
  view.setUint32(24, isOrdinary ? 0x1fa0 : view.getUint32(24, true) | 0x1f80, true);
}

/** The case of a sequence: its code, and a state whose pointers lie in the middle of the window. */
export function sequenceCase(
  mode: OracleMode,
  forms: readonly OracleForm[],
  parts: readonly Part[],
  seed: number,
  kind: Kind,
): NativeCase {
  const code: number[] = [];
  for (const part of parts) {
    const bytes = drawInstruction(forms[part.form % forms.length], part.seed);
    if (part.condition < 16) code.push(0x70 | part.condition, bytes.length);
    code.push(...bytes);
  }
  // DEC R15D; JNZ to the start.
  if (mode.bits === 64) {
    code.push(0x41, 0xff, 0xcf, 0x0f, 0x85);
    const back = -(code.length + 4);
    code.push(back & 0xff, (back >> 8) & 0xff, 0xff, 0xff);
  }
  const { bits, dataBase, codeBase, segments } = mode;
  const options = { seed, bits, dataBase, codeBase, ...(segments ? { segments } : {}) };
  const generator = new CaseGenerator(options);
  const random = new Random(~seed);
  const fpu = kind === 'integers' ? {} : ({ fpu: random.oneIn(4) ? 'mmx' : 'x87' } as const);
  const { input } = generator.next({
    name: 'sequence',
    encode: () => ({ code: Uint8Array.from(code), ...fpu }),
  });
  const alignment = kind === 'integers' ? 0 : 15;
  for (const register of POINTERS) {
    const at = (WINDOW_ADDRESS - dataBase + 0x400 + random.below(0x1800)) & ~alignment;
    setGpr(input.gpr, register, BigInt(at));
  }
  if (kind !== 'integers' && !random.oneIn(16)) maskExceptions(input.fxsave, random);
  setGpr(input.gpr, 1, random.below(24));
  setGpr(input.gpr, R15, 1 + random.below(5));
  return input;
}
