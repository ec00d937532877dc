// Time of a small kernel: channel 0 of the 8254 interrupts at 100 Hz, and `ticks` counts.

export const TICKS_PER_SECOND = 100;
const INPUT_HERTZ = 1193182;

/** Assembly text that offers `set_up_ticks` and the handler `tick_interrupt`; it needs 4 zeroed bytes at `ticks`. */
export const tickCounter: string = `
set_up_ticks:
    push eax
    mov al, 0x34            ; channel 0, low then high byte, rate generator
    out 0x43, al
    mov al, ${Math.round(INPUT_HERTZ / TICKS_PER_SECOND) & 0xff}
    out 0x40, al
    mov al, ${Math.round(INPUT_HERTZ / TICKS_PER_SECOND) >> 8}
    out 0x40, al
    pop eax
    ret

tick_interrupt:
    push eax
    inc dword [ticks]
    mov al, 0x20
    out 0x20, al
    pop eax
    iretd
`;
