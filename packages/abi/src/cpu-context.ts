// The state of a vCPU as VCPUOP_initialise and saved images have it. arch-x86/xen.h, xen-x86_32.h, xen-x86_64.h.
import { array, struct, structPair, u8, u16, u32, u64, ulong } from '@proxeny/memory';
import { char } from './scalar.js';
import { trap_info } from './trap.js';

/** The registers; EFLAGS.IF is saved_upcall_mask inverted. */
export const cpu_user_regs = structPair(
  struct('cpu_user_regs', {
    ebx: u32,
    ecx: u32,
    edx: u32,
    esi: u32,
    edi: u32,
    ebp: u32,
    eax: u32,
    error_code: u16,
    entry_vector: u16,
    eip: u32,
    cs: u16,
    saved_upcall_mask: u8,
    _pad0: u8,
    eflags: u32,
    esp: u32,
    ss: u16,
    _pad1: u16,
    es: u16,
    _pad2: u16,
    ds: u16,
    _pad3: u16,
    fs: u16,
    _pad4: u16,
    gs: u16,
    _pad5: u16,
  }),
  struct('cpu_user_regs', {
    r15: u64,
    r14: u64,
    r13: u64,
    r12: u64,
    rbp: u64,
    rbx: u64,
    r11: u64,
    r10: u64,
    r9: u64,
    r8: u64,
    rax: u64,
    rcx: u64,
    rdx: u64,
    rsi: u64,
    rdi: u64,
    error_code: u32,
    entry_vector: u32,
    rip: u64,
    cs: u16,
    _pad0: array(u16, 1),
    saved_upcall_mask: u8,
    _pad1: array(u8, 3),
    rflags: u64,
    rsp: u64,
    ss: u16,
    _pad2: array(u16, 3),
    es: u16,
    _pad3: array(u16, 3),
    ds: u16,
    _pad4: array(u16, 3),
    fs: u16,
    _pad5: array(u16, 3),
    gs: u16,
    _pad6: array(u16, 3),
  }),
);

// Flags of vcpu_guest_context.
export const VGCF_i387_valid = 1 << 0;
export const VGCF_in_kernel = 1 << 2;
export const VGCF_failsafe_disables_events = 1 << 3;
export const VGCF_syscall_disables_events = 1 << 4;
export const VGCF_online = 1 << 5;

const before_callbacks = {
  /** As FXSAVE writes it. */
  fpu_ctxt: struct('', { x: array(char, 512) }),
  /** VGCF_*. */
  flags: ulong,
  user_regs: cpu_user_regs,
  trap_ctxt: array(trap_info, 256),
  /** Linear address, entries. */
  ldt_base: ulong,
  ldt_ents: ulong,
  /** Machine frames, entries. */
  gdt_frames: array(ulong, 16),
  gdt_ents: ulong,
  kernel_ss: ulong,
  kernel_sp: ulong,
  /** CR0 to CR7; CR3 as the word size packs it, a 64-bit guest's user CR3 in [1]. */
  ctrlreg: array(ulong, 8),
  debugreg: array(ulong, 8),
};

/** All of a PV vCPU. */
export const vcpu_guest_context = structPair(
  struct('vcpu_guest_context', {
    ...before_callbacks,
    event_callback_cs: ulong,
    event_callback_eip: ulong,
    failsafe_callback_cs: ulong,
    failsafe_callback_eip: ulong,
    /** A bitmap of VMASST_TYPE_*. */
    vm_assist: ulong,
  }),
  struct('vcpu_guest_context', {
    ...before_callbacks,
    event_callback_eip: ulong,
    failsafe_callback_eip: ulong,
    syscall_callback_eip: ulong,
    /** A bitmap of VMASST_TYPE_*. */
    vm_assist: ulong,
    fs_base: u64,
    gs_base_kernel: u64,
    gs_base_user: u64,
  }),
);
