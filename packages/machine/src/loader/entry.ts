// BootEntry: the CPU state an image must be entered with, as plain data. Loaders return it, the PC builder applies it to vCPU 0.
// Invariant: a loader never touches a CPU; everything that lives in guest memory (GDT, page tables, boot structures) is
// already written when it returns.
import type { GuestMemory } from '@proxeny/memory';

/** Where loaders write. `byteLength` is the end of the guest-physical space that may hold RAM. */
export type LoadTarget = GuestMemory;

/**
 * - `real`: 16-bit real mode, paging off.
 * - `protected32`: CR0.PE = 1, CR0.PG = 0; CS and data segments flat 32-bit (base 0, limit 4 GiB).
 * - `long64`: CR0.PE = CR0.PG = 1, CR4.PAE = 1, EFER.LME = LMA = 1; CS is a 64-bit code segment, `cr3` is set.
 */
export type BootMode = 'real' | 'protected32' | 'long64';

export type BootRegister = 'rax' | 'rbx' | 'rcx' | 'rdx' | 'rsi' | 'rdi' | 'rbp' | 'rsp';

/** A segment register as the CPU caches it. */
export interface BootSegment {
  readonly selector: number;
  readonly base: number;
  /** Highest valid offset, in bytes (so 0xffff or 0xffffffff), granularity already applied. */
  readonly limit: number;
}

/** Descriptor-table register: linear base and limit (size in bytes − 1). */
export interface BootTable {
  readonly base: number;
  readonly limit: number;
}

/** CPU state at the first instruction of an image. Interrupts are off (RFLAGS = 2) in every mode. */
export interface BootEntry {
  readonly mode: BootMode;
  /** Offset within CS; so the linear address where `cs.base` is 0. */
  readonly rip: number;
  /** Registers with a value other than 0. */
  readonly registers: Readonly<Partial<Record<BootRegister, number>>>;
  /** CS; its type follows from `mode`: execute/read, 16-bit, 32-bit or 64-bit. */
  readonly cs: BootSegment;
  /** DS, ES, SS, FS and GS alike: read/write, expand up; D/B set except in real mode. */
  readonly data: BootSegment;
  /** GDT to load; absent: base 0, limit 0 (the image loads its own before it loads a segment register). */
  readonly gdt?: BootTable;
  /** IDT to load; absent: base 0, limit 0x3ff in real mode, limit 0 otherwise. */
  readonly idt?: BootTable;
  /** Page-table root in bytes (`long64` only). */
  readonly cr3?: number;
}
