// Debug registers (SDM vol. 3B §17.2): MOV DR, general detect, and the watch on data accesses that DR7 asks for. Instruction
// breakpoints are Core.instructionBreakpoint.
import { type Core, CR4_DE, type Routine } from '../core.js';
import { DB, GP, raise, UD } from '../fault.js';
import { CR4, DR0, DR6, DR7, SCRATCH } from '../state/layout.js';

export const DR6_FIXED = -0xf010;
export const DR7_FIXED = 0x400;
const DR6_BD = 0x2000;
const DR7_GD = 0x2000;
const RW_WRITE = 1;
const RW_PORT = 2;
const RW_ACCESS = 3;
/** Bytes watched by LEN: 1, 2, 8, 4. */
const lengths = [1, 2, 8, 4];

const isEnabled = (dr7: number, i: number): boolean => (dr7 & (3 << (i * 2))) !== 0;
const kindOf = (dr7: number, i: number): number => (dr7 >>> (16 + i * 4)) & 3;
const lengthOf = (dr7: number, i: number): number => lengths[(dr7 >>> (18 + i * 4)) & 3];

/** DR6 bits of the enabled breakpoints whose kind is accepted and whose range meets [at, at + size). */
function hitsAt(core: Core, at: number, size: number, accepts: (kind: number) => boolean): number {
  const { state } = core;
  const dr7 = state.get(DR7);
  let hits = 0;
  for (let i = 0; i < 4; i++) {
    if (!isEnabled(dr7, i) || !accepts(kindOf(dr7, i))) continue;
    const length = lengthOf(dr7, i);
    const address = state.get64(DR0 + i * 8);
    const from = address - (((address % length) + length) % length);
    if (at < from + length && at + size > from) hits |= 1 << i;
  }
  return hits;
}

/** Sets or removes the MMU's watch by DR7, and updates the mode. */
export function updateDataWatch(core: Core): void {
  const dr7 = core.state.get(DR7);
  let wanted = false;
  for (let i = 0; i < 4; i++) {
    const kind = kindOf(dr7, i);
    if (isEnabled(dr7, i) && (kind === RW_WRITE || kind === RW_ACCESS)) wanted = true;
  }
  core.mmu.watch = wanted
    ? (linear, size, write) => {
        core.dataBreakpoints |= hitsAt(core, linear, size, (kind) =>
          write ? kind === RW_WRITE || kind === RW_ACCESS : kind === RW_ACCESS,
        );
      }
    : null;
  core.updateMode();
}

/** Notes the I/O breakpoints that a port access meets. */
export function watchPort(core: Core, port: number, size: number): void {
  if ((core.state.get(CR4) & CR4_DE) === 0) return;
  core.dataBreakpoints |= hitsAt(core, port, size, (kind) => kind === RW_PORT);
}

/** The register meant by a number: DR4 and DR5 are DR6 and DR7 unless CR4.DE is set. */
function select(core: Core, number: number): number {
  const { state } = core;
  if (number > 7) raise(state, UD);
  if ((number === 4 || number === 5) && (state.get(CR4) & CR4_DE) !== 0) raise(state, UD);
  if ((state.get(DR7) & DR7_GD) !== 0) {
    state.set(DR6, state.get(DR6) | DR6_BD);
    raise(state, DB);
  }
  return number === 4 || number === 5 ? number + 2 : number;
}
const slotOf = (register: number): number =>
  register < 4 ? DR0 + register * 8 : register === 6 ? DR6 : DR7;

const readDebug: Routine = (core, number) => {
  const { state } = core;
  const at = slotOf(select(core, number));
  state.setHalves(SCRATCH, state.get(at), state.get(at + 4));
  return 0;
};
/** MOV to DR, a transfer. */
const writeDebug: Routine = (core, number, low, high) => {
  const { state } = core;
  const register = select(core, number);
  if (register < 4) state.setHalves(slotOf(register), low, high);
  else {
    if (high !== 0) raise(state, GP, 0);
    if (register === 6) state.setHalves(DR6, (low & 0xe00f) | DR6_FIXED, 0);
    else state.setHalves(DR7, (low & ~0xd000) | DR7_FIXED, 0);
  }
  updateDataWatch(core);
  return 0;
};

export const debugRoutines = { readDebug, writeDebug } as const satisfies Record<string, Routine>;
