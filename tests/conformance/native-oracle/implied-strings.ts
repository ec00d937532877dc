// String instructions: memory at rSI and rDI, small counts, and runs of equal elements, so that comparisons end anywhere.
import { operandWidthBits } from '../../../packages/vcpu-x86/src/isa/form.js';
import type { CaseDraft } from './case-generator.js';
import { type FormDraft, patchWindow, setLow } from './form-draft.js';
import { gprOf } from './native-case.js';
import { WINDOW_ADDRESS } from './protocol.js';
import type { Random } from './random.js';

const DS = 3;
const ES = 0;
const MAX_COUNT = 40;

export function stringOperands(d: FormDraft): void {
  const { row, addressBits, operandBits } = d.form;
  const { random, mode } = d;
  const indexed = row.operands.filter((o) => 'XY'.includes(o.addressing));
  if (indexed.length === 0) return;
  const size = operandWidthBits(indexed[0], operandBits) / 8;
  const repeats = d.legacy.includes(0xf3) || d.legacy.includes(0xf2);
  const reach = repeats ? size * 16 : 0;
  const bases: number[] = [];
  for (const o of indexed) {
    const segment = o.addressing === 'Y' ? ES : d.segment >= 0 ? d.segment : DS;
    const base = o.addressing === 'X' ? 6 : 7;
    const segmentBase = mode.overrides[segment].base;
    d.memory.push({ base, addressBits, byteLength: size + reach, reachBelow: reach, segmentBase });
    bases[base] = segmentBase;
  }
  if (repeats) {
    if (random.oneIn(6)) d.steps = 1;
    d.adjusts.push((draft, r) => setLow(draft, 1, addressBits, r.below(MAX_COUNT)));
  }
  if (/^(CMPS|SCAS)$/.test(row.mnemonic))
    d.adjusts.push((draft, r) => equalRun(draft, r, { size, addressBits, bases }));
  if (/^(MOVS|STOS)$/.test(row.mnemonic) && repeats)
    d.adjusts.push((draft, r) => longRun(draft, r, addressBits));
}

/** Counts that the bulk routines take whole pages of; forward, most often. */
function longRun(draft: CaseDraft, random: Random, addressBits: number): void {
  if (random.oneIn(2)) draft.rflags &= ~0x400;
  if (random.oneIn(6)) setLow(draft, 1, addressBits, random.below(0x600));
}

interface Run {
  readonly size: number;
  readonly addressBits: number;
  /** Segment bases by index register. */
  readonly bases: readonly number[];
}

/** Makes the elements at the indexes equal (to AL and each other) for a while, half of the time. */
function equalRun(draft: CaseDraft, random: Random, { size, addressBits, bases }: Run): void {
  if (random.oneIn(2)) return;
  const isDown = (draft.rflags & 0x400) !== 0;
  const count = random.below(MAX_COUNT);
  const element = gprOf(draft.gpr, 0);
  for (const register of [6, 7]) {
    if (bases[register] === undefined) continue;
    const index = Number(BigInt.asUintN(addressBits, gprOf(draft.gpr, register)));
    const at = index + bases[register] - WINDOW_ADDRESS;
    if (!(at > -0x1000 && at < 0x3000)) continue;
    const bytes = new Uint8Array(size * count);
    for (let i = 0; i < bytes.length; i++)
      bytes[i] = Number((element >> BigInt((i % size) * 8)) & 0xffn);
    patchWindow(draft, isDown ? at - size * (count - 1) : at, bytes);
  }
}
