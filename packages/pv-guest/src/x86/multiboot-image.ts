// A flat kernel image that any Multiboot 1 loader takes: header with load addresses, no ELF. Multiboot Specification 0.6.96 §3.1.

const MAGIC = 0x1badb002;
/** Load addresses are in the header; memory information is wanted. */
const FLAGS = 0x00010002;

/**
 * The header as assembly text; it must come first in the image. The program defines the labels `image`, `image_end` (where
 * the file ends), `memory_end` (where what it needs beyond ends) and `start`.
 */
export const multibootHeader: string = `
multiboot_header:
    dd ${MAGIC}, ${FLAGS}, ${-(MAGIC + FLAGS) >>> 0}
    dd multiboot_header, image, image_end, memory_end, start
`;
