// Frames that held code and are data now: the guest's stores into them are watched for a while only.
import { describe, expect, it } from 'vitest';
import { TestingMachine } from '../testing-machine.contract.js';

/** A page of functions `mov eax, imm32; ret` 16 bytes apart at 20000h, which ESI holds; there is room for data between them. */
const FUNCTIONS = `mov edi, 20000h
fill:
mov dword [edi], 0001b8h
mov dword [edi + 4], 90c300h
add edi, 16
cmp edi, 21000h
jne fill
mov esi, 20000h`;
const CALL_ALL = (label: string): string => `mov edi, esi
${label}:
call edi
add edi, 16
cmp edi, 21000h
jne ${label}`;

function slowAccesses(text: string, hotThreshold = Infinity): { slow: number; eax: number } {
  const machine = new TestingMachine(`${text}\nhlt`, 32, hotThreshold);
  expect(machine.run()).toBe(true);
  return { slow: machine.cpu.core.mmu.slowAccesses, eax: machine.cpu.state.get(0) };
}

describe('A frame that held code', () => {
  it('is stored into at full speed soon after it has become data, and runs as code again', () => {
    const base = slowAccesses(`${FUNCTIONS}\n${CALL_ALL('once')}`).slow;
    const store = `mov ecx, 1000
    again:
    mov eax, ecx
    and eax, 0ffh
    shl eax, 4
    mov dword [esi + eax + 8], ecx
    dec ecx
    jnz again`;
    const { slow, eax } = slowAccesses(
      `${FUNCTIONS}\n${CALL_ALL('before')}\n${store}\nmov dword [20ff1h], 77h\n${CALL_ALL('after')}`,
    );
    expect(eax).toBe(0x77);
    expect(slow - base).toBeLessThan(20);
  });

  it('keeps its blocks for ever longer while it goes on holding both', () => {
    const turns = 4000;
    const { slow, eax } = slowAccesses(`${FUNCTIONS}
    mov ebx, ${turns}
    turn:
    call esi
    mov dword [esi + 8], ebx
    dec ebx
    jnz turn
    mov eax, [esi + 8]`);
    expect(eax).toBe(1);
    // Nearly every store is watched: the code is not given up again and again.
    expect(slow).toBeGreaterThan(turns * 0.9);
  });
});

describe('A branch to a block that was dropped', () => {
  it('leads to the new one from then on', () => {
    const machine = new TestingMachine(
      `mov ecx, 500
      again:
      jmp target
      target:
      add eax, 1
      cmp ecx, 490
      jne same
      mov byte [target + 2], 2
      same:
      dec ecx
      jnz again
      hlt`,
      32,
      Infinity,
    );
    expect(machine.run()).toBe(true);
    expect(machine.cpu.state.get(0)).toBe(11 + 489 * 2);
    expect(machine.cpu.counters.lookups).toBeLessThan(30);
  });
});
