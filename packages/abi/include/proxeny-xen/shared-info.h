/* Generated from packages/abi by `npm run generate`: change the data there, not this file. */
#ifndef PROXENY_XEN_SHARED_INFO_H
#define PROXENY_XEN_SHARED_INFO_H

/* The page every domain shares with Xen: vCPUs' event words and clocks, event bitmaps, wall clock. xen.h, arch-x86/xen.h.
 * Versions of clocks are odd while Xen writes; a reader retries until it sees the same even version before and after. */

#include "scalar.h"

/* vCPUs that have their vcpu_info in shared_info; others register one (VCPUOP_register_vcpu_info). */
#define XEN_LEGACY_MAX_VCPUS 32

/* A vCPU's clock: system_time + (((tsc − tsc_timestamp) << tsc_shift) × tsc_to_system_mul) >> 32, in ns. 32 bytes. */
struct vcpu_time_info {
  uint32_t version;
  uint32_t pad0;
  uint64_t tsc_timestamp;
  uint64_t system_time;
  uint32_t tsc_to_system_mul;
  int8_t tsc_shift;
  uint8_t flags;
  uint8_t pad1[2];
};
#define XEN_PVCLOCK_TSC_STABLE_BIT 1
#define XEN_PVCLOCK_GUEST_STOPPED 2

/* What x86 adds to vcpu_info: the address of the last page fault. */
struct arch_vcpu_info {
  unsigned long cr2;
  unsigned long pad[XEN_BY_WORD(5, 1)];
};

/* One vCPU's events and clock, 64 bytes. */
struct vcpu_info {
  uint8_t evtchn_upcall_pending;
  uint8_t evtchn_upcall_mask;
  xen_ulong_t evtchn_pending_sel;
  struct arch_vcpu_info arch;
  struct vcpu_time_info time;
};

/* What x86 adds to shared_info; of a 32-bit guest also the wall clock's high half. */
#ifdef __x86_64__
struct arch_shared_info {
  unsigned long max_pfn;
  xen_pfn_t pfn_to_mfn_frame_list_list;
  unsigned long nmi_reason;
  unsigned long p2m_cr3;
  unsigned long p2m_vaddr;
  unsigned long p2m_generation;
};
#else
struct arch_shared_info {
  unsigned long max_pfn;
  xen_pfn_t pfn_to_mfn_frame_list_list;
  unsigned long nmi_reason;
  unsigned long p2m_cr3;
  unsigned long p2m_vaddr;
  unsigned long p2m_generation;
  uint32_t wc_sec_hi;
};
#endif
/* Bits of nmi_reason. nmi.h */
#define XEN_NMIREASON_io_error 1
#define XEN_NMIREASON_pci_serr 2
#define XEN_NMIREASON_unknown 4

/* The shared page; less than 4096 bytes of it are used. */
#ifdef __x86_64__
struct shared_info {
  struct vcpu_info vcpu_info[32];
  xen_ulong_t evtchn_pending[XEN_BY_WORD(32, 64)];
  xen_ulong_t evtchn_mask[XEN_BY_WORD(32, 64)];
  uint32_t wc_version;
  uint32_t wc_sec;
  uint32_t wc_nsec;
  uint32_t wc_sec_hi;
  struct arch_shared_info arch;
};
#else
struct shared_info {
  struct vcpu_info vcpu_info[32];
  xen_ulong_t evtchn_pending[XEN_BY_WORD(32, 64)];
  xen_ulong_t evtchn_mask[XEN_BY_WORD(32, 64)];
  uint32_t wc_version;
  uint32_t wc_sec;
  uint32_t wc_nsec;
  struct arch_shared_info arch;
};
#endif

#endif
