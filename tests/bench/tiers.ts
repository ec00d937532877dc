// Nanoseconds an instruction of endless guest loops, in the cold tier alone and with the hot tier above it.
import { loopGuest } from './loop-guest.js';
import type { Measurement } from './measurement.js';

const BUDGET = 200_000;

/** Written with 32-bit names; in 64-bit code the same on the wide registers. */
const loops = {
  registers: `again:
    add eax, ebx
    xor ebx, ecx
    lea ecx, [eax+ebx*2+5]
    shl eax, 3
    sub edx, eax
    and edx, 0xffff
    cmp edx, 100
    jne again
    jmp again`,
  'loads and stores': `again:
    mov eax, [esi+ecx*4]
    add eax, [esi+8]
    mov [edi+ecx*4], eax
    movzx ebx, byte [esi+ecx]
    mov byte [edi], bl
    inc ecx
    and ecx, 0xfff
    jmp again`,
  'calls and returns': `again:
    push ebx
    call leaf
    pop ebx
    call leaf
    jmp again
  leaf:
    inc eax
    ret`,
  mixed: `again:
    mov ebx, 64
  each:
    mov eax, [esi+ebx*4]
    test eax, eax
    js skip
    imul ecx, eax, 17
    xor ecx, edx
    mov [edi+ebx*4], ecx
  skip:
    call mix
    dec ebx
    jne each
    jmp again
  mix:
    push ebp
    mov ebp, esp
    lea edx, [edx+ecx*2]
    shr edx, 1
    adc edx, 0
    movzx eax, dl
    pop ebp
    ret`,
  'SSE2 doubles': `again:
    movsd xmm0, [esi]
    addsd xmm0, [esi+8]
    mulsd xmm0, [esi+16]
    subsd xmm0, [edi+8]
    movsd [edi], xmm0
    jmp again`,
  x87: `again:
    fld qword [esi]
    fadd qword [esi+8]
    fmul st0, st0
    fstp qword [edi]
    jmp again`,
} as const;

const wide = (text: string): string => text.replace(/\be(?=[abcd]x|[sd]i|[sb]p)/g, 'r');

function tier(bits: 32 | 64, name: keyof typeof loops, hotTier: boolean): Measurement {
  const { cpu } = loopGuest(bits, bits === 64 ? wide(loops[name]) : loops[name], hotTier);
  return {
    name: `${hotTier ? 'hot' : 'cold'} tier, ${bits}-bit ${name}`,
    unit: 'instruction',
    count: BUDGET,
    call: () => cpu.run(BUDGET),
  };
}

/** Made one after another: each keeps a machine alive. */
export const tiers: readonly (() => Measurement)[] = [false, true].flatMap((hot) =>
  ([32, 64] as const).flatMap((bits) =>
    (Object.keys(loops) as (keyof typeof loops)[]).map((name) => () => tier(bits, name, hot)),
  ),
);
