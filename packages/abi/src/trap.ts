// Traps of PV guests: the virtual IDT, what is on the stack for the iret hypercall, forced emulation. arch-x86/xen.h, xen-x86_64.h.
import { struct, u8, u16, u64, ulong } from '@proxeny/memory';

/** An entry of set_trap_table's array, which ends with an address of 0. */
export const trap_info = struct('trap_info', {
  vector: u8,
  /** Bits 0–1: who may raise it by INT (0 nobody, 1 and 2 the kernel, 3 everybody). Bit 2: mask events. */
  flags: u8,
  cs: u16,
  address: ulong,
});
export const TI_DPL_MASK = 3;
export const TI_IF = 4;

/** What a 64-bit guest has on its stack for the iret hypercall. RPL 3 in `cs` means user mode. */
export const iret_context = struct('iret_context', {
  rax: u64,
  r11: u64,
  rcx: u64,
  /** VGCF_in_syscall: return by SYSRET, losing RCX, R11, CS and SS. */
  flags: u64,
  rip: u64,
  cs: u64,
  rflags: u64,
  rsp: u64,
  ss: u64,
});
export const VGCF_in_syscall = 1 << 8;

/** The bytes before CPUID that have Xen emulate it. */
export const XEN_EMULATE_PREFIX: readonly number[] = Object.freeze([0x0f, 0x0b, 0x78, 0x65, 0x6e]);

/** The I/O port whose bytes go to Xen's console, in HVM and PVH guests. */
export const XEN_HVM_DEBUGCONS_IOPORT = 0xe9;
