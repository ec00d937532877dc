// Flat 32-bit segments of a kernel's own: code 0x08, data 0x10. SDM 3A §3.4.5. Offers `load_segments`, which every kernel calls
// first (multiboot's segments have no table that outlives the loader), and `gdt`.

export const flatSegments: string = `
load_segments:
    lgdt [gdt_pointer]
    jmp 0x08:.in_code
.in_code:
    mov eax, 0x10
    mov ds, ax
    mov es, ax
    mov fs, ax
    mov gs, ax
    mov ss, ax
    ret

    align 8
gdt:
    dq 0
    dq 0x00cf9a000000ffff   ; code: base 0, limit 4 GiB, 32 bits
    dq 0x00cf92000000ffff   ; data
gdt_pointer:
    dw $ - gdt - 1
    dd gdt
`;
