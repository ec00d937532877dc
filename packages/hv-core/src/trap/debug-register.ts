// Debug registers of a page-table guest, by MOV and by set_debugreg and get_debugreg: no breakpoint may lie in the hypervisor's part of
// the address space, and none at a port reaches the CPU: those are looked for where IN and OUT are emulated. SDM 3B §17.2.
import { XEN_EINVAL, XEN_ENODEV, XEN_EPERM } from '@proxeny/abi';
import { isGuestAddress } from '../frame/page-walk.js';
import { CR4_DE } from './pv-state.js';
import type { PvTraps } from './pv-traps.js';
import { CpuRegister, type TrapCpu } from './trap-cpu.js';

const DR6_ONES = 0xffff_0ff0;
const DR6_ZEROS = 0x1000;
const DR7_ONES = 0x400;
const DR7_ZEROS = 0xd800;
const DR7_GENERAL_DETECT = 0x2000;
const DR7_ENABLES = 0xff;
/** Access of a breakpoint: at a port. */
const AT_PORT = 2;
const TWO_32 = 4294967296;

/** The register behind a number: DR4 and DR5 are DR6 and DR7 unless CR4.DE takes them away; -1: none. */
function numberOf(traps: PvTraps, number: number): number {
  if (number < 4 || number === 6 || number === 7) return number;
  return (number === 4 || number === 5) && (traps.pv.cr4 & CR4_DE) === 0 ? number + 2 : -1;
}

/** Halves of DR`number` into `out`; false if there is none. */
export function readDebug(traps: PvTraps, cpu: TrapCpu, number: number, out: Uint32Array): boolean {
  const known = numberOf(traps, number);
  if (known < 0) return false;
  const register = known < 4 ? CpuRegister.dr0 + known : CpuRegister.dr6 + known - 6;
  out[0] = cpu.readLow(register);
  out[1] = cpu.readHigh(register);
  if (known === 7) out[0] = (out[0] | traps.pv.portBreakpoints) >>> 0;
  return true;
}

/** What would come of writing DR`number`: 0, -ENODEV (no such register), -EINVAL or -EPERM. */
export function checkDebug(traps: PvTraps, number: number, low: number, high: number): number {
  const known = numberOf(traps, number);
  if (known < 0) return -XEN_ENODEV;
  if (known < 4) {
    const { word } = traps.vcpu.domain;
    const isAllowed = word === 32 || isGuestAddress((high | 0) * TWO_32 + low, 64);
    return isAllowed ? 0 : -XEN_EPERM;
  }
  if (high !== 0) return -XEN_EINVAL;
  if (known === 6) return 0;
  if ((low & DR7_GENERAL_DETECT) !== 0) return -XEN_EPERM;
  const usesPorts = (low & DR7_ENABLES) !== 0 && portEnables(low).some;
  return usesPorts && (traps.pv.cr4 & CR4_DE) === 0 ? -XEN_EPERM : 0;
}

/** Enable bits of breakpoints at ports, and whether any breakpoint is one, enabled or not. */
function portEnables(control: number): { readonly some: boolean; readonly bits: number } {
  let some = false;
  let bits = 0;
  for (let i = 0; i < 4; i++) {
    if (((control >>> (16 + i * 4)) & 3) !== AT_PORT) continue;
    some = true;
    bits |= control & (3 << (i * 2));
  }
  return { some, bits };
}

/** Writes what `checkDebug` has allowed. */
export function setDebug(
  traps: PvTraps,
  cpu: TrapCpu,
  number: number,
  low: number,
  high: number,
): void {
  const known = numberOf(traps, number);
  if (known < 4) {
    cpu.write(CpuRegister.dr0 + known, low, high);
  } else if (known === 6) {
    cpu.write(CpuRegister.dr6, ((low & ~DR6_ZEROS) | DR6_ONES) >>> 0, 0);
  } else {
    const isActive = (low & DR7_ENABLES) !== 0;
    traps.pv.portBreakpoints = isActive ? portEnables(low).bits : 0;
    const value = ((low & ~DR7_ZEROS) | DR7_ONES) & ~traps.pv.portBreakpoints;
    cpu.write(CpuRegister.dr7, value >>> 0, 0);
  }
}

/** MOV to DR: 0 done, -1 no such register, -2 not allowed. */
export function writeDebug(
  traps: PvTraps,
  cpu: TrapCpu,
  number: number,
  low: number,
  high: number,
): number {
  const status = checkDebug(traps, number, low, high);
  if (status === -XEN_ENODEV) return -1;
  if (status !== 0) return -2;
  setDebug(traps, cpu, number, low, high);
  return 0;
}
