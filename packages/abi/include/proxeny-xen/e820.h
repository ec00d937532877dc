/* Generated from packages/abi by `npm run generate`: change the data there, not this file. */
#ifndef PROXENY_XEN_E820_H
#define PROXENY_XEN_E820_H

/* Memory maps as the BIOS call E820 gives them, which XENMEM_memory_map copies. ACPI 6.2, section 15. */

#include "scalar.h"


/* 20 bytes, for guests of both word sizes. */
struct e820entry {
  uint64_t addr;
  uint64_t size;
  uint32_t type;
} __attribute__((packed));
#define E820_RAM 1
#define E820_RESERVED 2
#define E820_ACPI 3
#define E820_NVS 4
#define E820_UNUSABLE 5

#endif
