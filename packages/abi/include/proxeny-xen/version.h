/* Generated from packages/abi by `npm run generate`: change the data there, not this file. */
#ifndef PROXENY_XEN_VERSION_H
#define PROXENY_XEN_VERSION_H

/* Which Xen this is: HYPERVISOR_xen_version(cmd, arg). version.h. XENVER_version and _pagesize answer in the result. */

#include "scalar.h"

/* Result: major << 16 | minor. */
#define XENVER_version 0
#define XENVER_extraversion 1
#define XENVER_compile_info 2
#define XENVER_capabilities 3
#define XENVER_changeset 4
#define XENVER_platform_parameters 5
#define XENVER_get_features 6
/* Result: bytes of a page. */
#define XENVER_pagesize 7
/* The domain's UUID, 16 bytes. */
#define XENVER_guest_handle 8
#define XENVER_commandline 9
/* Result: bytes written, or the size if there is no argument. */
#define XENVER_build_id 10
/* Text, ended by a zero byte, in arrays of these sizes. */
#define XEN_EXTRAVERSION_LEN 16
#define XEN_CAPABILITIES_INFO_LEN 0x400
#define XEN_CHANGESET_INFO_LEN 64
#define XEN_COMMANDLINE_LEN 0x400

/* xen_extraversion_t. */
struct xen_extraversion {
  char text[16]; /* OUT */
};

/* xen_capabilities_info_t: such as `xen-3.0-x86_64 xen-3.0-x86_32p`. */
struct xen_capabilities_info {
  char text[1024]; /* OUT */
};

/* xen_changeset_info_t. */
struct xen_changeset_info {
  char text[64]; /* OUT */
};

/* xen_commandline_t. */
struct xen_commandline {
  char text[1024]; /* OUT */
};

/* xen_domain_handle_t. */
struct xen_domain_handle {
  uint8_t bytes[16]; /* OUT */
};

struct xen_compile_info {
  char compiler[64]; /* OUT */
  char compile_by[16]; /* OUT */
  char compile_domain[32]; /* OUT */
  char compile_date[32]; /* OUT */
};

struct xen_platform_parameters {
  xen_ulong_t virt_start; /* OUT */
};

/* 32 features at a time (XENFEAT_*, features.ts). */
struct xen_feature_info {
  unsigned int submap_idx; /* IN */
  uint32_t submap; /* OUT */
};

struct xen_build_id {
  uint32_t len; /* IN */
  uint8_t buf[]; /* OUT */
};

#endif
