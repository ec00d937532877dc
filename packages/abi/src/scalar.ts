// The integers Xen's public headers name: each is an ordinary integer under the name it has there (xen.h, arch-x86/xen.h).
import {
  alias,
  alignedU64,
  pointer,
  type ScalarType,
  s32,
  u8,
  u16,
  u32,
  ulong,
} from '@proxeny/memory';

/** A domain's number; see DOMID_*. xen.h */
export const domid_t: ScalarType = alias('domid_t', u16);
/** An event channel's number within its domain. event_channel.h */
export const evtchn_port_t: ScalarType = alias('evtchn_port_t', u32);
/** The index of an entry in a grant table. grant_table.h */
export const grant_ref_t: ScalarType = alias('grant_ref_t', u32);
/** Names one mapping of a grant, for its unmapping. grant_table.h */
export const grant_handle_t: ScalarType = alias('grant_handle_t', u32);
/** The status word of a grant in a version 2 table. grant_table.h */
export const grant_status_t: ScalarType = alias('grant_status_t', u16);
/** One event's word of the FIFO ABI. event_channel.h */
export const event_word_t: ScalarType = alias('event_word_t', u32);
/** A frame's number: as wide as the guest's word. arch-x86/xen.h */
export const xen_pfn_t: ScalarType = alias('xen_pfn_t', ulong);
/** On x86 the guest's `unsigned long`. arch-x86/xen.h */
export const xen_ulong_t: ScalarType = alias('xen_ulong_t', ulong);
/** Eight bytes at a multiple of eight, in 32-bit guests too. xen.h */
export const uint64_aligned_t: ScalarType = alias('uint64_aligned_t', alignedU64);
/** C's `int`. */
export const int: ScalarType = alias('int', s32);
/** C's `unsigned int`. */
export const uint: ScalarType = alias('unsigned int', u32);
/** C's `char`, as bytes of text. */
export const char: ScalarType = alias('char', u8);

/** A guest's linear address of an item, or an array, of `pointee` (its C spelling). xen.h, XEN_GUEST_HANDLE */
export function guest_handle(pointee: string): ScalarType {
  return alias(`XEN_GUEST_HANDLE(${pointee})`, pointer);
}

/** As {@link guest_handle}, but eight bytes for all guests; used by the control plane. */
export function guest_handle_64(pointee: string): ScalarType {
  return alias(`XEN_GUEST_HANDLE_64(${pointee})`, alignedU64);
}
