// How the operands of vector and x87 instructions are drawn: which kind of number, which images, which control words.
import type { Form } from '../../../packages/vcpu-x86/src/isa/form.js';
import type { Operand } from '../../../packages/vcpu-x86/src/isa/operand.js';
import type { Row } from '../../../packages/vcpu-x86/src/isa/row.js';
import type { CaseDraft, MemoryReference } from './case-generator.js';
import { drawExtended, drawLanes, type Lane } from './edge-values.js';
import { setGpr } from './native-case.js';
import type { Random } from './random.js';

const vectorLetters = new Set(['V', 'W', 'U', 'P', 'Q', 'N']);
export const isVectorRow = (row: Row): boolean =>
  row.operands.some((o) => vectorLetters.has(o.addressing)) ||
  ['EMMS', 'LDMXCSR', 'STMXCSR'].includes(row.mnemonic);
export const isMmxRow = (row: Row): boolean =>
  row.mnemonic === 'EMMS' || row.operands.some((o) => 'PQN'.includes(o.addressing));

/** What the row's registers hold. */
export function laneOf(row: Row, random: Random): Lane {
  const isInteger = /^(P|MOV|MASK|LDD)/.test(row.mnemonic);
  if (/^CVT(DQ|PI|SI)/.test(row.mnemonic)) return random.pick(['int32', 'int64']);
  if (!isInteger && /(PS|SS|PS2.*|SS2.*)$/.test(row.mnemonic)) return 'float32';
  if (!isInteger && /(PD|SD|PD2.*|SD2.*)$/.test(row.mnemonic)) return 'float64';
  return random.pick(['int8', 'int16', 'int32', 'int64']);
}

/** Strings of PCMPxSTRx: few different elements, short lengths; otherwise nothing ever matches. */
export function drawStrings(draft: CaseDraft, random: Random): void {
  const { code, fxsave, gpr, patches } = draft;
  const isWord = (code[code.length - 1] & 1) !== 0;
  const element = random.oneIn(8) ? 0x7e : 0;
  const redraw = (bytes: Uint8Array, from: number, to: number): void => {
    for (let i = from; i < to; i++) {
      bytes[i] = isWord && i & 1 ? 0 : random.oneIn(12) ? 0 : element + 1 + random.below(4);
      if (random.oneIn(40)) bytes[i] = 0xff - random.below(3);
    }
  };
  redraw(fxsave, 160, 416);
  for (const { bytes } of patches) redraw(bytes, 0, bytes.length);
  for (const register of [0, 2]) {
    if (random.oneIn(6)) continue;
    setGpr(gpr, register, random.below(41) - 20);
  }
}

/** What programs run with, half of the time: everything masked, to nearest, an inexact result behind them. */
export function calmMxcsr({ fxsave }: CaseDraft, random: Random): void {
  if (random.oneIn(2)) fxsave.set([0xa0, 0x1f], 24);
}

/** An MXCSR to load. Bit 17, which only AMD processors have, stays clear. */
export function drawMxcsr(random: Random): Uint8Array {
  const bytes = drawLanes(random, 'int32', 4);
  bytes[2] &= ~2;
  if (random.below(4)) bytes[2] = bytes[3] = 0;
  return bytes;
}

/** An FXSAVE or XSAVE image to load: any values, most often such as do not fault. */
export function drawImage(random: Random, byteLength: number): Uint8Array {
  const image = new Uint8Array(byteLength);
  const view = new DataView(image.buffer);
  image.set(drawLanes(random, 'int32', 32), 0);
  view.setUint32(24, random.oneIn(10) ? random.u32() & ~0x2_0000 : random.u32() & 0xffff, true);
  for (let i = 0; i < 8; i++) image.set(drawExtended(random), 32 + i * 16);
  image.set(drawLanes(random, 'int64', 256), 160);
  if (byteLength > 512) {
    view.setUint32(512, random.below(4) | (random.oneIn(12) ? 0x400 : 0), true);
    if (random.oneIn(12)) image[520 + random.below(16)] = 1;
  }
  return image;
}

/** Memory operands of x87 instructions: their lanes, or the images of the environment and the whole state. */
export function x87Memory(form: Form, o: Operand): Pick<MemoryReference, 'byteLength' | 'lane'> {
  const { mnemonic } = form.row;
  const isInteger = mnemonic.startsWith('FI') || mnemonic.startsWith('FN') || mnemonic === 'FLDCW';
  switch (o.width) {
    case 'w':
      return { byteLength: 2 };
    case 'd':
      return { byteLength: 4, lane: isInteger ? 'int32' : 'float32' };
    case 'q':
      return { byteLength: 8, lane: isInteger ? 'int64' : 'float64' };
    case 't':
      return mnemonic.startsWith('FB') ? { byteLength: 10 } : { byteLength: 10, lane: 'extended' };
  }
  const isWide = form.operandBits !== 16;
  if (mnemonic.endsWith('ENV')) return { byteLength: isWide ? 28 : 14 };
  return { byteLength: isWide ? 108 : 94 };
}
