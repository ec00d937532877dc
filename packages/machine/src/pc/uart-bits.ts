// Bits of the 16550A's registers, named as in the PC16550D datasheet, table 2.

export const IER_RECEIVE: number = 0x01;
export const IER_TRANSMIT: number = 0x02;
export const IER_LINE: number = 0x04;
export const IER_MODEM: number = 0x08;
export const IIR_NONE: number = 0x01;
export const IIR_MODEM: number = 0x00;
export const IIR_TRANSMIT: number = 0x02;
export const IIR_RECEIVE: number = 0x04;
export const IIR_LINE: number = 0x06;
export const IIR_TIMEOUT: number = 0x0c;
export const IIR_FIFO: number = 0xc0;
export const FCR_ENABLE: number = 0x01;
export const FCR_CLEAR_RECEIVE: number = 0x02;
export const LCR_BREAK: number = 0x40;
export const LCR_DLAB: number = 0x80;
export const MCR_DTR: number = 0x01;
export const MCR_RTS: number = 0x02;
export const MCR_OUT1: number = 0x04;
export const MCR_OUT2: number = 0x08;
export const MCR_LOOP: number = 0x10;
export const LSR_DATA: number = 0x01;
export const LSR_OVERRUN: number = 0x02;
export const LSR_BREAK: number = 0x10;
export const LSR_TRANSMITTER_EMPTY: number = 0x60;
export const LSR_FIFO_ERROR: number = 0x80;
/** Error bits of LSR that one received character carries. */
export const LSR_CHARACTER: number = 0x1c;
export const MSR_CTS: number = 0x10;
export const MSR_DSR: number = 0x20;
export const MSR_RI: number = 0x40;
export const MSR_DCD: number = 0x80;
