// xen_version: which Xen this is. We answer as Xen 4.17, whose interface we have. version.h.
import {
  __HYPERVISOR_xen_version,
  VMASST_TYPE_pae_extended_cr3,
  version_ops,
  XEN_EFAULT,
  XEN_EINVAL,
  XEN_EPERM,
  XENFEAT_auto_translated_physmap,
  XENFEAT_direct_mapped,
  XENFEAT_gnttab_map_avail_bits,
  XENFEAT_highmem_assist,
  XENFEAT_hvm_callback_vector,
  XENFEAT_hvm_safe_pvclock,
  XENFEAT_memory_op_vnode_supported,
  XENFEAT_mmu_pt_update_preserve_ad,
  XENFEAT_not_direct_mapped,
  XENFEAT_pae_pgdir_above_4gb,
  XENFEAT_writable_page_tables,
  XENVER_build_id,
  XENVER_capabilities,
  XENVER_changeset,
  XENVER_commandline,
  XENVER_compile_info,
  XENVER_extraversion,
  XENVER_get_features,
  XENVER_guest_handle,
  XENVER_pagesize,
  XENVER_platform_parameters,
  XENVER_version,
  xen_compile_info,
  xen_feature_info,
  xen_platform_parameters,
} from '@proxeny/abi';
import { PAGE_SIZE } from '@proxeny/memory';
import type { Domain } from '../domain.js';
import { HOLE_32_START } from '../frame/page-table-entry.js';
import type { HypercallFrame } from './frame.js';
import type { Decoded, DecodeRecord, Hypercall } from './hypercall.js';
import { decodeOperation, subOperations } from './record.js';

export const XEN_MAJOR = 4;
export const XEN_MINOR = 17;
const EXTRA_VERSION = '.7-proxeny';
const CAPABILITIES = 'xen-3.0-x86_64 xen-3.0-x86_32p ';
const DENIED = '<denied>';

function putText(call: HypercallFrame, offset: number, room: number, text: string): void {
  call.bytes.fill(0, offset, offset + room);
  for (let i = 0; i < Math.min(text.length, room - 1); i++) {
    call.bytes[offset + i] = text.charCodeAt(i);
  }
}

/** An operation that answers with text at the start of its record. */
function answer(room: number, text: string): DecodeRecord {
  return (call) => () => {
    putText(call, 0, room, text);
    return 0;
  };
}

function compileInfo(call: HypercallFrame): Decoded {
  const { fields } = xen_compile_info.of(call.word);
  return () => {
    const { compiler, compile_by, compile_domain, compile_date } = fields;
    putText(call, compiler.offset, compiler.byteLength, 'TypeScript');
    putText(call, compile_by.offset, compile_by.byteLength, 'proxeny');
    putText(call, compile_domain.offset, compile_domain.byteLength, '');
    putText(call, compile_date.offset, compile_date.byteLength, '');
    return 0;
  };
}

/** What guests may rely on, 32 bits. */
function featuresOf(domain: Domain): number {
  let features = 1 << XENFEAT_memory_op_vnode_supported;
  if (domain.p2m) {
    return (
      features |
      (1 << XENFEAT_writable_page_tables) |
      (1 << XENFEAT_auto_translated_physmap) |
      (1 << XENFEAT_hvm_callback_vector) |
      (1 << XENFEAT_hvm_safe_pvclock) |
      (1 << XENFEAT_not_direct_mapped)
    );
  }
  features |=
    (1 << XENFEAT_mmu_pt_update_preserve_ad) |
    (1 << XENFEAT_highmem_assist) |
    (1 << XENFEAT_gnttab_map_avail_bits) |
    (1 << XENFEAT_direct_mapped);
  if (domain.assists.has(VMASST_TYPE_pae_extended_cr3))
    features |= 1 << XENFEAT_pae_pgdir_above_4gb;
  return features;
}

function getFeatures(call: HypercallFrame): Decoded {
  const { fields } = xen_feature_info.of(call.word);
  if (fields.submap_idx.get(call.view) !== 0) return -XEN_EINVAL;
  return () => {
    fields.submap.set(call.view, 0, featuresOf(call.domain));
    return 0;
  };
}

function platformParameters(call: HypercallFrame): Decoded {
  const { virt_start } = xen_platform_parameters.of(call.word).fields;
  return () => {
    if (call.word === 32) virt_start.set(call.view, 0, HOLE_32_START);
    else virt_start.setHalves(call.view, 0, 0, call.domain.p2m ? 0 : 0xffff_8000);
    return 0;
  };
}

const operations = subOperations(version_ops, {
  [XENVER_version]: () => (XEN_MAJOR << 16) | XEN_MINOR,
  [XENVER_extraversion]: answer(16, EXTRA_VERSION),
  [XENVER_compile_info]: compileInfo,
  [XENVER_capabilities]: answer(1024, CAPABILITIES),
  [XENVER_changeset]: answer(64, 'unavailable'),
  [XENVER_platform_parameters]: platformParameters,
  [XENVER_get_features]: getFeatures,
  [XENVER_pagesize]: (call) => (call.pointer(1) === 0 ? PAGE_SIZE : -XEN_EINVAL),
  [XENVER_guest_handle]: (call) => () => {
    call.bytes.set(call.domain.uuid.subarray(0, 16));
    return 0;
  },
});

/** No more is written than the text is long, whatever room there is. */
function decodeCommandline(call: HypercallFrame): Decoded {
  const text = Uint8Array.from(`${DENIED}\0`, (letter) => letter.charCodeAt(0));
  const address = call.pointer(1);
  if (!call.vcpu.access.isAccessible(address, text.length, true)) return -XEN_EFAULT;
  return () => {
    call.vcpu.access.copyTo(address, text);
    return 0;
  };
}

export const xenVersion: Hypercall = {
  number: __HYPERVISOR_xen_version,
  name: 'xen_version',
  arguments: 2,
  decode: (call) => {
    switch (call.uint(0)) {
      case XENVER_build_id:
        return -XEN_EPERM;
      case XENVER_commandline:
        return decodeCommandline(call);
      default:
        return decodeOperation(call, operations, call.uint(0), 1);
    }
  },
};
