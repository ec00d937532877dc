// The vCPU state page: one layout for TypeScript and WebAssembly, byte offsets from the page's start. General registers are
// 64 bits wide in every mode. Slots below 256 can be named by one byte of a decoded record.

/** General registers 0–15 (rAX rCX rDX rBX rSP rBP rSI rDI r8–r15), 8 bytes each; AH, CH, DH, BH are bytes 1, 9, 17, 25. */
export const GPR = 0;
/** Always zero: the base or index of an address that has none. */
export const ZERO = 128;
/** rIP of the running block's first instruction; RIP-relative operands use it as their base. */
export const BLOCK_RIP = 136;
/** rIP, exact only between blocks and after a fault. */
export const RIP = 144;
/** Lazy flags, see ir/flags.ts: the last result, sign-extended to 64 bits, and the carries that go with it. */
export const FLAG_RESULT = 152;
export const FLAG_AUX = 160;
/** RFLAGS without OF SF ZF AF PF CF (bit 1 set). */
export const FLAGS_OTHER = 164;
/** Requests that end a slice at the next block boundary, see `PENDING_*`. */
export const PENDING = 168;
/** Address of the TLB set in use (user, supervisor, supervisor without user pages, none). */
export const TLB_BASE = 172;
/** Key of the jump cache: mode bits and generation. */
export const MODE_KEY = 176;
/** Instructions left in the slice. */
export const BUDGET = 180;
/** Bit 0: x87 and MMX raise #NM, bit 1: WAIT does, bit 2: SSE does, bit 3: MMX and bit 4: SSE raise #UD (CR0.EM, CR4.OSFXSR). */
export const FPU_TRAP = 184;
/** Current privilege level, 0–3. */
export const CPL = 188;
/** 32 bytes through which slow paths and routines pass values wider than 32 bits. */
export const SCRATCH = 192;
/** A fault that a slow path or a routine recorded: vector, error code (or -1 for none), and the faulting linear address as f64. */
export const FAULT_VECTOR = 224;
export const FAULT_ERROR = 228;
export const FAULT_ADDRESS = 232;
/** Address of the jump cache. */
export const JUMP_CACHE = 240;
/** 1 while interrupts are held off for one instruction (STI, MOV SS, POP SS). */
export const INTERRUPT_SHADOW = 244;

/** Segment registers ES CS SS DS FS GS, then LDTR and TR, {@link SEGMENT_STRIDE} bytes each. */
export const SEGMENTS = 256;
export const SEGMENT_STRIDE = 32;
/** Within a segment: base (i64); the highest offset that needs no check for reading and for writing (i64, -1: check all); limit in bytes (u32); descriptor bits 32–63 masked to the attributes (u32, 0: null). */
export const SEGMENT_BASE = 0;
export const SEGMENT_READ_LIMIT = 8;
export const SEGMENT_WRITE_LIMIT = 16;
export const SEGMENT_LIMIT = 24;
export const SEGMENT_ATTRIBUTES = 28;
/** Selectors (u32) of the same eight, with the same stride. */
export const SELECTORS = 512;
/** From a selector: the descriptor it was loaded from (u64), 0 if it was loaded otherwise. */
export const SELECTOR_DESCRIPTOR = 8;

export const ES = 0;
export const CS = 1;
export const SS = 2;
export const DS = 3;
export const FS = 4;
export const GS = 5;
export const LDTR = 6;
export const TR = 7;

/** GDTR and IDTR: base (i64) and limit (u32). */
export const GDTR_BASE = 768;
export const GDTR_LIMIT = 776;
export const IDTR_BASE = 784;
export const IDTR_LIMIT = 792;
/** Control registers by number, 8 bytes each. */
export const CR0 = 800;
export const CR2 = 816;
export const CR3 = 824;
export const CR4 = 832;
export const CR8 = 840;
export const XCR0 = 848;
export const EFER = 856;
/** Debug registers DR0–DR3, DR6, DR7, 8 bytes each. */
export const DR0 = 864;
export const DR6 = 896;
export const DR7 = 904;

/** Model-specific registers that instructions read, 8 bytes each; the rest are in routines/msr.ts. */
export const MSR_STAR = 912;
export const MSR_LSTAR = 920;
export const MSR_CSTAR = 928;
export const MSR_SFMASK = 936;
export const MSR_KERNEL_GS_BASE = 944;
export const MSR_SYSENTER_CS = 952;
export const MSR_SYSENTER_ESP = 960;
export const MSR_SYSENTER_EIP = 968;
export const MSR_TSC_AUX = 976;
export const MSR_TSC_ADJUST = 984;
export const MSR_PAT = 992;
export const MSR_MISC_ENABLE = 1000;

/** x87: control, status (TOP included), tag (two bits a register, by physical register), last instruction and operand pointers. */
export const FPU_CONTROL = 1024;
export const FPU_STATUS = 1028;
export const FPU_TAG = 1032;
export const FPU_OPCODE = 1036;
export const FPU_IP = 1040;
export const FPU_DP = 1048;
export const FPU_CS = 1056;
export const FPU_DS = 1060;
export const MXCSR = 1064;
/** Level of the INTR line, as the interrupt controller drives it. */
export const INTERRUPT_LINE = 1068;
/** At CPL 0: addresses of the TLB sets with EFLAGS.AC clear and set (CR4.SMAP makes them two). */
export const TLB_GUARDED = 1072;
export const TLB_OPEN = 1076;
/** Physical x87 registers R0–R7, 16 bytes each: significand (u64), then sign and exponent (u16). MMX register i is the significand of Ri. */
export const FPU_REGISTERS = 1088;
/** XMM0–XMM15, 16 bytes each. */
export const XMM = 1280;

/** What changes of the privilege level need to know, kept by core.ts. 1: events go by the guest's tables, and no breakpoint is enabled. */
export const PLAIN_EVENTS = 1536;
/** Addresses of the TLB sets of level 0 with EFLAGS.AC clear and set, and of level 3. */
export const SUPERVISOR_GUARDED = 1540;
export const SUPERVISOR_OPEN = 1544;
export const USER_TLB = 1548;
/** Generations of the jump cache as they stand in MODE_KEY, of levels 0 to 2 and of level 3. */
export const SYSTEM_KEY = 1552;
export const USER_KEY = 1556;
/** 1: an NMI is being handled, and others wait for IRET. */
export const NMI_BLOCKED = 1560;

/** Size of the state page in bytes. */
export const STATE_SIZE = 4096;

/** An external interrupt is waiting. */
export const PENDING_INTERRUPT = 1;
/** A non-maskable interrupt is waiting. */
export const PENDING_NMI = 2;
/** The host asked the CPU to leave run(). */
export const PENDING_EXIT = 4;
/** HLT was executed. */
export const PENDING_HALT = 8;
/** The mode changed: another interpreter is needed. */
export const PENDING_MODE = 16;
/** Single step, breakpoints or the interrupt shadow: the next instruction runs alone. */
export const PENDING_STEP = 32;
