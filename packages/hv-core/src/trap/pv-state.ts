// PvState: what a page-table guest's vCPU has beside its registers: the virtual machine that Xen makes of ring 0's. Everything here is
// changed by hypercalls, trapped instructions and changes of mode; the CPU itself knows only what TrapCpu tells it.
import type { Mfn } from '@proxeny/memory';
import type { PageTypes } from '../frame/page-type.js';
import { EntryPoint, TrapTable } from './trap-table.js';

const LDT_FRAMES = 16;

// CR4, as far as a guest has a say or a view. SDM 3A §2.5.
export const CR4_TSD = 1 << 2;
export const CR4_DE = 1 << 3;
const CR4_PAE = 1 << 5;
const CR4_MCE = 1 << 6;
const CR4_OSFXSR = 1 << 9;
const CR4_OSXMMEXCPT = 1 << 10;
export const CR4_FSGSBASE = 1 << 16;
export const CR4_OSXSAVE = 1 << 18;
/** What is always set of it. */
const CR4_VISIBLE = CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT;

export class PvState {
  readonly traps: TrapTable = new TrapTable();
  readonly event: EntryPoint = new EntryPoint();
  readonly failsafe: EntryPoint = new EntryPoint();
  readonly syscall: EntryPoint = new EntryPoint();
  readonly syscall32: EntryPoint = new EntryPoint();
  readonly sysenter: EntryPoint = new EntryPoint();
  /** The stack on which the kernel is entered from user mode. */
  kernelSs = 0;
  kernelSpLow = 0;
  kernelSpHigh = 0;
  /** Frames of the GDT, each held with a descriptor type reference, and entries in use. */
  readonly gdtFrames: Mfn[] = [];
  gdtEntries = 0;
  /** Frames of the LDT that were used, held alike; -1: not yet. */
  readonly ldtFrames: (Mfn | -1)[] = new Array<Mfn | -1>(LDT_FRAMES).fill(-1);
  /** Of a 64-bit guest; a 32-bit one's kernel is told by its ring. */
  isKernelMode = true;
  /** The GS base of the mode that does not run. */
  inactiveGsLow = 0;
  inactiveGsHigh = 0;
  /** The guest's CR0.TS. */
  isTaskSwitched = false;
  cr2Low = 0;
  cr2High = 0;
  cr4: number = CR4_VISIBLE;
  /** The guest's IOPL. */
  ioLevel = 0;
  /** Its bitmap of ports: linear address, and ports it covers. */
  ioBitmap = 0;
  ioPorts = 0;
  /** Enable bits of DR7 for breakpoints at ports, which no CPU of ours watches. */
  portBreakpoints = 0;
  isNmiPending = false;
  /** Between an NMI and its iret. */
  isNmiMasked = false;
  /** MSRs that are stored. */
  timeStampAux = 0;
  speculationControl = 0;

  /** The guest's view of CR4 after it wrote `value`; `allowed` are the bits its processor has. */
  static control4(value: number, allowed: number): number {
    const own = CR4_TSD | CR4_DE | CR4_FSGSBASE | CR4_OSXSAVE;
    return (value & own & allowed) | CR4_VISIBLE;
  }

  /** Gives the GDT's frames back. */
  dropGdt(types: PageTypes): void {
    this.gdtEntries = 0;
    for (const mfn of this.gdtFrames.splice(0)) types.putPageAndType(mfn);
  }

  /** Gives the LDT's frames back; they are found again when they are used. */
  dropLdt(types: PageTypes): void {
    const { ldtFrames } = this;
    // At every change of page tables, and nearly always there is none.
    for (let i = 0; i < ldtFrames.length; i++) {
      const mfn = ldtFrames[i] as number;
      if (mfn === -1) continue;
      ldtFrames[i] = -1;
      types.putPageAndType(mfn);
    }
  }

  /** For a state digest: all of it. */
  describe(): readonly unknown[] {
    const entries = [this.event, this.failsafe, this.syscall, this.syscall32, this.sysenter];
    return [
      this.traps.describe(),
      entries.map((entry) => entry.describe()),
      [this.kernelSs, this.kernelSpLow, this.kernelSpHigh],
      [this.gdtFrames, this.gdtEntries, this.ldtFrames],
      [this.isKernelMode, this.inactiveGsLow, this.inactiveGsHigh],
      [this.isTaskSwitched, this.cr2Low, this.cr2High, this.cr4],
      [this.ioLevel, this.ioBitmap, this.ioPorts, this.portBreakpoints],
      [this.isNmiPending, this.isNmiMasked, this.timeStampAux, this.speculationControl],
    ];
  }
}
