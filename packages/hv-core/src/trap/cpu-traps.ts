// CpuTraps: what the CPU of a page-table guest calls, from inside of `run`, on the microkernel: exceptions, INT n and system calls, stores
// to read-only pages, descriptors. hv-core implements it (PvTraps, as `vcpu.traps`); registers change through TrapCpu.
//
// Methods that return a boolean: true, go on at the registers as they are now; false, leave `run` with GuestExit.budget (the domain
// crashed, or it is time for others). Registers are exact when one of them is called. None throws because of a guest.
import type { Maddr } from '@proxeny/memory';

export interface CpuTraps {
  /**
   * An exception other than a page fault: fault (rIP at the instruction) or trap (rIP after it), as on hardware. Includes every #GP of a
   * privileged instruction (error code 0), and #UD, which may be the start of a forced emulation. DR6 has its bits before a #DB.
   * @param errorCode as pushed; -1 for a vector without one.
   */
  exception(vector: number, errorCode: number): boolean;
  /**
   * A page fault, rIP at the instruction.
   * @param address linear, signed canonical.
   * @param errorCode as the CPU's own CPL says: user always in a 64-bit guest; the guest sees it adapted.
   */
  pageFault(address: number, errorCode: number): boolean;
  /**
   * INT n, INT3, INT1 or INTO is about to be taken; rIP at the instruction, which is `length` bytes long. Not for the INT 0x82 that is a
   * hypercall.
   */
  softwareInterrupt(vector: number, length: number): boolean;
  /**
   * SYSCALL that is no hypercall: in user mode of a 64-bit guest, or anywhere in a 32-bit one (if the CPU has it there). rIP after it;
   * RCX and R11 as the instruction leaves them.
   * @param isCompatibility executed in 32-bit code.
   */
  systemCall(isCompatibility: boolean): boolean;
  /** SYSENTER, in any mode; rIP after it, no register changed. */
  systemEnter(): boolean;
  /** CPUID, wherever it is executed: reads EAX and ECX, writes EAX to EDX. rIP is the CPU's to move. */
  cpuid(): void;
  /**
   * May the running code use `size` ports from `port` on? False: raise `#GP`, and the microkernel finds out what is to be done. True: the
   * CPU does IN or OUT, with {@link readPort} and {@link writePort}, each for one element.
   */
  mayUsePort(port: number, size: number): boolean;
  /** Unsigned. */
  readPort(port: number, size: number): number;
  writePort(port: number, size: number, value: number): void;
  /**
   * A store to a page that is present and not writable, before it becomes a page fault: a page table, perhaps. 8 bytes or less, in
   * one page; the instruction's own reads of it are ordinary reads (so ADD or CMPXCHG reads, computes, then asks here; nothing
   * runs in between). True: the store is done, as far as the guest sees. False: raise the page fault.
   */
  storeReadOnly(address: number, size: number, low: number, high: number): boolean;
  /**
   * Where the descriptor of a selector (its RPL ignored) is in machine memory: 8 bytes, in which the CPU may set the accessed bit; -1 if
   * the table does not reach as far. The frame stays valid until the CPU's next call of anything.
   */
  descriptorAt(selector: number): Maddr | -1;
}
