// Exit codes of the command. Codes that a guest gives itself (debug-exit port) pass through unchanged.

export const EXIT_OK = 0;
export const EXIT_FAILURE = 1;
/** The command line is wrong. */
export const EXIT_USAGE = 2;
/** The guest crashed: triple fault. */
export const EXIT_GUEST_CRASH = 3;
/** A file that was named does not exist. */
export const EXIT_NOT_FOUND = 4;
/** Something else has the name already. */
export const EXIT_CONFLICT = 5;
export const EXIT_TIMEOUT = 124;
/** We are wrong, not the guest and not the user. */
export const EXIT_HYPERVISOR = 125;
/** Ended by a signal: this plus its number, as shells say it. */
export const EXIT_SIGNAL = 128;
