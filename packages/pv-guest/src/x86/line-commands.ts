// Commands that the small kernels answer. Each handler is called with ESI at the rest of the line, and may use all registers.
import { TICKS_PER_SECOND } from './tick-counter.js';

export interface LineCommand {
  readonly name: string;
  readonly help: string;
  /** Label of its handler. */
  readonly handler: string;
}

/** Those that every kernel has; their handlers are in {@link lineCommands}. */
export const commonCommands: readonly LineCommand[] = [
  { name: 'help', help: 'this list', handler: 'help_command' },
  { name: 'uptime', help: 'time since the start', handler: 'uptime_command' },
  { name: 'add', help: 'add 2 3: the sum of two or more numbers', handler: 'add_command' },
  { name: 'echo', help: 'what follows, again', handler: 'echo_command' },
];

/** Assembly text that offers `answer_line`, which runs the command at `line`; it needs `ticks`, in hundredths of a second. */
export function lineCommands(commands: readonly LineCommand[]): string {
  const helpText = commands
    .map(({ name, help }) => `    db "  ${name.padEnd(8)}${help}", 13, 10`)
    .join('\n');
  const nameTexts = commands.map(({ name }) => `${name}_name:\n    db "${name}", 0`).join('\n');
  const table = commands.map(({ name, handler }) => `    dd ${name}_name, ${handler}`).join('\n');
  return `
answer_line:
    mov esi, line
    call skip_blanks
    cmp byte [esi], 0
    je .done
    mov ebx, command_table
.command:
    mov edi, [ebx]
    push esi
.character:                 ; the name must be the whole word
    mov al, [edi]
    test al, al
    jz .word_end
    cmp al, [esi]
    jne .other
    inc esi
    inc edi
    jmp .character
.word_end:
    cmp byte [esi], 0
    je .found
    cmp byte [esi], ' '
    je .found
.other:
    pop esi
    add ebx, 8
    cmp ebx, command_table_end
    jb .command
    push esi
    mov esi, unknown_text
    call print_text
    pop esi
    call print_text
    mov esi, unknown_end_text
    call print_text
.done:
    ret
.found:
    pop eax                 ; the start of the word
    call skip_blanks
    mov ebx, [ebx + 4]
    jmp ebx

skip_blanks:
    cmp byte [esi], ' '
    jne .done
    inc esi
    jmp skip_blanks
.done:
    ret

help_command:
    mov esi, help_text
    jmp print_text

echo_command:
    call print_text
    jmp print_line_end

uptime_command:
    mov eax, [ticks]
    mov ebx, ${TICKS_PER_SECOND}
    xor edx, edx
    div ebx
    mov ecx, edx
    mov esi, uptime_text
    call print_text
    call print_decimal
    mov al, '.'
    call print_char
    mov eax, ecx
    mov bl, ${TICKS_PER_SECOND / 10}
    div bl
    mov ecx, eax
    movzx eax, cl
    call print_decimal
    movzx eax, ch
    call print_decimal
    mov esi, uptime_end_text
    jmp print_text

add_command:
    xor ecx, ecx            ; sum
    cmp byte [esi], 0
    je .wrong
.number:
    xor eax, eax
.digit:
    movzx edx, byte [esi]
    sub edx, '0'
    cmp edx, 9
    ja .wrong
    inc esi
    mov ebx, edx
    mov edx, 10
    mul edx
    jc .too_large
    add eax, ebx
    jc .too_large
    cmp byte [esi], ' '
    ja .digit
    add ecx, eax
    jc .too_large
    call skip_blanks
    cmp byte [esi], 0
    jne .number
    mov eax, ecx
    call print_decimal
    jmp print_line_end
.wrong:
    mov esi, add_text
    jmp print_text
.too_large:
    mov esi, too_large_text
    jmp print_text

    align 4
command_table:
${table}
command_table_end:
${nameTexts}
help_text:
${helpText}
    db 0
unknown_text:
    db "No command: ", 0
unknown_end_text:
    db ". Type help.", 13, 10, 0
uptime_text:
    db "Up ", 0
uptime_end_text:
    db " s", 13, 10, 0
add_text:
    db "Write it like: add 2 3", 13, 10, 0
too_large_text:
    db "More than 32 bits.", 13, 10, 0
`;
}
