// The decoder's dense arrays, built once from the rows: (mode, map, opcode, mandatory prefix) → row, or → a group that a ModRM
// byte resolves. Two rows that claim one encoding with equal right stop the load. Of several, the more particular wins: a
// mandatory prefix over none, a fixed ModRM byte over /digit over mem or reg over any, a whole opcode over +r.

import type { Operand } from './operand.js';
import { sizeClassIndex, sizeClassOf } from './operand-size.js';
import type { Row } from './row.js';
import { rows } from './table.js';

/** How a row's immediate bytes are laid out. */
export const IMMEDIATE = {
  none: 0,
  byte: 1,
  word: 2,
  /** 2 bytes, or 4 (operand size 32 and 64). */
  z: 3,
  /** 2, 4 or 8 bytes by operand size. */
  v: 4,
  /** Far pointer: offset by operand size, then a selector. */
  far: 5,
  /** An address of the address size. */
  moffs: 6,
  /** ENTER: word, byte. */
  wordByte: 7,
} as const;

/** Layout of `rowInfo`: the immediate's kind in the low bits, flags, and the size class from SIZE_SHIFT up. */
export const INFO = {
  immediateMask: 7,
  hasModrm: 1 << 3,
  lockable: 1 << 4,
  /** REP and REPNE are the same prefix here. */
  repeats: 1 << 5,
  /** REPE and REPNE differ. */
  repeatsByZero: 1 << 6,
  /** ModRM.mod is ignored: always a register (MOV to and from CR, DR). */
  alwaysRegister: 1 << 7,
  /** ModRM.reg must be in `regMask`. */
  checksReg: 1 << 8,
  /** ModRM.reg names one of 8 registers, whatever REX.R. */
  shortReg: 1 << 9,
  /** ModRM.rm as a register likewise. */
  shortRm: 1 << 10,
  registerInOpcode: 1 << 11,
  /** Another row applies with REX.W or REX.B: `wideRow`, `extendedRow`. */
  hasOther: 1 << 12,
  sizeShift: 16,
} as const;

/** Slots below this are rows, the others groups. -1: undefined opcode. */
export const GROUP_BASE = 0x4000;

function immediateOf(row: Row): number {
  let spec = '';
  for (const { addressing, width } of row.operands)
    if ('IJAO'.includes(addressing)) spec += `${spec && ','}${addressing}${width}`;
  switch (spec) {
    case '':
      return IMMEDIATE.none;
    case 'Ib':
    case 'Ibs':
    case 'Jb':
      return IMMEDIATE.byte;
    case 'Iw':
      return IMMEDIATE.word;
    case 'Iz':
    case 'Jz':
      return IMMEDIATE.z;
    case 'Iv':
      return IMMEDIATE.v;
    case 'Ap':
      return IMMEDIATE.far;
    case 'Ob':
    case 'Ov':
      return IMMEDIATE.moffs;
    case 'Iw,Ib':
      return IMMEDIATE.wordByte;
  }
  throw new Error(`instruction row ${row.source.join(' | ')}: immediates ${spec}`);
}

const has = (row: Row, letters: string): boolean =>
  row.operands.some((o: Operand) => letters.includes(o.addressing));

function infoOf(row: Row): number {
  let info = immediateOf(row) | (sizeClassIndex(sizeClassOf(row)) << INFO.sizeShift);
  if (row.modrm !== 'none') info |= INFO.hasModrm;
  if (row.attributes.has('lock')) info |= INFO.lockable;
  if (row.attributes.has('rep')) info |= INFO.repeats;
  if (row.attributes.has('repz')) info |= INFO.repeatsByZero;
  if (row.modrm === 'any' && has(row, 'CD')) info |= INFO.alwaysRegister;
  if (has(row, 'SCD')) info |= INFO.checksReg;
  if (has(row, 'SP')) info |= INFO.shortReg;
  if (has(row, 'QNT')) info |= INFO.shortRm;
  if (row.registerInOpcode) info |= INFO.registerInOpcode;
  return info;
}

/** Registers that ModRM.reg may name: CR0, 2, 3, 4, 8; DR0–7; six segments, of which CS cannot be loaded. */
function regMaskOf(row: Row): number {
  if (has(row, 'C')) return 0x11d;
  if (has(row, 'D')) return 0xff;
  if (has(row, 'S')) return row.mnemonic === 'MOV_TO_SEG' ? 0x3d : 0x3f;
  return 0xffff;
}

/** A row that shares its encoding with another and differs by a REX bit. */
const isWide = (row: Row): boolean => row.attributes.has('rexw');

const prefixSlots: Readonly<Record<Row['prefix'], readonly number[]>> = {
  '': [0, 1, 2, 3],
  np: [0],
  66: [1],
  f3: [2],
  f2: [3],
};

function accepts(row: Row, modrm: number): boolean {
  const isRegister = modrm >= 0xc0;
  if (row.modrm === 'mem' && isRegister) return false;
  if (row.modrm === 'reg' && !isRegister) return false;
  if (row.extension >= 0 && row.extension !== ((modrm >> 3) & 7)) return false;
  return row.fixedRm < 0 || row.fixedRm === (modrm & 7);
}

const acceptsAny = (row: Row): boolean =>
  (row.modrm === 'none' || row.modrm === 'any') && row.extension < 0;

const particularity = (row: Row): number =>
  (row.prefix === '' ? 0 : 16) +
  (row.fixedRm < 0 ? 0 : 8) +
  (row.extension < 0 ? 0 : 4) +
  (row.modrm === 'mem' || row.modrm === 'reg' ? 2 : 0) +
  (row.registerInOpcode ? 0 : 1);

/** `rowInfo[id]`, see INFO. */
export const rowInfo: Int32Array = Int32Array.from(rows, infoOf);
export const regMask: Uint16Array = Uint16Array.from(rows, regMaskOf);
/** The row that applies instead with REX.W, or -1. */
export const wideRow: Int16Array = new Int16Array(rows.length).fill(-1);
/** The row that applies instead with REX.B, or -1: 90 is XCHG r8,rAX then. */
export const extendedRow: Int16Array = new Int16Array(rows.length).fill(-1);
/** The row that a CPU without this row's feature sees, or -1: BSF for TZCNT, NOP for a hint. */
export const fallbackRow: Int16Array = new Int16Array(rows.length).fill(-1);

/** Picks `best` over `next`, the next in order of particularity that accepts the same, and notes what it falls back to. */
function prefer(best: Row, next: Row | undefined): number {
  if (!next) return best.id;
  if (particularity(best) === particularity(next))
    throw new Error(
      `instruction rows ${best.source.join(' | ')} and ${next.source.join(' | ')} have one encoding`,
    );
  if (best.feature) fallbackRow[best.id] = next.id;
  if (next.registerInOpcode && best.prefix === '') {
    extendedRow[best.id] = next.id;
    rowInfo[best.id] |= INFO.hasOther;
  }
  return best.id;
}

/** Picks from `candidates`, in order of particularity, for one ModRM byte. */
function choose(candidates: readonly Row[], modrm: number): number {
  let best: Row | undefined;
  for (const row of candidates) {
    if (!accepts(row, modrm)) continue;
    if (best) return prefer(best, row);
    best = row;
  }
  return best ? best.id : -1;
}

function linkWide(wide: Row, candidates: readonly Row[]): void {
  const narrow = candidates.find(
    (row) => row.extension === wide.extension && row.modrm === wide.modrm,
  );
  if (!narrow)
    throw new Error(`instruction row ${wide.source.join(' | ')}: rexw without its sibling`);
  wideRow[narrow.id] = wide.id;
  rowInfo[narrow.id] |= INFO.hasOther;
}

const slotTable = new Int16Array(2 * 4 * 256 * 4).fill(-1);
const groupList: Int16Array[] = [];

/** The contents of a slot whose opcode and prefix `all` have. */
function resolve(all: readonly Row[]): number {
  const candidates = all
    .filter((row) => !isWide(row))
    .sort((a, b) => particularity(b) - particularity(a));
  for (const wide of all) if (isWide(wide)) linkWide(wide, candidates);
  if (candidates.every(acceptsAny)) return choose(candidates, 0);
  return GROUP_BASE + groupList.push(groupOf(candidates)) - 1;
}

/** ModRM → row id or -1. No row tells memory operands apart, and few tell registers: bytes with one reg field are chosen for together. */
function groupOf(candidates: readonly Row[]): Int16Array {
  const group = new Int16Array(256);
  const alike = candidates.some((row) => row.fixedRm >= 0) ? 1 : 8;
  for (let reg = 0; reg < 0x40; reg += 8) {
    const memory = choose(candidates, reg);
    for (let mod = 0; mod < 0xc0; mod += 0x40) group.fill(memory, mod + reg, mod + reg + 8);
    for (let modrm = 0xc0 + reg; modrm < 0xc8 + reg; modrm += alike)
      group.fill(choose(candidates, modrm), modrm, modrm + alike);
  }
  return group;
}

function build(): Int16Array {
  const inSlot = new Map<number, Row[]>();
  for (const row of rows) {
    for (let long = 0; long < 2; long++) {
      if (row.attributes.has(long ? 'no64' : 'only64')) continue;
      for (let low = 0; low < (row.registerInOpcode ? 8 : 1); low++) {
        for (const p of prefixSlots[row.prefix]) {
          const slot = ((long * 4 + row.map) * 256 + row.opcode + low) * 4 + p;
          const list = inSlot.get(slot);
          if (list) list.push(row);
          else inSlot.set(slot, [row]);
        }
      }
    }
  }
  // Most slots have the same rows as another: of the other mode, or with another prefix or register.
  const contents = new Map<number | string, number>();
  for (const [slot, all] of inSlot) {
    const key = all.length === 1 ? all[0].id : all.map((row) => row.id).join();
    let content = contents.get(key);
    if (content === undefined) {
      content = resolve(all);
      contents.set(key, content);
    }
    slotTable[slot] = content;
  }
  const flat = new Int16Array(groupList.length * 256);
  groupList.forEach((group, i) => {
    flat.set(group, i * 256);
  });
  return flat;
}

/** ((long × 4 + map) × 256 + opcode) × 4 + prefix (none, 66, F3, F2) → row id, GROUP_BASE + group, or -1. */
export const slots: Int16Array = slotTable;
/** group × 256 + ModRM → row id or -1. */
export const groups: Int16Array = build();
