// MOV from and to control registers by a page-table guest's kernel. CR0 is fixed but for TS; CR2 is a number; CR3 is the kernel's page
// tables, checked as MMUEXT_NEW_BASEPTR is; of CR4 a guest decides TSD, DE, FSGSBASE and OSXSAVE. SDM 3A §2.5.
import type { Mfn } from '@proxeny/memory';
import { RESTART } from '../hypercall/continuation.js';
import { controlsOf } from './cpuid-policy.js';
import { Emulated } from './emulated.js';
import { PvState } from './pv-state.js';
import type { PvTraps } from './pv-traps.js';
import type { TrapCpu } from './trap-cpu.js';

/** PG, AM, WP, NE, ET, MP, PE. */
const CR0_FIXED = 0x8005_0033;
const CR0_TS = 8;
/** Frames of a CR3 above 4 GiB stand in its low bits, of a PAE guest. */
const PAE_LOW_BITS = 20;

/** Halves of control register `number` into `out`; false if there is none a guest may read. */
export function readControl(traps: PvTraps, number: number, out: Uint32Array): boolean {
  const { pv, vcpu } = traps;
  out[1] = 0;
  switch (number) {
    case 0:
      out[0] = (CR0_FIXED | (pv.isTaskSwitched ? CR0_TS : 0)) >>> 0;
      return true;
    case 2:
      out[0] = pv.cr2Low;
      out[1] = pv.cr2High;
      return true;
    case 3: {
      const root = vcpu.pageWalk?.root ?? 0;
      out[0] = (root << 12) >>> 0;
      if (vcpu.domain.word === 32) out[0] = (out[0] | (root >>> PAE_LOW_BITS)) >>> 0;
      else out[1] = root >>> PAE_LOW_BITS;
      return true;
    }
    case 4:
      out[0] = pv.cr4;
      return true;
    default:
      return false;
  }
}

export function writeControl(
  traps: PvTraps,
  cpu: TrapCpu,
  number: number,
  low: number,
  high: number,
): Emulated {
  const { pv } = traps;
  switch (number) {
    case 0:
      if (((low ^ CR0_FIXED) & ~CR0_TS) !== 0 || high !== 0) return Emulated.no;
      pv.isTaskSwitched = (low & CR0_TS) !== 0;
      cpu.setTaskSwitched(pv.isTaskSwitched);
      return Emulated.done;
    case 2:
      traps.setCr2(low, high);
      return Emulated.done;
    case 3:
      return writeRoot(traps, low, high);
    case 4:
      pv.cr4 = PvState.control4(low, controlsOf(traps, cpu));
      cpu.setControl4(pv.cr4);
      return Emulated.done;
    default:
      return Emulated.no;
  }
}

function writeRoot(traps: PvTraps, low: number, high: number): Emulated {
  const { vcpu } = traps;
  const { types, workPerCall } = vcpu.domain.hypervisor;
  const upper = vcpu.domain.word === 32 ? low & 0xfff : high;
  const root = upper * 2 ** PAE_LOW_BITS + (low >>> 12);
  types.workLeft = workPerCall;
  const status = vcpu.setRoot(root as Mfn);
  if (status !== RESTART && types.parked.length > 0) types.releaseParked();
  const isDrained = types.drain();
  // The old tables too are gone when the guest goes on.
  if (status === RESTART || (status === 0 && !isDrained)) {
    vcpu.isYielding = true; // goes on with the same instruction, when others had their turn
    return Emulated.settled;
  }
  return status === 0 ? Emulated.done : Emulated.no;
}
