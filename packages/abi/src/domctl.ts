// Control of domains by the toolstack: numbers of HYPERVISOR_domctl, flags of a domain, and the record that lists one. domctl.h.
// Our own control plane is a TypeScript interface; these name its operations, and a PV guest that tries them gets -EPERM.
import { alignedU64, array, OUT, struct, u8, u16, u32 } from '@proxeny/memory';
import { domid_t } from './scalar.js';

/** Of Xen 4.17. */
export const XEN_DOMCTL_INTERFACE_VERSION = 0x15;

export const XEN_DOMCTL_vmtrace_enable = 1;
export const XEN_DOMCTL_vmtrace_disable = 2;
export const XEN_DOMCTL_vmtrace_reset_and_enable = 3;
export const XEN_DOMCTL_vmtrace_output_position = 4;
export const XEN_DOMCTL_vmtrace_get_option = 5;
export const XEN_DOMCTL_vmtrace_set_option = 6;
export const XEN_DOMCTL_createdomain = 1;
export const XEN_DOMCTL_destroydomain = 2;
export const XEN_DOMCTL_pausedomain = 3;
export const XEN_DOMCTL_unpausedomain = 4;
export const XEN_DOMCTL_getdomaininfo = 5;
export const XEN_DOMCTL_setvcpuaffinity = 9;
export const XEN_DOMCTL_shadow_op = 10;
export const XEN_DOMCTL_max_mem = 11;
export const XEN_DOMCTL_setvcpucontext = 12;
export const XEN_DOMCTL_getvcpucontext = 13;
export const XEN_DOMCTL_getvcpuinfo = 14;
export const XEN_DOMCTL_max_vcpus = 15;
export const XEN_DOMCTL_scheduler_op = 16;
export const XEN_DOMCTL_setdomainhandle = 17;
export const XEN_DOMCTL_setdebugging = 18;
export const XEN_DOMCTL_irq_permission = 19;
export const XEN_DOMCTL_iomem_permission = 20;
export const XEN_DOMCTL_ioport_permission = 21;
export const XEN_DOMCTL_hypercall_init = 22;
export const XEN_DOMCTL_settimeoffset = 24;
export const XEN_DOMCTL_getvcpuaffinity = 25;
export const XEN_DOMCTL_resumedomain = 27;
export const XEN_DOMCTL_sendtrigger = 28;
export const XEN_DOMCTL_subscribe = 29;
export const XEN_DOMCTL_gethvmcontext = 33;
export const XEN_DOMCTL_sethvmcontext = 34;
export const XEN_DOMCTL_set_address_size = 35;
export const XEN_DOMCTL_get_address_size = 36;
export const XEN_DOMCTL_assign_device = 37;
export const XEN_DOMCTL_bind_pt_irq = 38;
export const XEN_DOMCTL_memory_mapping = 39;
export const XEN_DOMCTL_ioport_mapping = 40;
export const XEN_DOMCTL_set_ext_vcpucontext = 42;
export const XEN_DOMCTL_get_ext_vcpucontext = 43;
export const XEN_DOMCTL_test_assign_device = 45;
export const XEN_DOMCTL_set_target = 46;
export const XEN_DOMCTL_deassign_device = 47;
export const XEN_DOMCTL_unbind_pt_irq = 48;
export const XEN_DOMCTL_get_device_group = 50;
export const XEN_DOMCTL_debug_op = 54;
export const XEN_DOMCTL_gethvmcontext_partial = 55;
export const XEN_DOMCTL_vm_event_op = 56;
export const XEN_DOMCTL_mem_sharing_op = 57;
export const XEN_DOMCTL_gettscinfo = 59;
export const XEN_DOMCTL_settscinfo = 60;
export const XEN_DOMCTL_getpageframeinfo3 = 61;
export const XEN_DOMCTL_setvcpuextstate = 62;
export const XEN_DOMCTL_getvcpuextstate = 63;
export const XEN_DOMCTL_set_access_required = 64;
export const XEN_DOMCTL_audit_p2m = 65;
export const XEN_DOMCTL_set_virq_handler = 66;
export const XEN_DOMCTL_set_broken_page_p2m = 67;
export const XEN_DOMCTL_setnodeaffinity = 68;
export const XEN_DOMCTL_getnodeaffinity = 69;
export const XEN_DOMCTL_cacheflush = 71;
export const XEN_DOMCTL_get_vcpu_msrs = 72;
export const XEN_DOMCTL_set_vcpu_msrs = 73;
export const XEN_DOMCTL_setvnumainfo = 74;
export const XEN_DOMCTL_psr_cmt_op = 75;
export const XEN_DOMCTL_monitor_op = 77;
export const XEN_DOMCTL_psr_alloc = 78;
export const XEN_DOMCTL_soft_reset = 79;
export const XEN_DOMCTL_vuart_op = 81;
export const XEN_DOMCTL_get_cpu_policy = 82;
export const XEN_DOMCTL_set_cpu_policy = 83;
export const XEN_DOMCTL_vmtrace_op = 84;
export const XEN_DOMCTL_get_paging_mempool_size = 85;
export const XEN_DOMCTL_set_paging_mempool_size = 86;

// Flags at creation.
export const XEN_DOMCTL_CDF_hvm = 1 << 0;
export const XEN_DOMCTL_CDF_hap = 1 << 1;
export const XEN_DOMCTL_CDF_s3_integrity = 1 << 2;
export const XEN_DOMCTL_CDF_oos_off = 1 << 3;
export const XEN_DOMCTL_CDF_xs_domain = 1 << 4;
export const XEN_DOMCTL_CDF_iommu = 1 << 5;
export const XEN_DOMCTL_CDF_nested_virt = 1 << 6;
export const XEN_DOMCTL_CDF_vpmu = 1 << 7;

// Flags of a domain; the shutdown reason (SHUTDOWN_*) in bits 16–23.
export const XEN_DOMINF_dying = 1 << 0;
export const XEN_DOMINF_hvm_guest = 1 << 1;
export const XEN_DOMINF_shutdown = 1 << 2;
export const XEN_DOMINF_paused = 1 << 3;
export const XEN_DOMINF_blocked = 1 << 4;
export const XEN_DOMINF_running = 1 << 5;
export const XEN_DOMINF_debugged = 1 << 6;
export const XEN_DOMINF_xs_domain = 1 << 7;
export const XEN_DOMINF_hap = 1 << 8;
export const XEN_DOMINF_shutdownmask = 255;
export const XEN_DOMINF_shutdownshift = 16;

// Page types in saved images, in bits 28–31 of a frame's number.
export const XEN_DOMCTL_PFINFO_LTAB_SHIFT = 28;
export const XEN_DOMCTL_PFINFO_NOTAB = 0;
export const XEN_DOMCTL_PFINFO_L1TAB = 0x1000_0000;
export const XEN_DOMCTL_PFINFO_L2TAB = 0x2000_0000;
export const XEN_DOMCTL_PFINFO_L3TAB = 0x3000_0000;
export const XEN_DOMCTL_PFINFO_L4TAB = 0x4000_0000;
export const XEN_DOMCTL_PFINFO_LTABTYPE_MASK = 0x7000_0000;
/** Pinned. */
export const XEN_DOMCTL_PFINFO_LPINTAB = 0x8000_0000;
/** No such page. */
export const XEN_DOMCTL_PFINFO_XTAB = 0xf000_0000;
/** Not filled in. */
export const XEN_DOMCTL_PFINFO_XALLOC = 0xe000_0000;
export const XEN_DOMCTL_PFINFO_BROKEN = 0xd000_0000;
export const XEN_DOMCTL_PFINFO_LTAB_MASK = 0xf000_0000;

export const xen_arch_domainconfig = struct('xen_arch_domainconfig', {
  emulation_flags: u32,
  misc_flags: u32,
});

/** What a list of domains shows of one. */
export const xen_domctl_getdomaininfo = struct('xen_domctl_getdomaininfo', {
  domain: OUT(domid_t),
  pad1: u16,
  /** XEN_DOMINF_*. */
  flags: OUT(u32),
  tot_pages: OUT(alignedU64),
  max_pages: OUT(alignedU64),
  outstanding_pages: OUT(alignedU64),
  shr_pages: OUT(alignedU64),
  paged_pages: OUT(alignedU64),
  shared_info_frame: OUT(alignedU64),
  /** ns. */
  cpu_time: OUT(alignedU64),
  nr_online_vcpus: OUT(u32),
  max_vcpu_id: OUT(u32),
  ssidref: OUT(u32),
  handle: OUT(array(u8, 16)),
  cpupool: OUT(u32),
  gpaddr_bits: OUT(u8),
  pad2: array(u8, 7),
  arch_config: OUT(xen_arch_domainconfig),
});
