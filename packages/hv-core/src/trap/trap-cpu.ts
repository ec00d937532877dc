// TrapCpu: what the microkernel asks of the CPU of a page-table guest, whose kernel never sees ring 0: its registers and segments, which
// page tables it uses, a few instructions' worth of facts. The CPU's own calls, in the other direction, are CpuTraps.
//
// Who calls whom:
// - hv-core calls `run`. While it runs, the CPU calls `vcpu.traps` (CpuTraps) for each event that hardware would send through the IDT,
//   with its registers exact: as the instruction left them before a trap, as they were before it at a fault. hv-core then changes the
//   registers through this interface and the CPU goes on with what they are: there is no other "return value" of an exception.
// - A hypercall is SYSCALL in kernel mode of a 64-bit guest, INT 0x82 at ring 1 of a 32-bit one; the CPU calls dispatchInRun, or leaves
//   `run` with GuestExit.hypercall. rIP is then at the next
//   instruction (and RCX, R11 are what SYSCALL leaves); `run` goes on at rIP. `finishHypercall` writes rAX and nothing else;
//   `restartHypercall` puts rAX and rIP back to before the instruction. The iret hypercall calls neither: it writes all registers.
// - `upcall` is never called on a TrapCpu: hv-core makes the event frame itself.
// Outside of `run`, and inside of a call of CpuTraps, every method here may be called. None may throw because of a guest.
//
// The guest's privilege: a 64-bit guest runs at CPL 3 in kernel and user mode alike, by two page-table roots; a 32-bit guest's kernel
// runs at CPL 1. IF is always 1 and IOPL 0 in the CPU's own rFLAGS; what the guest thinks they are is hv-core's business.
import type { Mfn } from '@proxeny/memory';
import type { GuestCpu } from '../guest-cpu.js';

/** Registers by number: the general ones as instructions encode them, and others of 64 bits. */
export const CpuRegister = {
  ax: 0,
  cx: 1,
  dx: 2,
  bx: 3,
  sp: 4,
  bp: 5,
  si: 6,
  di: 7,
  r8: 8,
  r9: 9,
  r10: 10,
  r11: 11,
  r12: 12,
  r13: 13,
  r14: 14,
  r15: 15,
  ip: 16,
  /** Bit 1 reads as set; IF and IOPL are the CPU's own (1 and 0). */
  flags: 17,
  fsBase: 18,
  /** The base in use. The other one, of user mode while the kernel runs and the reverse, is kept by hv-core. */
  gsBase: 19,
  dr0: 20,
  dr1: 21,
  dr2: 22,
  dr3: 23,
  dr6: 24,
  dr7: 25,
} as const;
export type CpuRegister = number;

/** Segment registers, as instructions encode them. */
export const CpuSegment = { es: 0, cs: 1, ss: 2, ds: 3, fs: 4, gs: 5 } as const;
export type CpuSegment = (typeof CpuSegment)[keyof typeof CpuSegment];

export interface TrapCpu extends GuestCpu {
  /** Tells a TrapCpu from other engines. */
  readonly takesTraps: true;

  // Registers. Values are halves of 32 bits, unsigned; a 32-bit guest's high halves are 0.

  readLow(register: CpuRegister): number;
  readHigh(register: CpuRegister): number;
  write(register: CpuRegister, low: number, high: number): void;

  // Segments. Descriptors come from CpuTraps.descriptorAt.

  selector(segment: CpuSegment): number;
  /**
   * Loads DS, ES, FS or GS as a MOV at the current CPL would; a 64-bit guest's FS or GS base becomes the descriptor's. False where the
   * MOV would fault: nothing changed.
   */
  loadSegment(segment: CpuSegment, selector: number): boolean;
  /**
   * Goes on at CS:rIP with SS:rSP, where rIP, rSP and rFLAGS are in place already: IRET from ring 0 with all its checks and effects
   * (canonical rIP; the code segment's type, limit and L bit decide the mode; data segments the new CPL may not use become null).
   * Returns 0, or the fault IRET would raise as vector × 0x10000 + error code: then CS, SS and CPL are unchanged.
   */
  returnTo(codeSelector: number, stackSelector: number): number;

  // Modes.

  /**
   * From now on linear addresses go through the tables of `root` (an L4; of a 32-bit guest a PAE root of four entries), and a 64-bit
   * guest is in kernel or user mode. Translations of another root must not be used, unless the same tables gave them; those of this one
   * may be kept, but for user mode's when the kernel's root changes: that is how kernels flush. Of the kernel's own
   * (whose leaf has no G bit) hv-core tells when they are stale, and of others too: Hypervisor.onTlbFlush, FrameTable.onRetype,
   * PageTables.onKernelPageUnmapped. Called before the first `run`, and at each change of mode or root.
   */
  setPageTables(root: Mfn, isKernelMode: boolean): void;
  /**
   * User mode has other tables from now on, even if their root is the same: which ones is told when it is entered. Of an engine without
   * this, all is flushed.
   */
  forgetUserTables?(): void;
  /**
   * The guest flushes. All translations go but for those of the kernel's own, of which hv-core has told when they went stale. Of an engine
   * without this, all is flushed.
   */
  flushUntold?(): void;
  /** CR0.TS: x87, MMX and SSE instructions raise #NM. */
  setTaskSwitched(isSet: boolean): void;
  /** The bits of CR4 a guest decides on: TSD, DE, FSGSBASE, OSXSAVE; others are the CPU's own. */
  setControl4(bits: number): void;
  /** XSETBV of XCR0; false if it would be #GP. */
  setExtendedControl(low: number, high: number): boolean;
  /** Loads x87 and SSE state from an FXSAVE image of 512 bytes, and initial state from null. A bad MXCSR is cut to what there is. */
  loadFloatingPoint(image: Uint8Array | null): void;

  // Facts.

  /**
   * Copies instruction bytes from CS:rIP on, as fetches at the current CPL read them; how many could be read before one would fault
   * or CS ends.
   */
  readCode(target: Uint8Array): number;
  /** CPUID of the processor itself: EAX, EBX, ECX, EDX into `out`. What a guest sees of it is hv-core's business. */
  cpuid(leaf: number, subleaf: number, out: Uint32Array): void;
  /** RDMSR of the processor itself, for those few registers a guest may read of it: low and high half; false: there is none. */
  readMsr(index: number, out: Uint32Array): boolean;
  /** The time stamp counter as RDTSC reads it: low and high half into `out`. */
  readTimeStamp(out: Uint32Array): void;
  /** IA32_TSC_AUX, for RDTSCP and RDPID. */
  setTimeStampAux(value: number): void;
}

/** Whether a vCPU's engine has registers for traps. */
export function isTrapCpu(cpu: GuestCpu): cpu is TrapCpu {
  return 'takesTraps' in cpu;
}
