// The part of the state page that only routines touch: registers no generated code reads, and what the host configures. Same rules
// as layout.ts; it lies behind everything else there, so that a copy of the page is the whole register state.

/** Frequency of the time stamp counter in Hz, a double; the host may set it before the guest runs. 0: DEFAULT_TSC_HZ. */
export const TSC_HZ = 3088;
/** The initial APIC identifier and the number of CPUs that CPUID reports; set by the host. 0 CPUs means 1. */
export const APIC_ID = 3096;
export const CPU_COUNT = 3100;
/** The page-directory-pointer entries of PAE paging, as loaded with CR3: four of 8 bytes. */
export const PDPTES = 3104;

/** MTRRs: default type, 11 fixed ranges, 8 pairs of base and mask; 8 bytes each. */
export const MTRR_DEF_TYPE = 3136;
export const MTRR_FIXED = 3144;
export const MTRR_FIXED_COUNT = 11;
export const MTRR_VARIABLE = 3232;
export const MTRR_VARIABLE_COUNT = 8;
export const MSR_BIOS_SIGN_ID = 3368;
export const MSR_MCG_STATUS = 3376;
export const MSR_SPEC_CTRL = 3384;
