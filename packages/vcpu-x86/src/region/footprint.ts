// What an instruction does to memory and to general registers, as far as addresses are sums of registers and constants: once for each
// program, since regions share those.
import type { Node } from '../ir/node.js';
import { LOAD_SEGMENT } from '../semantics/contained-routines.js';
import { GPR, SEGMENTS, SELECTORS, TLB_BASE } from '../state/layout.js';

const GPR_END = GPR + 128;
/** In {@link Footprint.changes}: other translations are in use, of pages or by a segment. */
export const TRANSLATIONS = 0x10000;
const EVERYTHING = 0x1ffff;
/** What a term names beside registers 0–15: bases of segments. */
const SEGMENT_TERM = 16;
/** Shifts of a term that are followed. */
export const TERM_SHIFTS = 4;
/** Is what a term names the base of a segment? */
export const isSegmentTerm = (named: number): boolean => named >= SEGMENT_TERM;
/** Of such a term, where the state page has it. */
export const segmentOfTerm = (named: number): number => SEGMENTS + (named - SEGMENT_TERM) * 8;

/** A sum of at most two terms: {@link TERM_SHIFTS} times what it names, plus how far that is shifted; -1: none. */
export interface Sum {
  readonly first: number;
  readonly second: number;
  readonly offset: number;
}

/** One access whose linear address is a sum. */
export interface Reach {
  readonly node: Node;
  readonly at: Sum;
  readonly bytes: number;
  readonly isWrite: boolean;
  /** The address wraps at 32 bits. */
  readonly wraps: boolean;
}

/** A register becomes another one, or itself, plus a constant. */
export interface Move {
  readonly register: number;
  readonly from: number;
  readonly offset: number;
}

export interface Footprint {
  /** In the order of their execution; all of them come before any register is set. */
  readonly reaches: readonly Reach[];
  readonly moves: readonly Move[];
  /** General registers by number, and {@link TRANSLATIONS}, that it may change. */
  readonly changes: number;
}

const footprints = new WeakMap<readonly Node[], Footprint>();

/** `wide`: of 64-bit code. */
export function footprintOf(program: readonly Node[], wide: boolean): Footprint {
  let f = footprints.get(program);
  if (!f) {
    f = footprint(program, wide);
    footprints.set(program, f);
  }
  return f;
}

function footprint(program: readonly Node[], wide: boolean): Footprint {
  const reaches: Reach[] = [];
  let moves: Move[] = [];
  let changes = 0;
  for (const n of program) {
    if (n.op === 'load' || (n.op === 'store' && !n.load)) {
      const [linear] = n.args;
      const wraps = isExtended(linear);
      const at = changes === 0 ? sumOf(wraps ? linear.args[0] : linear, wide) : null;
      const isWrite = n.op === 'store' || n.update;
      if (at) reaches.push({ node: n, at, bytes: n.access.bits / 8, isWrite, wraps });
      continue;
    }
    const changed = changesOf(n);
    if ((changes & changed) !== 0) moves = moves.filter((m) => ((changed >> m.register) & 1) === 0);
    if (n.op === 'set' && n.bits === 64 && changed !== 0 && changed < TRANSLATIONS) {
      const move = moveOf(placeOf(n) >> 3, n.args[0], wide);
      // A register that was set before is not what a value made of it says.
      if (move && ((changes >> move.from) & 1) === 0) moves.push(move);
    }
    changes |= changed;
  }
  return { reaches, moves, changes };
}

const isExtended = (n: Node): n is Node & { op: 'pure' } =>
  n.op === 'pure' && n.name === 'i64.extend_i32_u';

function moveOf(register: number, value: Node, wide: boolean): Move | null {
  if (isExtended(value) === wide) return null;
  const sum = sumOf(isExtended(value) ? value.args[0] : value, wide);
  const isMove = sum && sum.second < 0 && sum.first % TERM_SHIFTS === 0;
  if (!isMove || sum.first < 0 || sum.first >= SEGMENT_TERM * TERM_SHIFTS) return null;
  return { register, from: sum.first / TERM_SHIFTS, offset: sum.offset };
}

/** Offset in the state page; -1: computed. */
const placeOf = (n: Node & { op: 'get' | 'set' }): number =>
  'offset' in n.slot ? n.base + n.slot.offset : -1;

function changesOf(n: Node): number {
  switch (n.op) {
    case 'loop':
      return n.body.reduce((all, s) => all | changesOf(s), 0);
    case 'if':
      return [...n.body, ...n.otherwise].reduce((all, s) => all | changesOf(s), 0);
    case 'call':
      return n.routine === LOAD_SEGMENT ? TRANSLATIONS : 0;
    case 'set': {
      const at = placeOf(n);
      if (at < 0) return n.base < GPR_END ? EVERYTHING : 0;
      if (at === TLB_BASE) return TRANSLATIONS;
      return at < GPR_END ? 1 << (at >> 3) : 0;
    }
    default:
      return 0;
  }
}

/** A value as a sum; null: it is none. */
function sumOf(n: Node, wide: boolean): Sum | null {
  switch (n.op) {
    case 'const':
      return sum(-1, -1, Number(n.value), n.type);
    case 'get': {
      const at = placeOf(n);
      const isWhole = n.bits === 64 || (n.bits === 32 && !wide);
      if (isWhole && at >= GPR && at < GPR_END) return sum((at >> 3) * TERM_SHIFTS, -1, 0, n.type);
      const segment = SEGMENT_TERM + ((at - SEGMENTS) >> 3);
      return at >= SEGMENTS && at < SELECTORS ? sum(segment * TERM_SHIFTS, -1, 0, n.type) : null;
    }
    case 'pure': {
      if (n.args.length !== 2) return null;
      const x = sumOf(n.args[0], wide);
      if (!x) return null;
      const operation = n.name.slice(4);
      if (operation === 'add') {
        const y = sumOf(n.args[1], wide);
        return y && plus(x, y, n.type);
      }
      const [, by] = n.args;
      const isScaled = operation === 'shl' && by.op === 'const' && by.value < TERM_SHIFTS;
      if (!isScaled || x.second >= 0 || x.first % TERM_SHIFTS !== 0) return null;
      const shift = Number(by.value);
      return sum(x.first < 0 ? -1 : x.first + shift, -1, x.offset * 2 ** shift, n.type);
    }
    default:
      return null;
  }
}
function plus(x: Sum, y: Sum, type: Node['type']): Sum | null {
  const terms = [x.first, x.second, y.first, y.second].filter((t) => t >= 0).sort((a, b) => a - b);
  if (terms.length > 2) return null;
  return sum(terms[0] ?? -1, terms[1] ?? -1, x.offset + y.offset, type);
}
function sum(first: number, second: number, offset: number, type: Node['type']): Sum | null {
  if (type === 'i32') return { first, second, offset: offset | 0 };
  return Math.abs(offset) < 2 ** 52 ? { first, second, offset } : null;
}
