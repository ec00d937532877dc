// Text and numbers over `print_char`.

/**
 * Assembly text that offers `print_text` (ESI: text that ends with a zero byte), `print_decimal` (EAX unsigned),
 * `print_hexadecimal` (EAX) and `print_line_end`. Every routine keeps all registers.
 */
export const textOutput: string = `
print_text:
    pushad
.next:
    lodsb
    test al, al
    jz .done
    call print_char
    jmp .next
.done:
    popad
    ret

print_decimal:
    pushad
    mov ebx, 10
    xor ecx, ecx
.divide:
    xor edx, edx
    div ebx
    push edx
    inc ecx
    test eax, eax
    jnz .divide
.print:
    pop eax
    add al, '0'
    call print_char
    loop .print
    popad
    ret

print_hexadecimal:
    pushad
    mov ebx, eax
    mov ecx, 8
.digit:
    rol ebx, 4
    mov eax, ebx
    and eax, 15
    mov al, [hexadecimal_digits + eax]
    call print_char
    loop .digit
    popad
    ret

print_line_end:
    push eax
    mov al, 13
    call print_char
    mov al, 10
    call print_char
    pop eax
    ret

hexadecimal_digits:
    db "0123456789abcdef"
`;
