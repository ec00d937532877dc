// The paravirtual console of a small kernel. io/console.h.
import { xencons_interface } from '@proxeny/abi';

const { fields } = xencons_interface.of(64);
const IN_BYTES = fields.in.byteLength;
const OUT_BYTES = fields.out.byteLength;

/**
 * Assembly text that offers `console_char` (prints AL) and `read_char` (waits for a byte, in EAX); they keep all other registers. The
 * back-end is told when the kernel waits, see `wait_event`.
 */
export const xenConsole: string = `
console_char:
    pushad
.room:
    mov ecx, [console_page + ${fields.out_prod.offset}]
    mov edx, ecx
    sub edx, [console_page + ${fields.out_cons.offset}]
    cmp edx, ${OUT_BYTES}
    jb .put
    call wait_event
    jmp .room
.put:
    mov edx, ecx
    and edx, ${OUT_BYTES - 1}
    mov [console_page + ${fields.out.offset} + rdx], al
    inc ecx
    mov [console_page + ${fields.out_prod.offset}], ecx
    mov dword [console_dirty], 1
    popad
    ret

read_char:
    push rcx
    push rdx
.wait:
    mov ecx, [console_page + ${fields.in_cons.offset}]
    cmp ecx, [console_page + ${fields.in_prod.offset}]
    jne .take
    call wait_event
    jmp .wait
.take:
    mov edx, ecx
    and edx, ${IN_BYTES - 1}
    movzx eax, byte [console_page + ${fields.in.offset} + rdx]
    inc ecx
    mov [console_page + ${fields.in_cons.offset}], ecx
    mov dword [console_dirty], 1    ; there is room for more
    pop rdx
    pop rcx
    ret
`;
