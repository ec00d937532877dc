// Control registers (SDM vol. 3A §2.5, vol. 2B MOV CRn, LMSW, CLTS, XSETBV): reserved bits, the mode changes they cause, and the
// TLB flushes of §4.10.4.1.
import {
  type Core,
  CR0_CD,
  CR0_ET,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR0_TS,
  CR0_WP,
  CR4_DE,
  CR4_FSGSBASE,
  CR4_MCE,
  CR4_OSFXSR,
  CR4_OSXMMEXCPT,
  CR4_OSXSAVE,
  CR4_PAE,
  CR4_PCE,
  CR4_PCIDE,
  CR4_PGE,
  CR4_PSE,
  CR4_SMAP,
  CR4_SMEP,
  CR4_TSD,
  CR4_UMIP,
  EFER_LMA,
  EFER_LME,
  type Routine,
} from '../core.js';
import type { CpuModel } from '../cpu-model.js';
import { GP, raise, UD } from '../fault.js';
import { PHYSICAL_BITS } from '../mmu/page-walk.js';
import { CR0, CR2, CR3, CR4, CS, EFER, SCRATCH, TR, XCR0 } from '../state/layout.js';
import { ATTRIBUTE_LONG } from '../state/segments.js';
import { PDPTES } from '../state/system-layout.js';
import { TYPE_TSS32_BUSY } from './descriptor.js';

/** CR0 bits that exist; the others read as 0. */
const CR0_MASK = -0x1ffaffc1;
const PHYSICAL_HIGH = ~((1 << (PHYSICAL_BITS - 32)) - 1);

/** CR4 bits that a model has. */
export function cr4Mask(model: CpuModel): number {
  const { features } = model;
  let mask = CR4_TSD | CR4_DE | CR4_PCE;
  const bit = (name: string, value: number): void => {
    if (features.has(name)) mask |= value;
  };
  bit('pse', CR4_PSE);
  bit('pae', CR4_PAE);
  bit('mce', CR4_MCE);
  bit('pge', CR4_PGE);
  bit('fxsr', CR4_OSFXSR);
  bit('sse', CR4_OSXMMEXCPT);
  bit('umip', CR4_UMIP);
  bit('fsgsbase', CR4_FSGSBASE);
  bit('pcid', CR4_PCIDE);
  bit('xsave', CR4_OSXSAVE);
  bit('smep', CR4_SMEP);
  bit('smap', CR4_SMAP);
  return mask;
}

/**
 * Loads the four page-directory-pointer entries of PAE paging from CR3's table. False when one has a reserved bit set; then
 * nothing changed.
 */
export function loadPageDirectoryPointers(core: Core): boolean {
  const { mmu, state } = core;
  const at = (state.get(CR3) & 0xffffffe0) >>> 0;
  const { pdpte } = mmu.walk;
  const entries = new Int32Array(8);
  for (let i = 0; i < 8; i++) entries[i] = mmu.readPhysical32(at + i * 4);
  for (let i = 0; i < 8; i += 2) {
    if (
      (entries[i] & 1) !== 0 &&
      ((entries[i] & 0x1e6) !== 0 || (entries[i + 1] & PHYSICAL_HIGH) !== 0)
    )
      return false;
  }
  for (let i = 0; i < 8; i++) {
    pdpte[i] = entries[i];
    state.set(PDPTES + i * 4, entries[i]);
  }
  return true;
}
const usesPdptes = (cr0: number, cr4: number, efer: number): boolean =>
  (cr0 & CR0_PG) !== 0 && (cr4 & CR4_PAE) !== 0 && (efer & EFER_LME) === 0;

/** Writes CR0 with all of its consequences. */
export function writeCr0(core: Core, wanted: number): void {
  const { state } = core;
  const value = (wanted & CR0_MASK) | CR0_ET;
  const old = state.get(CR0);
  const changed = value ^ old;
  const efer = state.get(EFER);
  if ((value & CR0_PG) !== 0 && (value & CR0_PE) === 0) raise(state, GP, 0);
  if ((value & CR0_NW) !== 0 && (value & CR0_CD) === 0) raise(state, GP, 0);
  let nextEfer = efer;
  if ((changed & CR0_PG) !== 0) {
    if ((value & CR0_PG) === 0) {
      if (core.mode64 || (state.get(CR4) & CR4_PCIDE) !== 0) raise(state, GP, 0);
      nextEfer &= ~EFER_LMA;
    } else if ((efer & EFER_LME) !== 0) {
      const isShortTask = (state.segmentAttributes(TR) & 0x1f00) !== TYPE_TSS32_BUSY << 8;
      if ((state.get(CR4) & CR4_PAE) === 0 || (state.segmentAttributes(CS) & ATTRIBUTE_LONG) !== 0)
        raise(state, GP, 0);
      // A 286 task cannot go on in IA-32e mode (SDM vol. 3A §9.8.5).
      if (isShortTask && state.selector(TR) !== 0) raise(state, GP, 0);
      nextEfer |= EFER_LMA;
    }
  }
  if ((changed & (CR0_PG | CR0_CD | CR0_NW)) !== 0 && usesPdptes(value, state.get(CR4), efer)) {
    if (!loadPageDirectoryPointers(core)) raise(state, GP, 0);
  }
  state.set(CR0, value);
  state.set(EFER, nextEfer);
  if ((changed & (CR0_PG | CR0_PE | CR0_WP)) !== 0) core.flushTlb(false);
}

function writeCr3(core: Core, low: number, high: number): void {
  const { state } = core;
  const cr4 = state.get(CR4);
  const oldLow = state.get(CR3);
  const oldHigh = state.get(CR3 + 4);
  if (core.longMode) {
    // Bit 63 asks to keep translations, which we never need to.
    const top = (cr4 & CR4_PCIDE) !== 0 ? high & 0x7fffffff : high;
    if ((top & PHYSICAL_HIGH) !== 0) raise(state, GP, 0);
    state.setHalves(CR3, low, top);
  } else {
    state.setHalves(CR3, low, 0);
    if (usesPdptes(state.get(CR0), cr4, state.get(EFER)) && !loadPageDirectoryPointers(core)) {
      state.setHalves(CR3, oldLow, oldHigh);
      raise(state, GP, 0);
    }
  }
  core.flushTlb((cr4 & CR4_PGE) !== 0);
}

function writeCr4(core: Core, low: number, high: number): void {
  const { state } = core;
  const old = state.get(CR4);
  const changed = low ^ old;
  if (high !== 0 || (low & ~cr4Mask(core.model)) !== 0) raise(state, GP, 0);
  if (core.longMode && (low & CR4_PAE) === 0) raise(state, GP, 0);
  if ((changed & low & CR4_PCIDE) !== 0 && (!core.longMode || (state.get(CR3) & 0xfff) !== 0))
    raise(state, GP, 0);
  if (
    (changed & (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP)) !== 0 &&
    usesPdptes(state.get(CR0), low, state.get(EFER))
  ) {
    if (!loadPageDirectoryPointers(core)) raise(state, GP, 0);
  }
  state.set(CR4, low);
  if ((changed & (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP | CR4_SMAP | CR4_PCIDE)) !== 0)
    core.flushTlb(false);
}

/** MOV from CR `number`: the value goes to SCRATCH. */
const readControl: Routine = (core, number) => {
  const { state } = core;
  switch (number) {
    case 0:
    case 2:
    case 3:
    case 4: {
      const at = CR0 + number * 8;
      state.setHalves(SCRATCH, state.get(at), state.get(at + 4));
      return 0;
    }
    case 8: {
      state.setHalves(SCRATCH, core.platform.readTaskPriority() & 15, 0);
      return 0;
    }
    default:
      return raise(state, UD);
  }
};

/** MOV to CR `number`, a transfer. */
const writeControl: Routine = (core, number, low, high) => {
  const { state } = core;
  switch (number) {
    case 0:
      if (high !== 0) raise(state, GP, 0);
      writeCr0(core, low);
      break;
    case 2:
      state.setHalves(CR2, low, high);
      break;
    case 3:
      writeCr3(core, low, high);
      break;
    case 4:
      writeCr4(core, low, high);
      break;
    case 8:
      if (high !== 0 || (low & ~15) !== 0) raise(state, GP, 0);
      core.platform.writeTaskPriority(low);
      break;
    default:
      raise(state, UD);
  }
  core.updateMode();
  return 0;
};

/** LMSW: the low four bits of CR0; PE can be set but not cleared. */
const loadMachineStatus: Routine = (core, value) => {
  const old = core.state.get(CR0);
  writeCr0(core, (old & ~0xe) | (value & 0xf));
  core.updateMode();
  return 0;
};
const clearTaskSwitched: Routine = (core) => {
  core.state.set(CR0, core.state.get(CR0) & ~CR0_TS);
  core.updateMode();
  return 0;
};
/** XSETBV of XCR0: x87 always, AVX never. */
const writeExtendedControl: Routine = (core, index, low, high) => {
  const { state } = core;
  if (index !== 0 || high !== 0 || (low & 1) === 0 || (low & ~3) !== 0) raise(state, GP, 0);
  state.setHalves(XCR0, low, 0);
  return 0;
};
/** INVLPG of the linear address in SCRATCH. */
const invalidatePage: Routine = (core) => {
  const linear = core.mmu.wrap(core.state.get64(SCRATCH));
  if (Math.abs(linear) <= 2 ** 47) core.flushPage(linear);
  return 0;
};
/** INVPCID: descriptor in SCRATCH (PCID, then linear address). All contexts are one to this TLB. */
const invalidateContext: Routine = (core, type, typeHigh) => {
  const { state } = core;
  const pcidLow = state.get(SCRATCH);
  if (typeHigh !== 0 || type < 0 || type > 3) raise(state, GP, 0);
  if ((pcidLow & ~0xfff) !== 0 || state.get(SCRATCH + 4) !== 0) raise(state, GP, 0);
  if (type < 2 && pcidLow !== 0 && (state.get(CR4) & CR4_PCIDE) === 0) raise(state, GP, 0);
  if (type !== 0) core.flushTlb(type !== 2);
  else {
    const linear = state.get64(SCRATCH + 8);
    if (linear < -(2 ** 47) || linear >= 2 ** 47) raise(state, GP, 0);
    core.flushPage(linear);
  }
  return 0;
};

export const controlRoutines = {
  readControl,
  writeControl,
  loadMachineStatus,
  clearTaskSwitched,
  writeExtendedControl,
  invalidatePage,
  invalidateContext,
} as const satisfies Record<string, Routine>;
