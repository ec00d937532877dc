// The first serial port (16550A at 0x3F8, line 4): output waits for the transmitter, input comes by interrupt into a ring, and the
// CPU halts while the ring is empty. When the ring is full the receive interrupt is switched off, so input is held, not lost.

const COM1 = 0x3f8;
/** A power of two. */
const RING_BYTES = 256;

/**
 * Assembly text that offers `set_up_serial_port`, `print_char` (AL), `read_char` (into EAX; waits) and the handler
 * `serial_interrupt`. Every routine keeps the registers that it does not return something in.
 */
export const serialPort: string = `
set_up_serial_port:
    pushad
    mov dx, ${COM1 + 3}
    mov al, 0x80            ; divisor access
    out dx, al
    mov dx, ${COM1}
    mov al, 1               ; 115200 baud
    out dx, al
    mov dx, ${COM1 + 1}
    mov al, 0
    out dx, al
    mov dx, ${COM1 + 3}
    mov al, 3               ; 8 bits, no parity, 1 stop bit
    out dx, al
    mov dx, ${COM1 + 2}
    mov al, 1               ; FIFOs on
    out dx, al
    mov dx, ${COM1 + 4}
    mov al, 0x0b            ; DTR, RTS, and OUT2, which lets interrupts through
    out dx, al
    mov dx, ${COM1 + 1}
    mov al, 1               ; received data interrupts
    out dx, al
    popad
    ret

print_char:
    push edx
    push eax
    mov dx, ${COM1 + 5}
.wait:
    in al, dx
    test al, 0x20           ; transmitter holding register empty
    jz .wait
    pop eax
    mov dx, ${COM1}
    out dx, al
    pop edx
    ret

read_char:
    push edx
.wait:
    cli
    mov edx, [ring_first]
    cmp edx, [ring_last]
    jne .take
    sti                     ; takes effect behind the next instruction, so no interrupt slips in between
    hlt
    jmp .wait
.take:
    movzx eax, byte [ring + edx]
    inc edx
    and edx, ${RING_BYTES - 1}
    mov [ring_first], edx
    push eax
    mov dx, ${COM1 + 1}
    mov al, 1
    out dx, al
    pop eax
    sti
    pop edx
    ret

serial_interrupt:
    pushad
    mov dx, ${COM1 + 2}
    in al, dx
.next:
    mov dx, ${COM1 + 5}
    in al, dx
    test al, 1              ; a byte is there
    jz .done
    mov ebx, [ring_last]
    lea ecx, [ebx + 1]
    and ecx, ${RING_BYTES - 1}
    cmp ecx, [ring_first]
    je .full
    mov dx, ${COM1}
    in al, dx
    mov [ring + ebx], al
    mov [ring_last], ecx
    jmp .next
.full:
    mov dx, ${COM1 + 1}
    mov al, 0
    out dx, al
.done:
    mov al, 0x20
    out 0x20, al
    popad
    iretd
`;

/** Bytes that the text needs, zeroed, at its labels `ring`, `ring_first` and `ring_last` (4 bytes each). */
export const SERIAL_RING_BYTE_LENGTH: number = RING_BYTES;
