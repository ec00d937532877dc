// What an instruction uses beyond the operands that its encoding names (stack, string indexes, accumulator pairs, bit strings), and
// what its operands should hold so that interesting things happen: quotients that fit, comparands that match, targets to jump to.
import { operandWidthBits } from '../../../packages/vcpu-x86/src/isa/form.js';
import type { Operand } from '../../../packages/vcpu-x86/src/isa/operand.js';
import type { MemoryReference } from './case-generator.js';
import { drawInteger, type IntegerWidth } from './edge-values.js';
import { type FormDraft, littleEndian, setLow } from './form-draft.js';
import { drawBranch, farPointer, jumpTarget } from './implied-branches.js';
import { stackOperands } from './implied-stack.js';
import { stringOperands } from './implied-strings.js';
import { gprOf } from './native-case.js';
import { selectorsToLoad } from './oracle-modes.js';
import type { Random } from './random.js';
import {
  calmMxcsr,
  drawImage,
  drawMxcsr,
  drawStrings,
  isMmxRow,
  isVectorRow,
  laneOf,
  x87Memory,
} from './vector-operands.js';

/** Registers that {@link addImplied} sets, so that no address may be made of them. */
export function reservedRegisters(d: FormDraft): ReadonlySet<number> {
  const { mnemonic } = d.form.row;
  if (/^(CMPXCHG$|DIV|IDIV|PCMP.STR|XSAVE|XRSTOR)/.test(mnemonic)) return new Set([0, 2]);
  if (/^CMPXCHG(8|16)B/.test(mnemonic)) return new Set([0, 1, 2, 3]);
  if (/^BT[SRC]?$/.test(mnemonic)) return new Set([d.reg]);
  return new Set();
}

type Contents = Pick<
  MemoryReference,
  'byteLength' | 'alignment' | 'lane' | 'bytes' | 'reachBelow' | 'mayFault'
>;

/** Size, alignment and bytes of the memory operand `o` in ModRM. */
export function memoryContents(d: FormDraft, o: Operand | undefined): Contents {
  const { row, operandBits } = d.form;
  const { mnemonic } = row;
  if (!o) return { byteLength: 1 };
  if (row.feature === 'fpu') return x87Memory(d.form, o);
  const byteLength = operandWidthBits(o, operandBits) / 8 || 1;
  if (/^FX(SAVE|RSTOR)$/.test(mnemonic))
    return { byteLength: 512, alignment: 16, bytes: (_, r) => drawImage(r, 512) };
  if (/^X(SAVE|RSTOR|SAVEOPT)$/.test(mnemonic))
    return { byteLength: 576, alignment: 64, bytes: (_, r) => drawImage(r, 576) };
  if (mnemonic === 'LDMXCSR') return { byteLength, bytes: (_, r) => drawMxcsr(r) };
  if (o.width === 'p') return { byteLength, bytes: (_, r) => farPointer(d, r, true) };
  if (o.width === 'a') return { byteLength, bytes: () => drawBounds(d) };
  if (row.operands[0].addressing === 'S') return { byteLength, bytes: () => drawSelector(d) };
  if (row.attributes.has('pm') && o.width === 'w')
    return { byteLength, bytes: (_, r) => (r.oneIn(2) ? drawSelector(d) : anySelector(r)) };
  if (/^(CALL|JMP)$/.test(mnemonic))
    return { byteLength, bytes: (_, r) => Uint8Array.from(littleEndian(jumpTarget(d, r), 8)) };
  if (/^CMPXCHG/.test(mnemonic)) {
    const isPair = mnemonic !== 'CMPXCHG';
    const alignment = byteLength === 16 ? { alignment: 16 } : {};
    return { byteLength, ...alignment, bytes: comparand(byteLength, isPair) };
  }
  if (isVectorRow(row)) {
    const isAligned = o.width === 'x' && !row.attributes.has('unaligned');
    const lane = laneOf(row, d.random);
    return {
      byteLength,
      ...(byteLength >= 8 || lane.startsWith('float') ? { lane } : {}),
      ...(isAligned ? { alignment: 16 } : {}),
    };
  }
  return { byteLength };
}

/** What is compared with, half of the time: rAX, or the pair rDX:rAX. */
function comparand(byteLength: number, isPair: boolean): Contents['bytes'] {
  return (draft, random) => {
    if (random.oneIn(2)) return undefined;
    if (!isPair) return Uint8Array.from(littleEndian(gprOf(draft.gpr, 0), byteLength));
    const part = byteLength / 2;
    const words = [0, 2].flatMap((n) => littleEndian(gprOf(draft.gpr, n), part));
    return Uint8Array.from(words);
  };
}

function drawBounds(d: FormDraft): Uint8Array {
  const { random } = d;
  const bits = d.form.operandBits as IntegerWidth;
  const [a, b] = [drawInteger(random, bits), drawInteger(random, bits)].map((v) =>
    BigInt.asIntN(bits, v),
  );
  const [lower, upper] = a < b || random.oneIn(8) ? [a, b] : [b, a];
  return Uint8Array.from([...littleEndian(lower, bits / 8), ...littleEndian(upper, bits / 8)]);
}

/** Any word but a selector of the GDT's last entry, which holds the number of the CPU. */
function anySelector(random: Random): Uint8Array {
  const word = Number(drawInteger(random, 16));
  return Uint8Array.from(littleEndian((word & 0xfff8) === 0x78 ? word ^ 0x2000 : word, 2));
}

function drawSelector(d: FormDraft): Uint8Array {
  return Uint8Array.from(littleEndian(d.random.pick(selectorsToLoad(d.mode)), 2));
}

/** Adds implied registers and memory, and what adjusts the finished case. */
export function addImplied(d: FormDraft): void {
  const { row, operandBits, addressBits, isRegister } = d.form;
  const { random } = d;
  const { mnemonic } = row;
  drawBranch(d);
  stackOperands(d);
  stringOperands(d);
  if (row.feature === 'fpu') d.fpu = 'x87';
  else if (isMmxRow(row)) d.fpu = random.oneIn(8) ? 'x87' : 'mmx';
  else if (/^(FX|X)(SAVE|RSTOR)/.test(mnemonic)) d.fpu = random.pick(['x87', 'mmx']);
  if (isVectorRow(row)) d.lane = laneOf(row, random);
  if (d.lane?.startsWith('float')) d.adjusts.push(calmMxcsr);
  if (/^PCMP.STR/.test(mnemonic)) d.adjusts.push(drawStrings);
  if (/^MASKMOV/.test(mnemonic)) {
    const segment = d.segment >= 0 ? d.segment : 3;
    const segmentBase = d.mode.overrides[segment].base;
    const byteLength = isMmxRow(row) ? 8 : 16;
    d.memory.push({ base: 7, addressBits, byteLength, segmentBase, mayFault: false });
  }
  if (/FSBASE|GSBASE/.test(mnemonic)) addBases(d);
  if (/^I?DIV$/.test(mnemonic)) divide(d);
  else if (/^I?MUL$/.test(mnemonic) && row.operands.length === 1)
    d.registers.push({ register: 0, width: operandWidthBits(row.operands[0], operandBits) as 8 });
  else if (/^BT[SRC]?$/.test(mnemonic) && !isRegister && row.operands[1].addressing === 'G') {
    // Bits reach 2 KiB to either side, so mostly inside the window.
    d.adjusts.push((draft, r) => setLow(draft, d.reg, operandBits, r.below(0x8000) - 0x4000));
  } else if (mnemonic === 'XLAT') translate(d);
  else if (mnemonic === 'CMPXCHG' && isRegister) {
    const bits = operandWidthBits(row.operands[0], operandBits);
    d.adjusts.push((draft, r) => {
      if (r.oneIn(2)) setLow(draft, 0, bits, gprOf(draft.gpr, d.rm));
    });
  } else if (/^X(SAVE|RSTOR)/.test(mnemonic)) {
    d.adjusts.push((draft, r) => {
      // The components that we know; now and then SSE registers in their initial configuration.
      setLow(draft, 0, 64, r.below(4));
      setLow(draft, 2, 64, 0);
      if (r.oneIn(6)) draft.fxsave.fill(0, 160, 416);
    });
  } else if (/^(LAR|LSL|VERR|VERW|MOV_TO_SEG)$/.test(mnemonic) && isRegister) {
    d.adjusts.push((draft, r) => {
      const isUsual = mnemonic === 'MOV_TO_SEG' || r.below(4) > 0;
      const [low, high] = isUsual ? drawSelector(d) : anySelector(r);
      setLow(draft, d.rm, 16, low | (high << 8));
    });
  } else if (/^(AAA|AAS|DAA|DAS|AAM|AAD|CBW|CWD|LAHF|SAHF|SALC)$/.test(mnemonic)) {
    d.registers.push({ register: 0, width: 16 });
  }
}

function addBases(d: FormDraft): void {
  d.usesBases = true;
  d.adjusts.push((draft, r) => {
    // Canonical most of the time, but in the user's half: Linux reads no other base back.
    if (r.below(4)) draft.gpr[d.rm * 2 + 1] &= 0x7fff;
  });
}

/** A quotient that fits two times in three. */
function divide(d: FormDraft): void {
  const bits = operandWidthBits(d.form.row.operands[0], d.form.operandBits);
  const isSigned = d.form.row.mnemonic === 'IDIV';
  d.registers.push({ register: 0, width: bits as IntegerWidth });
  d.adjusts.push((draft, r) => {
    const choice = r.below(4);
    if (choice === 0) return;
    const wide = bits === 8 ? 16n : BigInt(bits);
    const low = gprOf(draft.gpr, 0);
    const negative = isSigned && ((low >> BigInt(bits - 1)) & 1n) === 1n;
    const high = choice === 1 ? BigInt(r.below(4)) : negative ? -1n : 0n;
    if (bits === 8) setLow(draft, 0, 16, (BigInt.asUintN(8, high) << 8n) | (low & 0xffn));
    else setLow(draft, 2, Number(wide), high);
  });
}

/** XLAT reads at rBX + AL. */
function translate(d: FormDraft): void {
  const { addressBits } = d.form;
  const segment = d.segment >= 0 ? d.segment : 3;
  d.memory.push({
    base: 3,
    addressBits,
    byteLength: 1,
    segmentBase: d.mode.overrides[segment].base,
  });
  d.adjusts.push((draft) => {
    const al = gprOf(draft.gpr, 0) & 0xffn;
    setLow(draft, 3, addressBits, gprOf(draft.gpr, 3) - al);
  });
}
