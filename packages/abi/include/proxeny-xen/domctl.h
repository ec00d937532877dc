/* Generated from packages/abi by `npm run generate`: change the data there, not this file. */
#ifndef PROXENY_XEN_DOMCTL_H
#define PROXENY_XEN_DOMCTL_H

/* Control of domains by the toolstack: numbers of HYPERVISOR_domctl, flags of a domain, and the record that lists one. domctl.h.
 * Our own control plane is a TypeScript interface; these name its operations, and a PV guest that tries them gets -EPERM. */

#include "scalar.h"

/* Of Xen 4.17. */
#define XEN_DOMCTL_INTERFACE_VERSION 21
#define XEN_DOMCTL_vmtrace_enable 1
#define XEN_DOMCTL_vmtrace_disable 2
#define XEN_DOMCTL_vmtrace_reset_and_enable 3
#define XEN_DOMCTL_vmtrace_output_position 4
#define XEN_DOMCTL_vmtrace_get_option 5
#define XEN_DOMCTL_vmtrace_set_option 6
#define XEN_DOMCTL_createdomain 1
#define XEN_DOMCTL_destroydomain 2
#define XEN_DOMCTL_pausedomain 3
#define XEN_DOMCTL_unpausedomain 4
#define XEN_DOMCTL_getdomaininfo 5
#define XEN_DOMCTL_setvcpuaffinity 9
#define XEN_DOMCTL_shadow_op 10
#define XEN_DOMCTL_max_mem 11
#define XEN_DOMCTL_setvcpucontext 12
#define XEN_DOMCTL_getvcpucontext 13
#define XEN_DOMCTL_getvcpuinfo 14
#define XEN_DOMCTL_max_vcpus 15
#define XEN_DOMCTL_scheduler_op 16
#define XEN_DOMCTL_setdomainhandle 17
#define XEN_DOMCTL_setdebugging 18
#define XEN_DOMCTL_irq_permission 19
#define XEN_DOMCTL_iomem_permission 20
#define XEN_DOMCTL_ioport_permission 21
#define XEN_DOMCTL_hypercall_init 22
#define XEN_DOMCTL_settimeoffset 24
#define XEN_DOMCTL_getvcpuaffinity 25
#define XEN_DOMCTL_resumedomain 27
#define XEN_DOMCTL_sendtrigger 28
#define XEN_DOMCTL_subscribe 29
#define XEN_DOMCTL_gethvmcontext 33
#define XEN_DOMCTL_sethvmcontext 34
#define XEN_DOMCTL_set_address_size 35
#define XEN_DOMCTL_get_address_size 36
#define XEN_DOMCTL_assign_device 37
#define XEN_DOMCTL_bind_pt_irq 38
#define XEN_DOMCTL_memory_mapping 39
#define XEN_DOMCTL_ioport_mapping 40
#define XEN_DOMCTL_set_ext_vcpucontext 42
#define XEN_DOMCTL_get_ext_vcpucontext 43
#define XEN_DOMCTL_test_assign_device 45
#define XEN_DOMCTL_set_target 46
#define XEN_DOMCTL_deassign_device 47
#define XEN_DOMCTL_unbind_pt_irq 48
#define XEN_DOMCTL_get_device_group 50
#define XEN_DOMCTL_debug_op 54
#define XEN_DOMCTL_gethvmcontext_partial 55
#define XEN_DOMCTL_vm_event_op 56
#define XEN_DOMCTL_mem_sharing_op 57
#define XEN_DOMCTL_gettscinfo 59
#define XEN_DOMCTL_settscinfo 60
#define XEN_DOMCTL_getpageframeinfo3 61
#define XEN_DOMCTL_setvcpuextstate 62
#define XEN_DOMCTL_getvcpuextstate 63
#define XEN_DOMCTL_set_access_required 64
#define XEN_DOMCTL_audit_p2m 65
#define XEN_DOMCTL_set_virq_handler 66
#define XEN_DOMCTL_set_broken_page_p2m 67
#define XEN_DOMCTL_setnodeaffinity 68
#define XEN_DOMCTL_getnodeaffinity 69
#define XEN_DOMCTL_cacheflush 71
#define XEN_DOMCTL_get_vcpu_msrs 72
#define XEN_DOMCTL_set_vcpu_msrs 73
#define XEN_DOMCTL_setvnumainfo 74
#define XEN_DOMCTL_psr_cmt_op 75
#define XEN_DOMCTL_monitor_op 77
#define XEN_DOMCTL_psr_alloc 78
#define XEN_DOMCTL_soft_reset 79
#define XEN_DOMCTL_vuart_op 81
#define XEN_DOMCTL_get_cpu_policy 82
#define XEN_DOMCTL_set_cpu_policy 83
#define XEN_DOMCTL_vmtrace_op 84
#define XEN_DOMCTL_get_paging_mempool_size 85
#define XEN_DOMCTL_set_paging_mempool_size 86
/* Flags at creation. */
#define XEN_DOMCTL_CDF_hvm 1
#define XEN_DOMCTL_CDF_hap 2
#define XEN_DOMCTL_CDF_s3_integrity 4
#define XEN_DOMCTL_CDF_oos_off 8
#define XEN_DOMCTL_CDF_xs_domain 16
#define XEN_DOMCTL_CDF_iommu 32
#define XEN_DOMCTL_CDF_nested_virt 64
#define XEN_DOMCTL_CDF_vpmu 128
/* Flags of a domain; the shutdown reason (SHUTDOWN_*) in bits 16–23. */
#define XEN_DOMINF_dying 1
#define XEN_DOMINF_hvm_guest 2
#define XEN_DOMINF_shutdown 4
#define XEN_DOMINF_paused 8
#define XEN_DOMINF_blocked 16
#define XEN_DOMINF_running 32
#define XEN_DOMINF_debugged 64
#define XEN_DOMINF_xs_domain 128
#define XEN_DOMINF_hap 256
#define XEN_DOMINF_shutdownmask 255
#define XEN_DOMINF_shutdownshift 16
/* Page types in saved images, in bits 28–31 of a frame's number. */
#define XEN_DOMCTL_PFINFO_LTAB_SHIFT 28
#define XEN_DOMCTL_PFINFO_NOTAB 0
#define XEN_DOMCTL_PFINFO_L1TAB 0x10000000
#define XEN_DOMCTL_PFINFO_L2TAB 0x20000000
#define XEN_DOMCTL_PFINFO_L3TAB 0x30000000
#define XEN_DOMCTL_PFINFO_L4TAB 0x40000000
#define XEN_DOMCTL_PFINFO_LTABTYPE_MASK 0x70000000
/* Pinned. */
#define XEN_DOMCTL_PFINFO_LPINTAB 0x80000000U
/* No such page. */
#define XEN_DOMCTL_PFINFO_XTAB 0xf0000000U
/* Not filled in. */
#define XEN_DOMCTL_PFINFO_XALLOC 0xe0000000U
#define XEN_DOMCTL_PFINFO_BROKEN 0xd0000000U
#define XEN_DOMCTL_PFINFO_LTAB_MASK 0xf0000000U

struct xen_arch_domainconfig {
  uint32_t emulation_flags;
  uint32_t misc_flags;
};

/* What a list of domains shows of one. */
struct xen_domctl_getdomaininfo {
  domid_t domain; /* OUT */
  uint16_t pad1;
  uint32_t flags; /* OUT */
  uint64_aligned_t tot_pages; /* OUT */
  uint64_aligned_t max_pages; /* OUT */
  uint64_aligned_t outstanding_pages; /* OUT */
  uint64_aligned_t shr_pages; /* OUT */
  uint64_aligned_t paged_pages; /* OUT */
  uint64_aligned_t shared_info_frame; /* OUT */
  uint64_aligned_t cpu_time; /* OUT */
  uint32_t nr_online_vcpus; /* OUT */
  uint32_t max_vcpu_id; /* OUT */
  uint32_t ssidref; /* OUT */
  uint8_t handle[16]; /* OUT */
  uint32_t cpupool; /* OUT */
  uint8_t gpaddr_bits; /* OUT */
  uint8_t pad2[7];
  struct xen_arch_domainconfig arch_config; /* OUT */
};

#endif
