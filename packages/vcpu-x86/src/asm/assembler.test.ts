// The assembler by its bytes: shortest encodings, labels, sizes, directives, and what it says about mistakes.
import { describe, expect, it } from 'vitest';
import { Assembler, asm, assemble } from './assembler.js';
import { disassemble } from './disassemble.js';

const hex = (bytes: Uint8Array): string =>
  [...bytes].map((b) => b.toString(16).padStart(2, '0')).join('');
const one = (text: string, bits: 16 | 32 | 64 = 32, origin = 0): string =>
  hex(assemble(text, { bits, origin }).bytes);

describe('an instruction', () => {
  // Encodings as the manual's tables give them; the shortest of several.
  const expected: readonly (readonly [16 | 32 | 64, string, string])[] = [
    [32, 'mov eax, 5', 'b805000000'],
    [32, 'add eax, 5', '83c005'],
    [32, 'add eax, 0x12345678', '0578563412'],
    [32, 'add ebx, -1', '83c3ff'],
    [32, 'add ebx, 0xffffffff', '83c3ff'],
    [32, 'add al, 0x80', '0480'],
    [32, 'mov eax, [ebx+4*ecx+8]', '8b448b08'],
    [32, 'add [ebx+ecx*4+8], eax', '01448b08'],
    [32, 'mov dword ptr [ebp], 1', 'c7450001000000'],
    [32, 'mov eax, [esp]', '8b0424'],
    [32, 'mov eax, [eax+esp]', '8b0404'],
    [32, 'mov eax, fs:[0x18]', '64a118000000'],
    [32, 'mov eax, [es:ebp+2]', '268b4502'],
    [32, 'lea eax, [ecx*8]', '8d04cd00000000'],
    [32, 'xchg eax, ebx', '93'],
    [32, 'xchg [ebx], eax', '8703'],
    [32, 'inc ecx', '41'],
    [32, 'push 5', '6a05'],
    [32, 'push word 5', '666a05'],
    [32, 'push fs', '0fa0'],
    [32, 'shl eax, 1', 'd1e0'],
    [32, 'sal eax, 3', 'c1e003'],
    [32, 'imul eax, ebx, 3', '6bc303'],
    [32, 'jmp 0x08:0x1000', 'ea001000000800'],
    [32, 'call far dword [eax]', 'ff18'],
    [32, 'lock cmpxchg8b [esi]', 'f00fc70e'],
    [32, 'rep movsd', 'f3a5'],
    [32, 'fs lodsb', '64ac'],
    [32, 'repne scasb', 'f2ae'],
    [32, 'movzx eax, byte [ebx]', '0fb603'],
    [32, 'mov cr0, eax', '0f22c0'],
    [32, 'mov ds, eax', '8ed8'],
    [32, 'pushf', '9c'],
    [32, 'iret', 'cf'],
    [32, 'o16 iret', '66cf'],
    [32, 'fadd st0, st1', 'd8c1'],
    [32, 'fadd st(1), st(0)', 'dcc1'],
    [32, 'faddp', 'dec1'],
    [32, 'fld tword [eax]', 'db28'],
    [32, 'movsd xmm1, [eax]', 'f20f1008'],
    [32, 'movsd', 'a5'],
    [32, 'movq xmm0, xmm1', 'f30f7ec1'],
    [32, 'pshufd xmm0, xmm1, 0x1b', '660f70c11b'],
    [32, 'setz al', '0f94c0'],
    [32, 'int 0x80', 'cd80'],
    [32, 'in al, dx', 'ec'],
    [32, 'loop 0x2', 'e200'],
    [32, 'test [ebx], eax', '8503'],
    [32, 'test eax, [ebx]', '8503'],
    [16, 'mov ax, [bx+si+2]', '8b4002'],
    [16, 'mov eax, [bp]', '668b4600'],
    [16, 'mov al, [0x1234]', 'a03412'],
    [16, 'mov ax, [eax]', '678b00'],
    [16, 'jmp dword 0x08:0x100000', '66ea000010000800'],
    [16, 'lgdt [0x7c80]', '0f0116807c'],
    [16, 'o32 lgdt [0x7c80]', '660f0116807c'],
    [16, 'jecxz 0x3', '67e300'],
    [64, 'mov rax, 5', '48c7c005000000'],
    [64, 'mov eax, 5', 'b805000000'],
    [64, 'mov rax, 0x123456789abcdef0', '48b8f0debc9a78563412'],
    [64, 'mov rax, [rel 0x1000]', '488b05f90f0000'],
    [64, 'mov eax, [0x1000]', '8b042500100000'],
    [64, 'mov eax, [r13]', '418b4500'],
    [64, 'mov eax, [r12]', '418b0424'],
    [64, 'push r8', '4150'],
    [64, 'push rax', '50'],
    [64, 'mov sil, 1', '40b601'],
    [64, 'xchg eax, eax', '87c0'],
    [64, 'movq rax, xmm1', '66480f7ec8'],
    [64, 'lock cmpxchg16b [rdi]', 'f0480fc70f'],
    [64, 'iretq', '48cf'],
    [64, 'call [rax]', 'ff10'],
    [64, 'jmp rax', 'ffe0'],
    [64, 'movsxd rax, ecx', '4863c1'],
    [64, 'swapgs', '0f01f8'],
    [64, 'sysretq', '480f07'],
    [64, 'nop dword [rax]', '0f1f00'],
  ];
  for (const [bits, text, bytes] of expected)
    it(`${text} is ${bytes} in ${bits}-bit code`, () => expect(one(text, bits)).toBe(bytes));
});

describe('labels', () => {
  it('make short branches both ways, and long ones when they must', () => {
    expect(one('top: dec ecx\n jne top\n jmp end\n nop\nend: ret')).toBe('4975fdeb0190c3');
    const far = assemble('jmp end\n times 200 nop\nend: ret').bytes;
    expect(hex(far.subarray(0, 5))).toBe('e9c8000000');
    expect(far.length).toBe(206);
  });

  it('push each other apart until every branch reaches', () => {
    // Each jump crosses the next one: growing one makes its neighbour too long.
    const lines: string[] = [];
    for (let i = 0; i < 20; i++) lines.push(`j${i}: jmp t${i}`);
    lines.push('times 90 nop');
    for (let i = 0; i < 20; i++) lines.push(`t${i}: nop`);
    const { bytes, symbols } = assemble(lines.join('\n'));
    for (const { offset, text } of disassemble(bytes, 32)) {
      const i = [...Array(20).keys()].find((n) => symbols.get(`j${n}`) === BigInt(offset));
      if (i !== undefined) expect(text).toBe(`jmp 0x${symbols.get(`t${i}`)?.toString(16)}`);
    }
  });

  it('belong to the label above when they start with a dot', () => {
    expect(one('a: .x: jmp .x\nb: .x: jmp .x')).toBe('ebfeebfe');
  });

  it('count from the origin, and make a boot sector', () => {
    const { bytes, symbols } = assemble(
      'bits 16\norg 0x7c00\nstart: mov si, text\n hlt\ntext: db "hi", 0\n times 510-($-$$) db 0\n dw 0xaa55',
    );
    expect(bytes.length).toBe(512);
    expect(hex(bytes.subarray(0, 7))).toBe('be047cf4686900');
    expect([...bytes.subarray(510)]).toEqual([0x55, 0xaa]);
    expect(symbols.get('text')).toBe(0x7c04n);
  });

  it('name constants with equ, and distances', () => {
    expect(
      one('PORT equ 0xe9\n out PORT, al\nfrom: db 1, 2, 3\nlength equ $ - from\n mov ecx, length'),
    ).toBe('e6e9010203b903000000');
  });

  it('change code size on the way: real mode to protected mode to long mode', () => {
    const bytes = asm`
      bits 16
        jmp dword 0x08:next
      bits 32
      next: mov eax, [esp]
        jmp 0x10:long
      bits 64
      long: mov rax, [rsp]
    `;
    expect(hex(bytes)).toBe('66ea08000000080' + '08b0424ea12000000100048' + '8b0424');
  });
});

describe('the programmatic interface', () => {
  it('does what the text does', () => {
    const a = new Assembler({ bits: 32, origin: 0x100000 });
    a.label('loop').emit('mov', 'eax', 5).emit('add', 'dword [ebx+ecx*4+8]', 'eax');
    a.emit('lock inc', 'dword [esi]').jump('jne', 'loop').dd('loop', 7).string('ok').align(16, 0);
    const text = assemble(
      `loop: mov eax, 5\n add [ebx+ecx*4+8], eax\n lock inc dword [esi]\n jne loop\n dd loop, 7\n db "ok"\n align 16, 0`,
      { bits: 32, origin: 0x100000 },
    );
    const made = a.assemble();
    expect(hex(made.bytes)).toBe(hex(text.bytes));
    expect(made.bytes.length % 16).toBe(0);
    expect(made.symbols.get('loop')).toBe(0x100000n);
  });
});

describe('mistakes', () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['nop\nmov [eax], 1', /line 2: mov: say the size/],
    ['mov eax, bx', /no form of mov takes these operands/],
    ['frobnicate eax', /line 1: frobnicate is no instruction/],
    ['jmp nowhere', /nowhere is not defined/],
    ['mov al, 256', /no form of mov/],
    ['mov eax, [eax+ebx+ecx]', /at most a base and an index/],
    ['mov eax, [eax*3]', /scaled by 1, 2, 4 or 8/],
    ['a: nop\na: nop', /line 2: a is defined twice/],
    ['mov rax, 1', /only in 64-bit code/],
    ['lock mov [eax], ebx', /cannot be locked/],
    ['lock inc eax', /cannot be locked/],
    ['rep add eax, 1', /takes no repeat prefix/],
    ['mov eax, 5 6', /expected , before 6/],
    ['mov eax,', /the line ends too early/],
    ['db 1/0', /division by zero/],
    ['jmp short far_away\n times 300 nop\nfar_away:', /no form of jmp/],
    ['bits 64\nmov ah, r8b', /beside a REX prefix/],
    ['mov ax, [bx+cx]', /no 16-bit address/],
    ['resb 1000000000000', /cannot reserve/],
    ['times 1000000000 nop', /cannot repeat/],
  ];
  for (const [text, message] of wrong)
    it(`${JSON.stringify(text)} is refused in words`, () =>
      expect(() => assemble(text)).toThrow(message));
});
