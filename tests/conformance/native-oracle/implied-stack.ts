// The stack of a case: memory at rSP (LEAVE: rBP), and what lies there for the instructions that pop something with a meaning.
import type { MemoryReference } from './case-generator.js';
import { type FormDraft, littleEndian } from './form-draft.js';
import { jumpTarget, returnFrame } from './implied-branches.js';
import { selectorsToLoad } from './oracle-modes.js';
import type { Random } from './random.js';

type Bytes = (random: Random) => number[];

/** TF would trap in the code of the oracle itself; the rest may be anything. */
const drawFlags = (random: Random, bytes: number): number[] =>
  littleEndian(random.u32() & ~0x100, bytes);

export function stackOperands(d: FormDraft): void {
  const { row, operandBits } = d.form;
  const width = operandBits / 8;
  const push = (bytes: number): void => addStack(d, 4, width, bytes);
  const pop = (bytes: number, contents?: Bytes): void => addStack(d, 4, bytes, 0, contents);
  switch (row.mnemonic) {
    case 'PUSH':
    case 'PUSH_SEG':
    case 'PUSHF':
    case 'CALL':
      return push(width);
    case 'PUSHA':
      return push(8 * width);
    case 'CALL_FAR':
      return push(2 * width);
    case 'POP':
      return pop(width);
    case 'POPA':
      return pop(8 * width);
    case 'POP_SEG':
      return pop(width, (r) => [
        ...littleEndian(r.pick(selectorsToLoad(d.mode)), 2),
        ...littleEndian(r.u32(), width - 2),
      ]);
    case 'POPF':
      return pop(width, (r) => drawFlags(r, width));
    case 'RET':
      return pop(width, (r) => littleEndian(jumpTarget(d, r), width));
    case 'RET_FAR':
      return pop(2 * width, (r) => [...returnFrame(d, r, width), ...drawOuterStack(d, r, width)]);
    case 'IRET':
      return pop((d.isLong ? 5 : 3) * width, (r) => [
        ...returnFrame(d, r, width),
        ...drawFlags(r, width),
        ...drawOuterStack(d, r, width),
      ]);
    case 'LEAVE':
      return addStack(d, 5, width, 0);
    case 'ENTER':
      return drawEnter(d);
  }
}

/** rSP and SS of a frame that has them. */
function drawOuterStack(d: FormDraft, random: Random, bytes: number): number[] {
  const selector = random.below(4) ? 0x2b : random.pick(selectorsToLoad(d.mode));
  const pointer = 0x2000_0000 + random.below(0x2000);
  return [
    ...littleEndian(pointer, bytes),
    ...littleEndian(selector, 2),
    ...Array(bytes - 2).fill(0),
  ];
}

function addStack(
  d: FormDraft,
  base: 4 | 5,
  byteLength: number,
  reachBelow: number,
  contents?: Bytes,
): void {
  // A memory operand based on the stack pointer has placed it already.
  if (d.memory.some((m) => m.base === base || m.index === base)) return;
  const { mode } = d;
  const reference: MemoryReference = {
    ...{ base, byteLength, reachBelow, addressBits: mode.stackBits },
    segmentBase: mode.overrides[2].base,
    ...(contents
      ? { bytes: (_draft: unknown, random: Random) => Uint8Array.from(contents(random)) }
      : {}),
  };
  d.memory.push(reference);
}

/** ENTER: small frames and few levels mostly; the frame pointers of outer levels are read below rBP. */
function drawEnter(d: FormDraft): void {
  const { random } = d;
  const size = random.oneIn(12) ? random.below(0x10000) : random.below(0x80);
  const level = random.oneIn(3) ? 0 : random.oneIn(12) ? random.below(256) : random.below(5);
  d.immediate = [...littleEndian(size, 2), level];
  const width = d.form.operandBits / 8;
  const pushes = (1 + (level & 31)) * width;
  addStack(d, 5, width, Math.min(pushes, 0x400));
  addStack(d, 4, width, Math.min(pushes + size, 0x800));
}
