/* Generated from packages/abi by `npm run generate`: change the data there, not this file. */
#ifndef PROXENY_XEN_CPU_CONTEXT_H
#define PROXENY_XEN_CPU_CONTEXT_H

/* The state of a vCPU as VCPUOP_initialise and saved images have it. arch-x86/xen.h, xen-x86_32.h, xen-x86_64.h. */

#include "scalar.h"
#include "trap.h"


/* The registers; EFLAGS.IF is saved_upcall_mask inverted. */
#ifdef __x86_64__
struct cpu_user_regs {
  uint64_t r15;
  uint64_t r14;
  uint64_t r13;
  uint64_t r12;
  uint64_t rbp;
  uint64_t rbx;
  uint64_t r11;
  uint64_t r10;
  uint64_t r9;
  uint64_t r8;
  uint64_t rax;
  uint64_t rcx;
  uint64_t rdx;
  uint64_t rsi;
  uint64_t rdi;
  uint32_t error_code;
  uint32_t entry_vector;
  uint64_t rip;
  uint16_t cs;
  uint16_t _pad0[1];
  uint8_t saved_upcall_mask;
  uint8_t _pad1[3];
  uint64_t rflags;
  uint64_t rsp;
  uint16_t ss;
  uint16_t _pad2[3];
  uint16_t es;
  uint16_t _pad3[3];
  uint16_t ds;
  uint16_t _pad4[3];
  uint16_t fs;
  uint16_t _pad5[3];
  uint16_t gs;
  uint16_t _pad6[3];
};
#else
struct cpu_user_regs {
  uint32_t ebx;
  uint32_t ecx;
  uint32_t edx;
  uint32_t esi;
  uint32_t edi;
  uint32_t ebp;
  uint32_t eax;
  uint16_t error_code;
  uint16_t entry_vector;
  uint32_t eip;
  uint16_t cs;
  uint8_t saved_upcall_mask;
  uint8_t _pad0;
  uint32_t eflags;
  uint32_t esp;
  uint16_t ss;
  uint16_t _pad1;
  uint16_t es;
  uint16_t _pad2;
  uint16_t ds;
  uint16_t _pad3;
  uint16_t fs;
  uint16_t _pad4;
  uint16_t gs;
  uint16_t _pad5;
};
#endif
/* Flags of vcpu_guest_context. */
#define VGCF_i387_valid 1
#define VGCF_in_kernel 4
#define VGCF_failsafe_disables_events 8
#define VGCF_syscall_disables_events 16
#define VGCF_online 32

/* All of a PV vCPU. */
#ifdef __x86_64__
struct vcpu_guest_context {
  struct {
    char x[512];
  } fpu_ctxt;
  unsigned long flags;
  struct cpu_user_regs user_regs;
  struct trap_info trap_ctxt[256];
  unsigned long ldt_base;
  unsigned long ldt_ents;
  unsigned long gdt_frames[16];
  unsigned long gdt_ents;
  unsigned long kernel_ss;
  unsigned long kernel_sp;
  unsigned long ctrlreg[8];
  unsigned long debugreg[8];
  unsigned long event_callback_eip;
  unsigned long failsafe_callback_eip;
  unsigned long syscall_callback_eip;
  unsigned long vm_assist;
  uint64_t fs_base;
  uint64_t gs_base_kernel;
  uint64_t gs_base_user;
};
#else
struct vcpu_guest_context {
  struct {
    char x[512];
  } fpu_ctxt;
  unsigned long flags;
  struct cpu_user_regs user_regs;
  struct trap_info trap_ctxt[256];
  unsigned long ldt_base;
  unsigned long ldt_ents;
  unsigned long gdt_frames[16];
  unsigned long gdt_ents;
  unsigned long kernel_ss;
  unsigned long kernel_sp;
  unsigned long ctrlreg[8];
  unsigned long debugreg[8];
  unsigned long event_callback_cs;
  unsigned long event_callback_eip;
  unsigned long failsafe_callback_cs;
  unsigned long failsafe_callback_eip;
  unsigned long vm_assist;
};
#endif

#endif
