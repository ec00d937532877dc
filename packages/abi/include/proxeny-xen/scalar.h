/* Generated from packages/abi by `npm run generate`: change the data there, not this file. */
#ifndef PROXENY_XEN_SCALAR_H
#define PROXENY_XEN_SCALAR_H

#include <stdint.h>

typedef uint16_t domid_t;
typedef uint32_t event_word_t;
typedef uint32_t evtchn_port_t;
typedef uint32_t grant_handle_t;
typedef uint32_t grant_ref_t;
typedef uint16_t grant_status_t;
typedef uint64_t uint64_aligned_t __attribute__((aligned(8)));
typedef unsigned long xen_pfn_t;
typedef unsigned long xen_ulong_t;

/* A pointer to what it names; the second kind takes eight bytes in every guest. */
#define XEN_GUEST_HANDLE(type) void *
#define XEN_GUEST_HANDLE_64(type) uint64_aligned_t

#ifdef __x86_64__
#define XEN_BY_WORD(in32, in64) in64
#else
#define XEN_BY_WORD(in32, in64) in32
#endif

#endif
