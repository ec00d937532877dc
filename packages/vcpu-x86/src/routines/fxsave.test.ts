// XSAVE, XRSTOR, FXSAVE and FXRSTOR wherever their area lies: in a page the TLB knows or not, on two pages, among code, beyond memory.
import { describe, expect, it } from 'vitest';
import { EXIT_SHUTDOWN } from '../exit.js';
import { FPU_CONTROL, FPU_REGISTERS, FPU_STATUS, FPU_TAG, MXCSR, XMM } from '../state/layout.js';
import { TestingMachine } from '../testing-machine.contract.js';

const AREA_BYTES = 576;
/** Where the area lies, linear and in RAM alike. */
const places = {
  'in one page': 0x6000,
  'up to a page end': 0x6dc0,
  'on two pages': 0x6e00,
  'on two pages, its last bytes alone': 0x6e00 + 0x1c0,
};
const enabled = `mov eax, cr4
or eax, 40600h
mov cr4, eax
xor ecx, ecx
mov eax, 3
xor edx, edx
xsetbv
fninit`;
/** x87 and SSE registers that differ from each other, with a stack that does not begin at 0. */
const filled = `fld1
fldpi
fldl2e
fstp st0
movd mm5, eax
mov eax, 12345678h
movd xmm0, eax
pshufd xmm3, xmm0, 0
cvtsi2sd xmm6, eax
mov dword [5000h], 9fc0h
ldmxcsr [5000h]`;
const cleared = `fninit
xorps xmm0, xmm0
xorps xmm3, xmm3
xorps xmm6, xmm6
mov dword [5000h], 1f80h
ldmxcsr [5000h]`;

/** Registers of the x87 and SSE, as text. */
function registers({ cpu: { state } }: TestingMachine): string {
  const words: number[] = [MXCSR, FPU_CONTROL, FPU_STATUS, FPU_TAG].map((at) => state.getU(at));
  for (let at = 0; at < 128; at += 4)
    words.push(
      at % 16 === 8 ? state.getU(FPU_REGISTERS + at) & 0xffff : state.getU(FPU_REGISTERS + at),
    );
  for (let at = 0; at < 128; at += 4) words.push(state.getU(XMM + at));
  return words.map((w) => w.toString(16)).join(' ');
}
function ended(text: string): TestingMachine {
  const m = new TestingMachine(`${enabled}\n${text}\nhlt`, 32, Number.POSITIVE_INFINITY);
  expect(m.run()).toBe(true);
  return m;
}
/** The area's bytes, after the area held `before` everywhere but in its header, which is zero. */
function imageAt(at: number, save: string): Uint8Array {
  const m = ended(`mov edi, ${at}
mov ecx, ${AREA_BYTES / 4}
mov eax, 0a5a5a5a5h
rep stosd
mov edi, ${at + 512}
mov ecx, 16
xor eax, eax
rep stosd
${filled}
mov eax, 3
xor edx, edx
${save} [${at}]`);
  return m.ram.slice(at, at + AREA_BYTES);
}

describe.each(['xsave', 'fxsave'])('%s', (save) => {
  it.each(Object.entries(places))('writes the same image %s', (_, at) => {
    const image = imageAt(at, save);
    expect(image).toEqual(imageAt(places['in one page'], save));
    // FCW, MXCSR and XMM3; what is reserved stays as it was.
    expect([...image.subarray(0, 2)]).toEqual([0x7f, 3]);
    expect([...image.subarray(24, 28)]).toEqual([0xc0, 0x9f, 0, 0]);
    expect([...image.subarray(160 + 48, 160 + 52)]).toEqual([0x78, 0x56, 0x34, 0x12]);
    expect(new Set(image.subarray(464, 512))).toEqual(new Set([0xa5]));
  });
});

describe.each([
  ['xsave', 'xrstor'],
  ['fxsave', 'fxrstor'],
])('%s and %s', (save, restore) => {
  it.each(Object.entries(places))('give back every register %s', (_, at) => {
    const mask = 'mov eax, 3\nxor edx, edx';
    const before = ended(filled);
    const after = ended(
      `${filled}\n${mask}\n${save} [${at}]\n${cleared}\n${mask}\n${restore} [${at}]`,
    );
    expect(registers(after)).toBe(registers(before));
  });
});

it('XSAVE over code changes what runs', () => {
  // The area has a function in XMM1's place: MOV EAX, 7 and RET at first, then what the register holds: MOV EAX, 9 and RET.
  const at = places['in one page'];
  const code = at + 160 + 16;
  const m = ended(`mov dword [${code}], 7b8h
mov word [${code + 4}], 0c300h
mov esi, ${code}
call esi
mov ebx, eax
mov dword [5000h], 9b8h
mov dword [5004h], 0c300h
movq xmm1, [5000h]
mov eax, 2
xor edx, edx
xsave [${at}]
call esi`);
  expect(m.cpu.state.gpr32(3)).toBe(7);
  expect(m.cpu.state.gpr32(0)).toBe(9);
});

it('XSAVE to a page that is not there changes nothing', () => {
  // Pages of 4 KiB: the directory at 7000h, its table at 8000h, with every page but that at 6000h.
  const text = `${enabled}
${filled}
mov dword [7000h], 8003h
mov ecx, 0
next:
mov eax, ecx
shl eax, 12
or eax, 3
mov [8000h+ecx*4], eax
inc ecx
cmp ecx, 256
jne next
mov dword [8018h], 0
mov eax, 7000h
mov cr3, eax
mov eax, cr0
or eax, 80000000h
mov cr0, eax
mov eax, 3
xor edx, edx
mov dword [5f00h], 5a5a5a5ah
xsave [5f00h]`;
  const m = new TestingMachine(text, 32, Number.POSITIVE_INFINITY);
  // There is no handler either.
  expect(m.cpu.run(100_000)).toBe(EXIT_SHUTDOWN);
  expect(m.cpu.lastFault).toMatchObject({ vector: 14, errorCode: 2 });
  expect([...m.ram.subarray(0x5f00, 0x5f04)]).toEqual([0x5a, 0x5a, 0x5a, 0x5a]);
});
