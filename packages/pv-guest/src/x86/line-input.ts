// Lines from the serial port: echo, erasing, and the end of input.

/** Longest line, in characters; more is not taken. */
export const LINE_LENGTH = 78;

/**
 * Assembly text that offers `read_line`: waits for a line and leaves it at `line`, a zero byte behind it. CF is set when the
 * input ended instead (Ctrl-D on an empty line). Ctrl-D on a line that is not empty ends the line, Ctrl-U erases it, Ctrl-C
 * leaves an empty one. It needs ${LINE_LENGTH + 1} bytes at `line` and 4 zeroed ones at `last_char`.
 */
export const lineInput: string = `
read_line:
    pushad
    xor edi, edi            ; length so far
.next:
    call read_char
    mov ecx, [last_char]
    mov [last_char], eax
    cmp al, 10
    jne .not_line_feed
    cmp cl, 13
    je .next                ; the second half of CR LF
    jmp .end
.not_line_feed:
    cmp al, 13
    je .end
    cmp al, 4
    je .end_of_input
    cmp al, 8
    je .erase
    cmp al, 127
    je .erase
    cmp al, 21
    je .erase_line
    cmp al, 3
    je .cancel
    cmp al, 27
    je .escape
    cmp al, 32
    jb .next
    cmp edi, ${LINE_LENGTH}
    jae .next
    mov [line + edi], al
    inc edi
    call print_char
    jmp .next
.escape:                    ; keys such as the arrows: ESC [ … letter
    call read_char
    cmp al, '['
    jne .next
.escape_rest:
    call read_char
    cmp al, '@'
    jb .escape_rest
    jmp .next
.erase:
    test edi, edi
    jz .next
    call .erase_one
    jmp .next
.erase_line:
    test edi, edi
    jz .next
    call .erase_one
    jmp .erase_line
.erase_one:
    dec edi
    mov esi, erase_text
    jmp print_text
.cancel:
    mov esi, cancel_text
    call print_text
    xor edi, edi
    jmp .end
.end_of_input:
    test edi, edi
    jnz .end
    call print_line_end
    popad
    stc
    ret
.end:
    mov byte [line + edi], 0
    call print_line_end
    popad
    clc
    ret

erase_text:
    db 8, 32, 8, 0
cancel_text:
    db "^C", 0
`;
