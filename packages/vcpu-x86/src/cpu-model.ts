// What a CPU model offers: the instruction features that are on. CPUID's leaves are built from it in routines/cpuid.ts.
export interface CpuModel {
  readonly name: string;
  /** Names as in the instruction tables' attributes (`cmov`, `sse2`), plus `lm nx pse pae pge pse36 apic tsc msr mce mtrr pat smep smap umip x2apic tscDeadline`. */
  readonly features: ReadonlySet<string>;
}
