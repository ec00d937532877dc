// Interrupts of a small kernel: an IDT for the 32 exceptions and the 16 lines of the 8259 pair, and both controllers' set-up.
// An exception prints where it happened and shuts the CPU down by a triple fault, so that whoever runs the kernel sees it.

/** Exceptions that push an error code. SDM 3A §6.13. */
const withErrorCode = new Set([8, 10, 11, 12, 13, 14, 17, 21, 29, 30]);
const FIRST_IRQ_VECTOR = 32;
const IRQ_COUNT = 16;
const VECTOR_COUNT = FIRST_IRQ_VECTOR + IRQ_COUNT;

/** Each vector's own few bytes: the stack then looks alike (vector, error code), whatever the CPU pushed. */
function vectorStubs(): string {
  const lines: string[] = [];
  for (let vector = 0; vector < FIRST_IRQ_VECTOR; vector++) {
    lines.push(`vector_${vector}:`);
    if (!withErrorCode.has(vector)) lines.push('    push 0');
    lines.push(`    push ${vector}`, '    jmp exception');
  }
  return lines.join('\n');
}

function gateTable(handlers: ReadonlyMap<number, string>): string {
  const targets: string[] = [];
  for (let vector = 0; vector < FIRST_IRQ_VECTOR; vector++) targets.push(`vector_${vector}`);
  for (let irq = 0; irq < IRQ_COUNT; irq++) targets.push(handlers.get(irq) ?? 'spurious_interrupt');
  return targets.map((label) => `    dd ${label}`).join('\n');
}

/**
 * Assembly text that offers `set_up_interrupts`.
 * @param handlers label by interrupt line 0–7. A handler saves what it uses, writes 0x20 to port 0x20 and ends with iretd;
 *   lines without one stay masked
 */
export function interrupts(handlers: ReadonlyMap<number, string>): string {
  let mask = 0xff;
  for (const irq of handlers.keys()) mask &= ~(1 << irq);
  return `
set_up_interrupts:
    pushad
    mov esi, gate_targets
    mov edi, idt
    mov ecx, ${VECTOR_COUNT}
.gate:
    lodsd
    mov edx, eax
    and eax, 0xffff
    or eax, 0x00080000      ; selector of the code segment
    stosd
    mov eax, edx
    and eax, 0xffff0000
    or eax, 0x8e00          ; present, 32-bit interrupt gate
    stosd
    loop .gate
    lidt [idt_pointer]

    ; ICW1 to ICW4: lines 0-15 become vectors 32-47.
    mov al, 0x11
    out 0x20, al
    out 0xa0, al
    mov al, ${FIRST_IRQ_VECTOR}
    out 0x21, al
    mov al, ${FIRST_IRQ_VECTOR + 8}
    out 0xa1, al
    mov al, 4
    out 0x21, al
    mov al, 2
    out 0xa1, al
    mov al, 1
    out 0x21, al
    out 0xa1, al
    mov al, ${mask}
    out 0x21, al
    mov al, 0xff
    out 0xa1, al
    popad
    ret

exception:
    mov ebp, esp
    mov esi, exception_text
    call print_text
    mov eax, [ebp]
    call print_decimal
    mov esi, exception_place_text
    call print_text
    mov eax, [ebp + 8]
    call print_hexadecimal
    call print_line_end
    jmp triple_fault

; Without an IDT the next exception is a triple fault.
triple_fault:
    lidt [no_idt_pointer]
    ud2

spurious_interrupt:
    iretd

${vectorStubs()}

exception_text:
    db 13, 10, "Exception ", 0
exception_place_text:
    db " at ", 0

    align 4
idt_pointer:
    dw ${VECTOR_COUNT * 8 - 1}
    dd idt
no_idt_pointer:
    dw 0
    dd 0
gate_targets:
${gateTable(handlers)}
`;
}

/** Bytes that the text needs at its label `idt`. */
export const IDT_BYTE_LENGTH: number = VECTOR_COUNT * 8;
