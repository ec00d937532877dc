// Local APIC registers (SDM 3A table 11-1) by number: byte offset in the xAPIC page / 16, MSR 0x800 + number in x2APIC mode.

export const APIC_ID = 0x02;
export const APIC_VERSION = 0x03;
export const APIC_TPR = 0x08;
export const APIC_APR = 0x09;
export const APIC_PPR = 0x0a;
export const APIC_EOI = 0x0b;
export const APIC_LDR = 0x0d;
export const APIC_DFR = 0x0e;
export const APIC_SVR = 0x0f;
export const APIC_ISR = 0x10;
export const APIC_TMR = 0x18;
export const APIC_IRR = 0x20;
export const APIC_ESR = 0x28;
export const APIC_ICR = 0x30;
export const APIC_ICR_HIGH = 0x31;
export const APIC_LVT_TIMER = 0x32;
export const APIC_LVT_ERROR = 0x37;
export const APIC_TIMER_INITIAL = 0x38;
export const APIC_TIMER_CURRENT = 0x39;
export const APIC_TIMER_DIVIDE = 0x3e;
export const APIC_SELF_IPI = 0x3f;

/** Six LVT entries, version 0x14: an integrated xAPIC. */
export const VERSION_VALUE = 0x00050014;

export const SVR_ENABLE = 0x100;
export const LVT_MASKED = 0x10000;
export const LVT_LEVEL = 0x8000;
export const LVT_REMOTE_IRR = 0x4000;
/** What the guest may write in each LVT entry, from the timer's to the error's. */
export const LVT_WRITABLE: readonly number[] = [
  0x700ff, 0x107ff, 0x107ff, 0x1a7ff, 0x1a7ff, 0x100ff,
];

export const ESR_SEND_ILLEGAL_VECTOR = 0x20;
export const ESR_RECEIVED_ILLEGAL_VECTOR = 0x40;
export const ESR_ILLEGAL_REGISTER = 0x80;

export const ICR_WRITABLE = 0x000ccfff;
export const ICR_LOGICAL = 0x800;
export const ICR_ASSERT = 0x4000;
export const ICR_LEVEL = 0x8000;
