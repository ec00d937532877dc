// x87 facts that semantics and routines share: status-word fields, image sizes, and the flags of routine results.

/** Exception summary and busy, which mirror each other. */
export const ES_AND_BUSY = 0x8080;
/** TOP in the status word. */
export const TOP_FIELD = 0x3800;
/** The control word's bit that always reads 1. */
export const CONTROL_FIXED = 0x40;
/** Bits of the control word that can be written; bit 6 is always set. */
export const CONTROL_WRITABLE = 0x1f3f;
/** Bytes of an environment: 16- and 32-bit formats; the registers behind it are ten bytes each. */
export const ENVIRONMENT_BYTES = { 16: 14, 32: 28 } as const;
export const STATE_BYTES = { 16: 94, 32: 108 } as const;
/** Bit of x87CompareFlags's result: an unmasked exception is pending. */
export const RAISED = 0x100;
/** Bit of a first step's result: there is a value to store, and the stack pops. */
export const STORE = 0x10000;
/** Condition code C1: rounded up, stack overflow. */
export const C1 = 0x0200;
