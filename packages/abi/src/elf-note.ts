// ELF notes by which a kernel describes itself; owner "Xen". elfnote.h. The name in the older `__xen_guest` string is in parentheses.

/** NAME=VALUE, text. */
export const XEN_ELFNOTE_INFO = 0;
/** Linear address of the entry (VIRT_ENTRY). */
export const XEN_ELFNOTE_ENTRY = 1;
/** Linear address of the page for hypercall stubs (HYPERCALL_PAGE, there a frame's number). */
export const XEN_ELFNOTE_HYPERCALL_PAGE = 2;
/** Linear address where the image belongs; 0 if absent (VIRT_BASE). */
export const XEN_ELFNOTE_VIRT_BASE = 3;
/** To subtract from the ELF's physical addresses; 0 if absent (ELF_PADDR_OFFSET, there VIRT_BASE if absent). */
export const XEN_ELFNOTE_PADDR_OFFSET = 4;
/** Text, such as `xen-3.0` (XEN_VER). */
export const XEN_ELFNOTE_XEN_VERSION = 5;
/** Text (GUEST_OS). */
export const XEN_ELFNOTE_GUEST_OS = 6;
/** Text (GUEST_VER). */
export const XEN_ELFNOTE_GUEST_VERSION = 7;
/** Text: `generic` (LOADER). */
export const XEN_ELFNOTE_LOADER = 8;
/** Text: `yes`, `no`, `bimodal` or `yes,bimodal` (PAE). */
export const XEN_ELFNOTE_PAE_MODE = 9;
/** Names of features with | between, those needed after an ! (FEATURES). */
export const XEN_ELFNOTE_FEATURES = 10;
/** Text: whether the symbol table is to be loaded (BSD_SYMTAB). */
export const XEN_ELFNOTE_BSD_SYMTAB = 11;
/** The lowest address Xen's hole may begin at. */
export const XEN_ELFNOTE_HV_START_LOW = 12;
/** Pairs of mask and value that tell which absent L1 entries hold a frame. */
export const XEN_ELFNOTE_L1_MFN_VALID = 13;
/** Not zero: a suspend may be cancelled. */
export const XEN_ELFNOTE_SUSPEND_CANCEL = 14;
/** Linear address of the p2m, outside of the initial mapping; 64-bit guests. */
export const XEN_ELFNOTE_INIT_P2M = 15;
/** Not zero: the initial RAM disk may be unmapped. */
export const XEN_ELFNOTE_MOD_START_PFN = 16;
/** A bitmap of XENFEAT_*. */
export const XEN_ELFNOTE_SUPPORTED_FEATURES = 17;
/** Physical address of the PVH entry, in 32-bit protected mode without paging. */
export const XEN_ELFNOTE_PHYS32_ENTRY = 18;
/** Alignment, minimum and maximum of where a PVH kernel may be; newer than Xen 4.17, which ignores it. */
export const XEN_ELFNOTE_PHYS32_RELOC = 19;

/** The owner's name of all of these. */
export const XEN_ELFNOTE_OWNER = 'Xen';

// Notes of crash and core images.
export const XEN_ELFNOTE_CRASH_INFO = 0x100_0001;
export const XEN_ELFNOTE_CRASH_REGS = 0x100_0002;
export const XEN_ELFNOTE_DUMPCORE_NONE = 0x200_0000;
export const XEN_ELFNOTE_DUMPCORE_HEADER = 0x200_0001;
export const XEN_ELFNOTE_DUMPCORE_XEN_VERSION = 0x200_0002;
export const XEN_ELFNOTE_DUMPCORE_FORMAT_VERSION = 0x200_0003;
