// What CPUID says about the processor, as text. SDM 2A, CPUID.

/** Features worth a word: name, leaf (1 or 0x80000001), register (3 is EDX, 2 is ECX) and bit. */
const features: readonly (readonly [string, number, number, number])[] = [
  ['fpu', 1, 3, 0],
  ['tsc', 1, 3, 4],
  ['pae', 1, 3, 6],
  ['apic', 1, 3, 9],
  ['cmov', 1, 3, 15],
  ['mmx', 1, 3, 23],
  ['sse', 1, 3, 25],
  ['sse2', 1, 3, 26],
  ['ssse3', 1, 2, 9],
  ['sse4.2', 1, 2, 20],
  ['nx', 0x80000001, 3, 20],
  ['lm', 0x80000001, 3, 29],
];

/** Room for a name and at least one zero byte. */
const NAME_BYTES = 8;
const ROW_BYTES: number = 12 + NAME_BYTES;
const featureRows = features
  .map(([name, leaf, register, bit]) => {
    const offset = register === 3 ? 4 : 0;
    const padding = ', 0'.repeat(NAME_BYTES - name.length);
    return `    dd ${leaf}, ${offset}, ${2 ** bit}\n    db "${name}"${padding}`;
  })
  .join('\n');

/**
 * Assembly text that offers `print_processor_name` (vendor, and brand where there is one) and `print_processor_features`,
 * which end their lines. It needs 8 bytes at `feature_words` and 52 zeroed ones at `processor_text`.
 */
export const processorReport: string = `
; CF is set when the processor has no CPUID: EFLAGS.ID cannot be changed then.
check_cpuid:
    pushad
    pushfd
    pop eax
    mov ecx, eax
    xor eax, 0x200000
    push eax
    popfd
    pushfd
    pop eax
    xor eax, ecx
    test eax, 0x200000
    popad
    jz .none
    clc
    ret
.none:
    stc
    ret

print_processor_name:
    pushad
    call check_cpuid
    jnc .has_cpuid
    mov esi, old_processor_text
    call print_text
    jmp .done
.has_cpuid:
    xor eax, eax
    cpuid
    mov [processor_text], ebx
    mov [processor_text + 4], edx
    mov [processor_text + 8], ecx
    mov byte [processor_text + 12], 0
    mov esi, processor_text
    call print_text
    mov eax, 0x80000000
    cpuid
    cmp eax, 0x80000004
    jb .done
    mov al, ','
    call print_char
    mov al, ' '
    call print_char
    mov edi, processor_text
    mov esi, 0x80000002
.brand:
    mov eax, esi
    cpuid
    mov [edi], eax
    mov [edi + 4], ebx
    mov [edi + 8], ecx
    mov [edi + 12], edx
    add edi, 16
    inc esi
    cmp esi, 0x80000004
    jbe .brand
    mov byte [edi], 0
    mov esi, processor_text
.skip_blanks:               ; brands may be right-justified
    cmp byte [esi], ' '
    jne .print
    inc esi
    jmp .skip_blanks
.print:
    call print_text
.done:
    call print_line_end
    popad
    ret

print_processor_features:
    pushad
    call check_cpuid
    jc .done
    mov esi, features_text
    call print_text
    mov esi, feature_rows
.row:
    mov eax, [esi]          ; leaf
    mov edi, eax
    and eax, 0x80000000
    cpuid
    cmp eax, edi
    jb .next
    mov eax, edi
    cpuid
    mov [feature_words], ecx
    mov [feature_words + 4], edx
    mov eax, [esi + 4]
    mov eax, [feature_words + eax]
    test eax, [esi + 8]
    jz .next
    mov al, ' '
    call print_char
    push esi
    add esi, 12
    call print_text
    pop esi
.next:
    add esi, ${ROW_BYTES}
    cmp esi, feature_rows_end
    jb .row
    call print_line_end
.done:
    popad
    ret

    align 4
feature_rows:
${featureRows}
feature_rows_end:
features_text:
    db "Features:", 0
old_processor_text:
    db "a processor without CPUID", 0
`;
