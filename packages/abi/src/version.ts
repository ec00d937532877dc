// Which Xen this is: HYPERVISOR_xen_version(cmd, arg). version.h. XENVER_version and _pagesize answer in the result.
import { array, IN, OUT, struct, u8, u32 } from '@proxeny/memory';
import { type Operations, operations } from './operation.js';
import { char, uint, xen_ulong_t } from './scalar.js';

/** Result: major << 16 | minor. */
export const XENVER_version = 0;
export const XENVER_extraversion = 1;
export const XENVER_compile_info = 2;
export const XENVER_capabilities = 3;
export const XENVER_changeset = 4;
export const XENVER_platform_parameters = 5;
export const XENVER_get_features = 6;
/** Result: bytes of a page. */
export const XENVER_pagesize = 7;
/** The domain's UUID, 16 bytes. */
export const XENVER_guest_handle = 8;
export const XENVER_commandline = 9;
/** Result: bytes written, or the size if there is no argument. */
export const XENVER_build_id = 10;

// Text, ended by a zero byte, in arrays of these sizes.
export const XEN_EXTRAVERSION_LEN = 16;
export const XEN_CAPABILITIES_INFO_LEN = 1024;
export const XEN_CHANGESET_INFO_LEN = 64;
export const XEN_COMMANDLINE_LEN = 1024;

/** xen_extraversion_t. */
export const xen_extraversion = struct('xen_extraversion', {
  text: OUT(array(char, XEN_EXTRAVERSION_LEN)),
});
/** xen_capabilities_info_t: such as `xen-3.0-x86_64 xen-3.0-x86_32p`. */
export const xen_capabilities_info = struct('xen_capabilities_info', {
  text: OUT(array(char, XEN_CAPABILITIES_INFO_LEN)),
});
/** xen_changeset_info_t. */
export const xen_changeset_info = struct('xen_changeset_info', {
  text: OUT(array(char, XEN_CHANGESET_INFO_LEN)),
});
/** xen_commandline_t. */
export const xen_commandline = struct('xen_commandline', {
  text: OUT(array(char, XEN_COMMANDLINE_LEN)),
});
/** xen_domain_handle_t. */
export const xen_domain_handle = struct('xen_domain_handle', { bytes: OUT(array(u8, 16)) });

export const xen_compile_info = struct('xen_compile_info', {
  compiler: OUT(array(char, 64)),
  compile_by: OUT(array(char, 16)),
  compile_domain: OUT(array(char, 32)),
  compile_date: OUT(array(char, 32)),
});

export const xen_platform_parameters = struct('xen_platform_parameters', {
  virt_start: OUT(xen_ulong_t),
});

/** 32 features at a time (XENFEAT_*, features.ts). */
export const xen_feature_info = struct('xen_feature_info', {
  submap_idx: IN(uint),
  submap: OUT(u32),
});

export const xen_build_id = struct('xen_build_id', { len: IN(u32), buf: OUT(array(u8, 0)) });

/** Sub-operations of `xen_version`. */
export const version_ops: Operations = operations(
  [XENVER_version, 'XENVER_version'],
  [XENVER_extraversion, 'XENVER_extraversion', xen_extraversion],
  [XENVER_compile_info, 'XENVER_compile_info', xen_compile_info],
  [XENVER_capabilities, 'XENVER_capabilities', xen_capabilities_info],
  [XENVER_changeset, 'XENVER_changeset', xen_changeset_info],
  [XENVER_platform_parameters, 'XENVER_platform_parameters', xen_platform_parameters],
  [XENVER_get_features, 'XENVER_get_features', xen_feature_info],
  [XENVER_pagesize, 'XENVER_pagesize'],
  [XENVER_guest_handle, 'XENVER_guest_handle', xen_domain_handle],
  [XENVER_commandline, 'XENVER_commandline', xen_commandline],
  [XENVER_build_id, 'XENVER_build_id', xen_build_id],
);
