// Monitor: a hypervisor's hand on a CPU whose guest never sees level 0: registers, segments and page tables from outside. To be used
// between runs and inside of TrapDelivery's calls.
import {
  type Core,
  CR0_TS,
  CR4_DE,
  CR4_FSGSBASE,
  CR4_OSXSAVE,
  CR4_TSD,
  MODE_CODE_64,
  MODE_CODE_SIZE,
} from './core.js';
import { CPU_FAULT, GP, NP } from './fault.js';
import { checkOffset, checkReturnTarget, enterCode, isLongCode } from './routines/code-target.js';
import { cpuidLeaf } from './routines/cpuid.js';
import { DR6_FIXED, DR7_FIXED, updateDataWatch } from './routines/debug-registers.js';
import {
  Descriptor,
  fetchDescriptor,
  findDescriptor,
  isLike,
  markAccessed,
  renameSegment,
} from './routines/descriptor.js';
import { loadFxsaveImage } from './routines/fxsave.js';
import { readMsrOf } from './routines/msr.js';
import { checkOuterStack, commitOuterStack } from './routines/outer-stack.js';
import { dropInnerSegments } from './routines/privilege-change.js';
import { loadSegmentRegister } from './routines/segment-load.js';
import { tscToScratch } from './routines/time-stamp.js';
import * as L from './state/layout.js';
import {
  CR4_OSFXSR,
  CR4_OSXMMEXCPT,
  CR4_PAE,
  EFER_LMA,
  EFER_LME,
  EFER_NXE,
  EFER_SCE,
  FLAG_AC,
  FLAG_IF,
  FLAG_IOPL,
  FLAG_TF,
  FLAG_VM,
} from './state/register-bits.js';
import type { VcpuState } from './state/vcpu-state.js';

// Registers beside the general ones, which have their numbers 0–15, and rIP, which is 16.
const MONITOR_FLAGS = 17;
const MONITOR_DR6 = 24;
const MONITOR_DR7 = 25;

const baseSlot = (segment: number): number =>
  L.SEGMENTS + segment * L.SEGMENT_STRIDE + L.SEGMENT_BASE;
/** State slots by register number: general ones, rIP, (flags), FS and GS base, DR0–DR3, DR6, DR7. */
const slots: readonly number[] = [
  ...Array.from({ length: 16 }, (_, i) => L.GPR + i * 8),
  L.RIP,
  L.FLAGS_OTHER,
  baseSlot(L.FS),
  baseSlot(L.GS),
  ...Array.from({ length: 4 }, (_, i) => L.DR0 + i * 8),
  L.DR6,
  L.DR7,
];
/** PE MP ET NE WP AM PG. */
const CR0_GUEST = 0x80050033 | 0;
const CR4_GUEST = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;
const CR4_CHOICE = CR4_TSD | CR4_DE | CR4_FSGSBASE | CR4_OSXSAVE;
/** Flags that are no guest's: IF, IOPL, VM, VIF, VIP. */
const FLAGS_OWN = FLAG_IF | FLAG_IOPL | FLAG_VM | 0x180000;
const FLAGS_MASK = 0x3f7fd5;
const TWO32 = 4294967296;
const code = new Descriptor();
const stack = new Descriptor();

export class Monitor {
  private readonly core: Core;
  private readonly state: VcpuState;
  /** Roots whose translations the sets of user mode and of kernel mode hold: machine addresses; -1: none. */
  private readonly roots: [number, number] = [-1, -1];

  constructor(core: Core) {
    this.core = core;
    this.state = core.state;
  }

  /** The control registers that a guest of this word size runs with. */
  start(word: 32 | 64): void {
    const { state } = this;
    state.set64(L.CR0, CR0_GUEST);
    state.set64(L.CR4, CR4_GUEST);
    state.set64(L.EFER, EFER_SCE | EFER_NXE | (word === 64 ? EFER_LME | EFER_LMA : 0));
    state.rflags = FLAG_IF | 2;
    this.core.updateMode();
    this.core.flushTlb(false);
  }

  /** Bits 0–31 of a register, unsigned. */
  readLow(register: number): number {
    if (register === MONITOR_FLAGS) return this.state.rflags >>> 0;
    return this.state.getU(slots[register]);
  }
  /** Bits 32–63, unsigned. */
  readHigh(register: number): number {
    return register === MONITOR_FLAGS ? 0 : this.state.getU(slots[register] + 4);
  }
  /** Several general registers at once, each as its two halves; of 32-bit ones the upper half is 0. */
  readGeneral(
    registers: readonly number[],
    count: number,
    bits: 32 | 64,
    low: Uint32Array,
    high: Uint32Array,
  ): void {
    const { state } = this;
    for (let i = 0; i < count; i++) {
      const at = L.GPR + registers[i] * 8;
      low[i] = state.get(at);
      high[i] = bits === 64 ? state.get(at + 4) : 0;
    }
  }
  /** Of the flags IF, IOPL and VM stay; DR6 and DR7 keep their fixed bits. */
  write(register: number, low: number, high: number): void {
    const { state } = this;
    if (register === MONITOR_FLAGS) this.writeFlags(low);
    else if (register >= MONITOR_DR6) {
      if (register === MONITOR_DR7) {
        state.setHalves(L.DR7, (low & ~0xf800) | DR7_FIXED, 0);
        updateDataWatch(this.core);
      } else state.setHalves(L.DR6, (low & 0xe00f) | DR6_FIXED, 0);
    } else state.setHalves(slots[register], low | 0, high | 0);
  }
  private writeFlags(value: number): void {
    const { state } = this;
    const old = state.get(L.FLAGS_OTHER);
    state.rflags = (value & FLAGS_MASK & ~FLAGS_OWN) | (old & FLAGS_OWN) | 2;
    if (((old ^ value) & FLAG_AC) !== 0 || (value & FLAG_TF) !== 0) this.core.updateMode();
  }

  selector(segment: number): number {
    return this.state.selector(segment);
  }
  /** Loads ES, DS, FS or GS as a MOV would. False, and nothing changed, where that faults. */
  loadSegment(segment: number, selector: number): boolean {
    try {
      loadSegmentRegister(this.core, segment, selector & 0xffff);
    } catch (e) {
      if (e !== CPU_FAULT) throw e;
      return false;
    }
    this.core.updateMode();
    return true;
  }

  /**
   * IRET from level 0 to CS:rIP and SS:rSP, where rIP, rSP and rFLAGS are in place.
   * @returns 0, or the fault as vector × 0x10000 + error code, with CS, SS and level unchanged.
   */
  returnTo(cs: number, ss: number): number {
    const { core, state } = this;
    if (this.staysAlike(cs & 0xffff, ss & 0xffff)) return 0;
    const level = state.get(L.CPL);
    state.set(L.CPL, 0);
    try {
      if ((cs & 0xfffc) === 0) state.fault(GP, 0);
      else if (this.checkedReturn(cs & 0xffff, ss & 0xffff)) return 0;
    } catch (e) {
      if (e !== CPU_FAULT) throw e;
    }
    state.set(L.CPL, level);
    core.updateMode();
    return state.get(L.FAULT_VECTOR) * 0x10000 + (state.get(L.FAULT_ERROR) & 0xffff);
  }
  /** The ordinary case: from 64-bit code to such code with segments like those there are, at the same level. */
  private staysAlike(cs: number, ss: number): boolean {
    const { core, state } = this;
    const level = state.get(L.CPL);
    if (!core.mode64 || (cs & 3) !== level || (ss & 3) !== level) return false;
    const high = state.get(L.RIP + 4) >> 15;
    if (high !== 0 && high !== -1) return false;
    if (!findDescriptor(core, cs, code) || !isLike(core, L.CS, code)) return false;
    if (!findDescriptor(core, ss, stack) || !isLike(core, L.SS, stack)) return false;
    renameSegment(core, L.CS, cs);
    renameSegment(core, L.SS, ss);
    return true;
  }
  private checkedReturn(cs: number, ss: number): boolean {
    const { core, state } = this;
    const level = cs & 3;
    fetchDescriptor(core, cs, code, GP);
    checkReturnTarget(core, cs, code);
    if (level === 0) {
      state.fault(NP, cs & 0xfffc);
      return false;
    }
    const toLong = isLongCode(core, code);
    checkOuterStack(core, ss, level, toLong, stack);
    const rip = checkOffset(core, code, state.get(L.RIP), state.get(L.RIP + 4));
    markAccessed(core, code);
    enterCode(core, cs, level, code, rip);
    const rsp = L.GPR + 4 * 8;
    commitOuterStack(core, ss, stack, toLong, state.get(rsp), state.get(rsp + 4));
    dropInnerSegments(core, level);
    core.updateMode();
    return true;
  }

  /** Page tables from now on, by machine address of the root. `asKernel`: those of a kernel that runs at level 3. */
  setPageTables(root: number, asKernel: boolean): void {
    const { core, state } = this;
    const half = asKernel ? 1 : 0;
    if (core.longMode && core.cpl === 3 && this.roots[half] === root)
      return core.switchHalf(root, asKernel);
    state.set64(L.CR3, root);
    core.guestKernel = asKernel;
    if (this.roots[half] !== root) {
      this.roots[half] = root;
      if (!core.longMode) this.flushBoth();
      else if (asKernel) core.changeKernelRoot(root);
      else core.flushHalf(false);
    }
    if (!core.longMode) this.reloadRoot();
    core.updateMode();
  }
  /** Whatever root user mode is given next, its translations are new ones. */
  forgetUserTables(): void {
    this.roots[0] = -1;
  }
  /** The root of a PAE guest has changed. */
  reloadRoot(): void {
    const { state } = this;
    const { walk } = this.core.mmu;
    const root = state.getU(L.CR3);
    for (let i = 0; i < 8; i++) walk.pdpte[i] = state.i32[(root >>> 2) + i];
  }
  private flushBoth(): void {
    this.core.flushHalf(true);
    this.core.flushHalf(false);
  }
  get root(): number {
    return this.state.get64(L.CR3);
  }
  /** Translations may be stale: all of both halves, or those of one page. */
  flush(address?: number): void {
    const { core } = this;
    if (address !== undefined) {
      if (Math.abs(address) <= 2 ** 47) core.flushPage(core.mmu.wrap(address));
    } else {
      this.flushBoth();
    }
    if (!core.longMode) this.reloadRoot();
  }

  /** The guest flushes: of its kernel's own translations those that went stale were told of. See {@link Core.changeKernelRoot}. */
  flushUntold(): void {
    const { core } = this;
    if (core.longMode && this.roots[1] >= 0) core.changeKernelRoot(this.roots[1]);
    else this.flush();
  }

  setTaskSwitched(isSet: boolean): void {
    const { state, core } = this;
    const cr0 = state.get(L.CR0);
    state.set(L.CR0, isSet ? cr0 | CR0_TS : cr0 & ~CR0_TS);
    core.updateMode();
  }
  /** TSD, DE, FSGSBASE and OSXSAVE of CR4. */
  setControl4(bits: number): void {
    const { state, core } = this;
    state.set(L.CR4, (state.get(L.CR4) & ~CR4_CHOICE) | (bits & CR4_CHOICE));
    core.updateMode();
  }
  /** XSETBV of XCR0; false: it would be #GP. */
  setExtendedControl(low: number, high: number): boolean {
    if (high !== 0 || (low & 1) === 0 || (low & ~3) !== 0) return false;
    this.state.setHalves(L.XCR0, low, 0);
    return true;
  }
  /** An FXSAVE image of 512 bytes, or null for initial state. */
  loadFloatingPoint(image: Uint8Array | null): void {
    loadFxsaveImage(this.core, image);
  }

  /** Instruction bytes from CS:rIP on; how many could be fetched. */
  readCode(target: Uint8Array): number {
    const { core, state } = this;
    const user = core.cpl === 3;
    const limit = core.mode64 ? Number.POSITIVE_INFINITY : state.segmentLimit(L.CS);
    const rip = core.mode64 ? state.rip : state.getU(L.RIP);
    const length = Math.min(target.length, Math.max(0, limit - rip + 1));
    for (let done = 0; done < length; ) {
      const host = core.mmu.translateCode(core.codeLinear(rip + done), user);
      if (host < 0) return done;
      const stop = Math.min(length, done + 4096 - (host & 4095));
      for (let at = host; done < stop; at++, done++) target[done] = state.u8[at];
    }
    return length;
  }
  /**
   * Machine address behind a linear one as the guest's kernel sees it, to the end of its page; -1 where it may not read (or write), or
   * no memory is. Records no fault.
   */
  translate(linear: number, isWrite: boolean): number {
    return this.core.mmu.translateFor(linear, isWrite);
  }
  /** CPUID of the CPU's model. */
  cpuid(leaf: number, subleaf: number, out: Uint32Array): void {
    const registers = cpuidLeaf(this.core, leaf, subleaf);
    for (let i = 0; i < 4; i++) out[i] = registers[i];
  }
  /** RDMSR at CPL 0: low and high half; false where it is `#GP`. */
  readMsr(index: number, out: Uint32Array): boolean {
    if (!readMsrOf(this.core, index)) return false;
    out[0] = this.state.getU(L.SCRATCH);
    out[1] = this.state.getU(L.SCRATCH + 4);
    return true;
  }
  readTimeStamp(out: Uint32Array): void {
    tscToScratch(this.core);
    out[0] = this.state.getU(L.SCRATCH);
    out[1] = this.state.getU(L.SCRATCH + 4);
  }
  setTimeStampAux(value: number): void {
    this.state.setHalves(L.MSR_TSC_AUX, value | 0, 0);
  }

  /** Linear address of the last page fault. */
  get faultAddress(): number {
    return this.state.getF64(L.FAULT_ADDRESS);
  }
  /** Is the instruction that runs one of 64-bit code? */
  get runs64BitCode(): boolean {
    return (this.state.get(L.MODE_KEY) & MODE_CODE_SIZE) === MODE_CODE_64;
  }
  /** rIP and rFLAGS to RCX and R11, as SYSCALL leaves them. */
  saveForSystemCall(): void {
    const { state } = this;
    state.setHalves(L.GPR + 8, state.get(L.RIP), state.get(L.RIP + 4));
    state.setHalves(L.GPR + 88, state.rflags, 0);
  }
  /** rIP moves by a few bytes. */
  skip(bytes: number): void {
    const { state, core } = this;
    if (core.mode64) state.rip += bytes;
    else state.setHalves(L.RIP, (state.get(L.RIP) + bytes) | 0, 0);
  }
  /** Writes a general register: a result of at most 53 bits and a sign. */
  setResult(register: number, value: number): void {
    const low = value | 0;
    const high = low === value ? low >> 31 : Math.floor(value / TWO32);
    this.state.setHalves(L.GPR + register * 8, low, this.core.longMode ? high : 0);
  }
}
