// INC and DEC that nothing behind them looks at, in hot code that leaves right behind them: a handler of the fault sees their flags, and
// CF as it was before.
import { describe, expect, it } from 'vitest';
import { TestingMachine } from '../testing-machine.contract.js';

/** Every other round of the loop divides by zero behind `code`; the handler gathers the flags that it finds in EDI. */
const program = (bits: 32 | 64, code: string): string => `lgdt [gdtr]
lidt [idtr]
mov eax, handler
mov [7000h], ax
mov dword [7002h], 8e000008h
shr eax, 16
mov [7006h], ax
mov dword [7008h], 0
mov dword [700ch], 0
mov ecx, 200
again:
imul esi, ecx, 9e3779b1h
imul ebx, ecx, 85ebca6bh
mov ebp, ecx
and ebp, 1
mov eax, esi
mov edx, 0
${code}
div ebp
cmp esi, ebx
dec ecx
jnz again
hlt
handler:
mov eax, [${bits === 64 ? 'rsp+16' : 'esp+8'}]
add edi, eax
imul edi, edi, 31
mov ebp, 1
${bits === 64 ? 'iretq' : 'iret'}
align 8
gdt:
dq 0
dq ${bits === 64 ? '0x00af9a000000ffff' : '0x00cf9a000000ffff'}
dq 0x00cf92000000ffff
gdtr:
dw 0x17
dq gdt
idtr:
dw 0xff
dq 7000h`;

const before: readonly string[] = [
  'cmp esi, ebx',
  'add esi, ebx',
  'sbb esi, ebx',
  'test esi, ebx',
  'shl esi, 3',
  'cmp esi, ebx\nrol esi, 1',
  'cmp esi, ebx\nstc',
  'cmp si, bx',
  'cmp esi, ebx\ninc ebx',
  'sahf',
];
const wideBefore: readonly string[] = ['cmp rsi, rbx', 'add rsi, rbx', 'sub rsi, 1'];
const steps: readonly string[] = [
  'inc esi',
  'dec ebx',
  'inc si',
  'dec bl',
  'inc dword [6000h]',
  'inc esi\ndec bx',
  'inc esi\nmov [6000h], esi',
];
const wide: readonly string[] = ['inc rsi', 'inc esi\ndec rbx'];

describe.each([32, 64] as const)('in %i-bit code', (bits) => {
  const each = bits === 64 ? [...steps, ...wide] : steps;
  const sources = ['', ...before, ...(bits === 64 ? wideBefore : [])];
  it.each(each)('`%s` leaves its flags, and CF', (step) => {
    for (const sets of sources) {
      // In front of it: in the same block, where what set CF is known, and in one that may have come from elsewhere.
      for (const between of ['\n', '\njs over\nover:\n']) {
        const text = program(bits, `${sets}${between}${step}`);
        const cold = new TestingMachine(text, bits, Number.POSITIVE_INFINITY);
        const hot = new TestingMachine(text, bits, 5);
        expect(cold.run(), text).toBe(true);
        expect(hot.run(), text).toBe(true);
        expect(hot.cpu.hot.counters.compiled, text).toBeGreaterThan(0);
        expect(hot.summary(), text).toBe(cold.summary());
        // Else no flags were gathered.
        expect(hot.cpu.state.gpr32(7), text).not.toBe(0);
      }
    }
  });
});
