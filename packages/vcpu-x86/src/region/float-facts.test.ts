// Denormals in hot code that has stopped asking for them: one comes late, an operation with an ordinary result takes it, and MXCSR.DE
// says so.
import { describe, expect, it } from 'vitest';
import { MXCSR, XMM } from '../state/layout.js';
import { TestingMachine } from '../testing-machine.contract.js';

const DENORMAL = 2;
/** Inexactness is recorded, as after any first operation: else routines do all. `rare` is run once in 300 rounds of `body`. */
const program = (rare: string, body: string): string => `mov eax, cr4
or eax, 600h
mov cr4, eax
mov dword [6100h], 1fa0h
ldmxcsr [6100h]
${double(0x6000, 0)}
${double(0x6010, -500)}
${double(0x6018, -500)}
${single(0x6020, -60)}
${single(0x6024, -60)}
${double(0x6028, 0)}
mov dword [6030h], -1
mov dword [6034h], -1
mov dword [6038h], -1
mov dword [603ch], -1
movsd xmm1, [6000h]
mov ecx, 300
again:
cmp ecx, 20
jne ordinary
${rare}
jmp ordinary
ordinary:
${body}
dec ecx
jnz again
hlt`;

/** Puts 2 to that power at an address. */
const double = (at: number, power: number): string => `mov dword [${at}], 0
mov dword [${at + 4}], ${(1023 + power) << 20}`;
const single = (at: number, power: number): string => `mov dword [${at}], ${(127 + power) << 23}`;

const programs: Readonly<Record<string, string>> = {
  'a product': program(
    double(0x6018, -540),
    'movsd xmm0, [6010h]\nmulsd xmm0, [6018h]\naddsd xmm1, xmm0',
  ),
  'a product that was moved': program(
    double(0x6018, -540),
    'movsd xmm0, [6010h]\nmulsd xmm0, [6018h]\nmovapd xmm2, xmm0\nmovsd xmm3, xmm2\naddsd xmm1, xmm3',
  ),
  'a product in single precision': program(
    single(0x6024, -75),
    'movss xmm0, [6020h]\nmulss xmm0, [6024h]\nmovaps xmm2, xmm1\naddss xmm2, xmm0',
  ),
  'what is loaded where there was none': program(
    'mov dword [6028h], 1\nmov dword [602ch], 0',
    'movsd xmm0, [6000h]\naddsd xmm0, xmm0\nmovsd xmm0, [6028h]\naddsd xmm1, xmm0',
  ),
  'what a mask leaves of a number': program(
    'mov dword [6034h], 0fffffh',
    'movsd xmm0, [6000h]\nmulsd xmm0, [6010h]\naddsd xmm0, [6000h]\nsubsd xmm0, [6010h]\nsqrtsd xmm0, xmm0\ndivsd xmm0, xmm1\npand xmm0, [6030h]\naddsd xmm1, xmm0',
  ),
  'what is compared': program(
    double(0x6018, -540),
    'movsd xmm0, [6010h]\nmulsd xmm0, [6018h]\nucomisd xmm0, xmm1\nadc eax, 0',
  ),
  'the less of two': program(
    'mov dword [6028h], 1\nmov dword [602ch], 0',
    'movsd xmm0, [6000h]\nminsd xmm0, [6028h]\nmovapd xmm2, xmm0\naddsd xmm1, xmm2',
  ),
};

function ended(text: string, threshold: number) {
  const m = new TestingMachine(text, 32, threshold);
  expect(m.run()).toBe(true);
  const { state, hot } = m.cpu;
  const registers = Array.from({ length: 8 }, (_, i) => state.get64(XMM + i * 16));
  return { regions: hot.counters.compiled, registers, mxcsr: state.get(MXCSR), rest: m.summary() };
}

describe.each(Object.entries(programs))('of %s', (_, text) => {
  it('hot code finds the denormal that the cold tier finds', () => {
    const cold = ended(text, Number.POSITIVE_INFINITY);
    const hot = ended(text, 5);
    expect(cold.mxcsr & DENORMAL).toBe(DENORMAL);
    expect(hot.regions).toBeGreaterThan(0);
    expect(hot).toEqual({ ...cold, regions: hot.regions });
  });
});
