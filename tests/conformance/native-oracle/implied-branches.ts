// Where branches of a case go: mostly to INT3 elsewhere in the code pages, now and then to nowhere; never into the case's own bytes.
import { operandWidthBits } from '../../../packages/vcpu-x86/src/isa/form.js';
import { drawInteger } from './edge-values.js';
import { type FormDraft, littleEndian, setLow } from './form-draft.js';
import { descriptors, selectorsToLoad } from './oracle-modes.js';
import {
  CODE_ADDRESS,
  CODE_REGION_ADDRESS,
  CODE_REGION_BYTES,
  WINDOW_ADDRESS,
  WINDOW_BYTES,
} from './protocol.js';
import type { Random } from './random.js';

/** Longest code: a target less than this behind the entry might be inside. */
const OWN_BYTES = 16;

/** Distance from the case's entry to an INT3 outside of its own bytes. */
function drawDistance(random: Random): number {
  const before = CODE_ADDRESS - CODE_REGION_ADDRESS;
  const distance = random.below(CODE_REGION_BYTES - OWN_BYTES) - before;
  return distance >= 0 ? distance + OWN_BYTES : distance;
}

/** An address in the guard pages behind the data window: nothing can be fetched there, and nothing of the harness is near. */
const drawNowhere = (random: Random): number =>
  WINDOW_ADDRESS + WINDOW_BYTES + random.below(0xf0000);

/** An rIP to jump to. */
export function jumpTarget(d: FormDraft, random: Random): bigint {
  if (random.below(8)) return BigInt(d.rip + drawDistance(random));
  if (d.isLong && random.oneIn(2)) return (random.u64() & 0x7fff_ffff_ffff_ffffn) | (1n << 62n);
  return BigInt(drawNowhere(random));
}

/** Base of the code segment that a selector names. */
function baseOf(selector: number): number {
  return selector & 4 ? (descriptors[selector >> 3]?.base ?? 0) : 0;
}

/** A far pointer's bytes: offset, then selector. To load a data segment (`isData`) or to jump to. */
export function farPointer(d: FormDraft, random: Random, isData: boolean): Uint8Array {
  const selector = drawCodeSelector(d, random, isData);
  const bits = d.form.operandBits;
  const offset =
    isData && !/^(CALL|JMP)_FAR$/.test(d.form.row.mnemonic)
      ? drawInteger(random, bits)
      : BigInt(CODE_ADDRESS + drawDistance(random) - baseOf(selector));
  return Uint8Array.from([...littleEndian(offset, bits / 8), ...littleEndian(selector, 2)]);
}

function drawCodeSelector(d: FormDraft, random: Random, isData: boolean): number {
  const usual = d.mode.segments?.[1] ?? 0xffff;
  const own = usual !== 0xffff ? usual : d.isLong ? 0x33 : 0x23;
  if (!isData || /^(CALL|JMP)_FAR$/.test(d.form.row.mnemonic)) if (random.oneIn(2)) return own;
  return random.pick(selectorsToLoad(d.mode));
}

/** CS:rIP of a far return's or IRET's frame, each `bytes` wide. */
export function returnFrame(d: FormDraft, random: Random, bytes: number): number[] {
  const selector = drawCodeSelector(d, random, false);
  const target = CODE_ADDRESS + drawDistance(random) - baseOf(selector);
  return [
    ...littleEndian(target, bytes),
    ...littleEndian(selector, 2),
    ...Array(bytes - 2).fill(0),
  ];
}

/** Displacements of relative branches, operands of indirect and far ones, counters of LOOP. */
export function drawBranch(d: FormDraft): void {
  const { row, operandBits, addressBits, isRegister } = d.form;
  const { random } = d;
  const [operand] = row.operands;
  if (operand?.addressing === 'J') {
    const bytes = operand.width === 'b' ? 1 : operandBits === 16 ? 2 : 4;
    d.immediate = Array(bytes).fill(0);
    const { length } = d;
    if (bytes === 1) {
      let distance = random.below(256) - 128;
      if (distance < 0 && distance >= -length) distance = -distance;
      d.immediate = littleEndian(distance, 1);
    } else if (random.below(8)) {
      d.immediate = littleEndian(drawDistance(random) - length, bytes);
    } else {
      const away = drawNowhere(random) - CODE_ADDRESS;
      d.immediate = littleEndian(bytes === 2 ? random.below(0x8000) + 0x10 : away, bytes);
    }
    if (row.attributes.has('asize')) {
      d.registers.push({ register: 1, width: addressBits });
      d.adjusts.push((draft, r) => {
        if (r.oneIn(3)) setLow(draft, 1, addressBits, r.below(2));
      });
    }
  } else if (operand?.addressing === 'A') {
    d.immediate = [...farPointer(d, random, false)];
  } else if (/^(CALL|JMP)$/.test(row.mnemonic) && isRegister) {
    const bits = operandWidthBits(operand, operandBits);
    // The stack pointer stays on the stack: nothing can be fetched there.
    const target = (r: Random): bigint =>
      d.rm === 4 ? BigInt(d.windowIn(2) + 0x801) : jumpTarget(d, r);
    d.adjusts.push((draft, r) => setLow(draft, d.rm, bits, target(r)));
  }
}
