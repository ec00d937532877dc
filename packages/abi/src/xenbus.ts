// How the halves of a split driver meet: states in xenstore, and the names of ring layouts. io/xenbus.h, io/protocols.h.

export const XenbusStateUnknown = 0;
export const XenbusStateInitialising = 1;
/** The back-end is ready for the front-end's details. */
export const XenbusStateInitWait = 2;
/** The details are there; waiting for the other side. */
export const XenbusStateInitialised = 3;
export const XenbusStateConnected = 4;
export const XenbusStateClosing = 5;
export const XenbusStateClosed = 6;
export const XenbusStateReconfiguring = 7;
export const XenbusStateReconfigured = 8;

/** `protocol`: rings as a 32-bit guest lays them out. */
export const XEN_IO_PROTO_ABI_X86_32 = 'x86_32-abi';
/** `protocol`: rings as a 64-bit guest lays them out. */
export const XEN_IO_PROTO_ABI_X86_64 = 'x86_64-abi';
