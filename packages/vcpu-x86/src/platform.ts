// All that the CPU asks of the world: ports, memory-mapped devices, the interrupt controller, time; the second stage of address
// translation; and what becomes of its events. The consumer's side of every interface: who builds a machine implements them. In
// these objects, and nowhere else, paravirtual guests differ from others.
import type { Gfn, Gpa, Mfn } from '@proxeny/memory';

/** What the CPU asks of the machine around it. No method may throw; values are unsigned. */
export interface CpuPlatform {
  portRead(port: number, size: 1 | 2 | 4): number;
  portWrite(port: number, size: 1 | 2 | 4, value: number): void;
  /** A read that the second stage maps to no frame. Eight-byte accesses come as two of four. */
  mmioRead(at: Gpa, size: 1 | 2 | 4): number;
  mmioWrite(at: Gpa, size: 1 | 2 | 4, value: number): void;
  /** The interrupt controller's vector for the interrupt that the CPU takes now, or -1 if it went away. */
  acknowledgeInterrupt(): number;
  /** Guest time in nanoseconds (a double); the time stamp counter is derived from it. */
  nowNs(): number;
  /** 32 random bits, unsigned; for RDRAND and RDSEED. */
  randomU32(): number;
  /** Task priority register bits 7–4 (CR8); no-ops without a local APIC. */
  readTaskPriority(): number;
  writeTaskPriority(value: number): void;
  /** Model-specific registers that belong to the platform (local APIC base, TSC deadline, x2APIC, a hypervisor's): false when it has none of that number. */
  readMsr(index: number, out: Uint32Array): boolean;
  writeMsr(index: number, low: number, high: number): boolean;
  /** May change what CPUID answers for a leaf: EAX, EBX, ECX and EDX as the CPU's model has them. */
  cpuid?(leaf: number, subleaf: number, registers: Int32Array): void;
}

/** Guest frame → machine frame; -1 where no frame answers (a device, ROM for writing, nothing). */
export interface SecondStage {
  mfnOf(gfn: Gfn, write: boolean): Mfn | -1;
}

/** INT n, INT3 and INTO; or INT1, which no gate's DPL keeps out. */
export type SoftwareEvent = 'software' | 'privileged-software';

/**
 * What becomes of the events of one CPU: the architecture's tables, or a hypervisor's. Whoever takes an event changes the CPU's
 * registers to go on where it likes. Nothing here throws.
 */
export interface TrapDelivery {
  /** Events of the ordinary kind go by the guest's own descriptor tables: generated code may deliver them. */
  readonly usesTables: boolean;
  /**
   * A fault or trap of an instruction; rIP is that instruction's (`isFault`) or the next one's. `errorCode` is -1 for vectors
   * without one; a page fault's address is in FAULT_ADDRESS. False: the CPU shuts down.
   */
  exception(vector: number, errorCode: number, isFault: boolean): boolean;
  /** A pin: the interrupt controller's vector, or 2 for an NMI. False: the CPU shuts down. */
  interrupt(vector: number): boolean;
  /** INT n and its kin; rIP is behind it. -1: it faults instead, with the fault recorded. */
  software(vector: number, event: SoftwareEvent): number;
  /** SYSCALL and SYSENTER; rIP is behind it. -1: a fault is recorded. */
  systemCall(): number;
  systemEnter(): number;
  /** VMCALL, VMMCALL; rIP is behind it. -1: a fault is recorded. */
  hypervisorCall(): number;
  /** May IN or OUT use these ports? 0: yes. -1: a fault is recorded. */
  checkPort(port: number, bytes: number): number;
}

/** A segment descriptor as it was read, and where: `at` means something to its source alone. */
export interface DescriptorRecord {
  low: number;
  high: number;
  at: number;
}

/** Where segment registers are loaded from, when that is not the guest's own linear memory. */
export interface DescriptorSource {
  /** False: beyond its table. */
  find(selector: number, into: DescriptorRecord): boolean;
  /** Stores the accessed bit, which `descriptor.high` has already. */
  markAccessed(descriptor: DescriptorRecord): void;
}

/** Takes stores that the guest's page tables refuse because a page is read only. */
export interface StoreEmulation {
  /** May `size` bytes at a linear address be stored by {@link store}, as far as the address tells? */
  accepts(linear: number, size: number): boolean;
  /** Performs the store of 1, 2, 4 or 8 bytes given as halves. False: the page fault is the guest's. */
  store(linear: number, size: number, low: number, high: number): boolean;
}
