// The page every domain shares with Xen: vCPUs' event words and clocks, event bitmaps, wall clock. xen.h, arch-x86/xen.h.
// Versions of clocks are odd while Xen writes; a reader retries until it sees the same even version before and after.
import { array, s8, struct, structPair, u8, u32, u64, ulong } from '@proxeny/memory';
import { xen_pfn_t, xen_ulong_t } from './scalar.js';

/** vCPUs that have their vcpu_info in shared_info; others register one (VCPUOP_register_vcpu_info). */
export const XEN_LEGACY_MAX_VCPUS = 32;

/** A vCPU's clock: system_time + (((tsc − tsc_timestamp) << tsc_shift) × tsc_to_system_mul) >> 32, in ns. 32 bytes. */
export const vcpu_time_info = struct('vcpu_time_info', {
  version: u32,
  pad0: u32,
  tsc_timestamp: u64,
  system_time: u64,
  tsc_to_system_mul: u32,
  /** Negative shifts right. */
  tsc_shift: s8,
  /** XEN_PVCLOCK_*. */
  flags: u8,
  pad1: array(u8, 2),
});
export const XEN_PVCLOCK_TSC_STABLE_BIT = 1 << 0;
export const XEN_PVCLOCK_GUEST_STOPPED = 1 << 1;

/** What x86 adds to vcpu_info: the address of the last page fault. */
export const arch_vcpu_info = struct('arch_vcpu_info', {
  cr2: ulong,
  pad: array(ulong, { 32: 5, 64: 1 }),
});

/** One vCPU's events and clock, 64 bytes. */
export const vcpu_info = struct('vcpu_info', {
  /** Not zero: an upcall is wanted. Xen sets, the guest clears. */
  evtchn_upcall_pending: u8,
  /** Not zero: no upcalls, PV's interrupt flag inverted. */
  evtchn_upcall_mask: u8,
  /** A bit for each word of evtchn_pending worth a look. */
  evtchn_pending_sel: xen_ulong_t,
  arch: arch_vcpu_info,
  time: vcpu_time_info,
});

const arch_members = {
  /** Entries of the p2m that are valid. */
  max_pfn: ulong,
  /** The root of the three-level p2m; 0: not yet, all ones: see p2m_vaddr. */
  pfn_to_mfn_frame_list_list: xen_pfn_t,
  nmi_reason: ulong,
  /** The address space p2m_vaddr is of, as in CR3; 0: no linear p2m. */
  p2m_cr3: ulong,
  p2m_vaddr: ulong,
  /** Odd while the guest changes the p2m's mappings. */
  p2m_generation: ulong,
};

/** What x86 adds to shared_info; of a 32-bit guest also the wall clock's high half. */
export const arch_shared_info = structPair(
  struct('arch_shared_info', { ...arch_members, wc_sec_hi: u32 }),
  struct('arch_shared_info', arch_members),
);

/** Bits of nmi_reason. nmi.h */
export const XEN_NMIREASON_io_error = 1 << 0;
export const XEN_NMIREASON_pci_serr = 1 << 1;
export const XEN_NMIREASON_unknown = 1 << 2;

const shared_members = {
  vcpu_info: array(vcpu_info, XEN_LEGACY_MAX_VCPUS),
  /** Set by Xen, cleared by the guest. */
  evtchn_pending: array(xen_ulong_t, { 32: 32, 64: 64 }),
  /** Set and cleared by the guest. */
  evtchn_mask: array(xen_ulong_t, { 32: 32, 64: 64 }),
  /** Wall clock at system time 0, since 1970. */
  wc_version: u32,
  wc_sec: u32,
  wc_nsec: u32,
};

/** The shared page; less than 4096 bytes of it are used. */
export const shared_info = structPair(
  struct('shared_info', { ...shared_members, arch: arch_shared_info }),
  struct('shared_info', { ...shared_members, wc_sec_hi: u32, arch: arch_shared_info }),
);
