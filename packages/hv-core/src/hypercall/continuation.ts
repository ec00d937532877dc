// Continuations: a hypercall that has done enough for now stores its progress in its own arguments and starts again later, after
// pending upcalls and other vCPUs had their turn. The guest notices nothing but the time.
import { XEN_ERESTART } from '@proxeny/abi';

/** As the status of anything inside a hypercall: not done, start again. Never reaches a guest. */
export const RESTART: number = -XEN_ERESTART;

/** As the result of a hypercall: it has written the registers itself, the result's among them. */
export const REGISTERS_SET: number = Number.NEGATIVE_INFINITY;

/** Page-table entries, grants, ports… a hypercall handles before it lets others run, unless the host says otherwise. */
export const WORK_PER_CALL = 16_384;

/** An attempt at a page table of the highest level looks at one table of each level before it comes to something new. */
export const MIN_WORK_PER_CALL = 5 * 512;
