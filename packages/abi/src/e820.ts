// Memory maps as the BIOS call E820 gives them, which XENMEM_memory_map copies. ACPI 6.2, section 15.
import { packedStruct, u32, u64 } from '@proxeny/memory';

/** 20 bytes, for guests of both word sizes. */
export const e820entry = packedStruct('e820entry', {
  addr: u64,
  size: u64,
  /** E820_*. */
  type: u32,
});
export const E820_RAM = 1;
export const E820_RESERVED = 2;
export const E820_ACPI = 3;
export const E820_NVS = 4;
export const E820_UNUSABLE = 5;
