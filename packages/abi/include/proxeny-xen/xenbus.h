/* Generated from packages/abi by `npm run generate`: change the data there, not this file. */
#ifndef PROXENY_XEN_XENBUS_H
#define PROXENY_XEN_XENBUS_H

/* How the halves of a split driver meet: states in xenstore, and the names of ring layouts. io/xenbus.h, io/protocols.h. */

#include "scalar.h"

#define XenbusStateUnknown 0
#define XenbusStateInitialising 1
/* The back-end is ready for the front-end's details. */
#define XenbusStateInitWait 2
/* The details are there; waiting for the other side. */
#define XenbusStateInitialised 3
#define XenbusStateConnected 4
#define XenbusStateClosing 5
#define XenbusStateClosed 6
#define XenbusStateReconfiguring 7
#define XenbusStateReconfigured 8
/* `protocol`: rings as a 32-bit guest lays them out. */
#define XEN_IO_PROTO_ABI_X86_32 "x86_32-abi"
/* `protocol`: rings as a 64-bit guest lays them out. */
#define XEN_IO_PROTO_ABI_X86_64 "x86_64-abi"

#endif
