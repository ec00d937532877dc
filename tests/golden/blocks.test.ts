// What the hot tier makes of a dozen blocks: guest code → IR → WebAssembly, with sizes, one text file each, to be read as a diff.
// `npm run update-golden` writes them anew, after a change of semantics, passes or emitter that was meant.
import { describe, expect, it } from 'vitest';
import { formatInstruction } from '../../packages/vcpu-x86/src/asm/disassemble.js';
import { assemble } from '../../packages/vcpu-x86/src/asm/index.js';
import { decode } from '../../packages/vcpu-x86/src/isa/decode.js';
import { FeatureGate } from '../../packages/vcpu-x86/src/isa/feature-gate.js';
import { Instruction } from '../../packages/vcpu-x86/src/isa/instruction.js';
import {
  discoverRegion,
  type Region,
  type Terminator,
} from '../../packages/vcpu-x86/src/region/discover.js';
import { addRegion } from '../../packages/vcpu-x86/src/region/emit.js';
import { Programs } from '../../packages/vcpu-x86/src/region/programs.js';
import type { Mode } from '../../packages/vcpu-x86/src/semantics/shape.js';
import { ModuleWriter } from '../../packages/vcpu-x86/src/wasm/module.js';
import { irText } from './ir-text.js';
import { wasmText } from './wasm-text.js';

const ORIGIN = 0x1000;
const PAGE = 4096;
type Bits = 32 | 64;

/** By name: bits, and the block as text for our assembler. The instruction behind it is the cold tier's. */
const blocks: Readonly<Record<string, readonly [bits: Bits, text: string]>> = {
  'register-loop': [32, '.loop: add eax, ecx\ndec ecx\njnz .loop\nint3'],
  'register-loop-64': [64, '.loop: add rax, rcx\ndec rcx\njnz .loop\nint3'],
  'load-store': [32, 'mov eax, [esi+4]\nmov [edi+8], eax\nint3'],
  'read-modify-write': [64, 'add dword [rdi+rcx*4+16], 5\nint3'],
  'compare-branch': [32, 'cmp eax, 10\njb .less\nmov edx, 1\nint3\n.less: mov edx, 2\nint3'],
  'partial-registers': [32, 'mov al, 5\nmov ah, bl\nmov cx, 7\nint3'],
  'dead-flags': [64, 'add rax, rbx\nsub rcx, rdx\nand rsi, rdi\nint3'],
  'carry-chain': [32, 'add eax, ebx\nadc edx, ecx\nint3'],
  'call-return': [32, 'call .f\nint3\n.f: inc eax\nret'],
  'push-pop': [64, 'push rbp\nmov rbp, rsp\npop rbp\nint3'],
  'shift-by-register': [32, 'shl eax, cl\nint3'],
  'sse-integer': [64, 'movdqu xmm0, [rsi]\npaddd xmm0, xmm1\nmovdqu [rdi], xmm0\nint3'],
  'sse-float': [64, 'mulsd xmm0, xmm1\nint3'],
  'sse-known-numbers': [64, 'mulsd xmm0, xmm1\naddsd xmm1, xmm0\nint3'],
  'string-store': [32, 'stosd\nint3'],
};

const hex = (value: number): string => value.toString(16).padStart(4, '0');

function guestText(code: Uint8Array, bits: Bits): { lines: string[]; count: number } {
  const lines: string[] = [];
  const instruction = new Instruction();
  for (let at = 0; at < code.length; ) {
    const length = decode(code, at, code.length, bits, null, instruction);
    if (length <= 0) throw new Error(`the block does not decode at ${at}`);
    const bytes = Buffer.from(code.subarray(at, at + length)).toString('hex');
    const text = formatInstruction(instruction, bits, ORIGIN + at);
    lines.push(`  ${hex(ORIGIN + at)}  ${bytes.padEnd(20)}  ${text}`);
    at += length;
  }
  return { lines, count: lines.length };
}

function endText(end: Terminator): string {
  const to = (offset: number): string => hex(ORIGIN + offset);
  switch (end.kind) {
    case 'goto':
      return `goto ${to(end.to)}`;
    case 'if':
      return `if taken ${to(end.taken)} else ${to(end.notTaken)}`;
    case 'indirect':
      return `indirect, perhaps ${end.candidates.map(to).join(' ') || 'elsewhere'}`;
    case 'cold':
      return `cold tier at ${to(end.at)}`;
    default:
      return end.kind;
  }
}

const regionText = (region: Region): string[] =>
  region.blocks.flatMap((b) => [
    `  block ${hex(ORIGIN + b.start)}`,
    ...b.instructions.flatMap(({ start, program }) => [
      `    ${hex(ORIGIN + start)}`,
      ...irText(program).map((line) => `      ${line}`),
    ]),
    `    ${endText(b.end)}`,
  ]);

function regionOf(code: Uint8Array, mode: Mode): Region {
  const bytes = new Uint8Array(2 * PAGE);
  bytes.set(code, ORIGIN);
  const source = {
    ...{ bytes, entry: 0, linear: ORIGIN, wordAt: () => -1 },
    pageAt: (delta: number) => (delta === 0 ? ORIGIN : -1),
    isWarm: () => true,
    isLone: () => false,
  };
  const region = discoverRegion(source, mode, FeatureGate.all(), new Programs(mode));
  if (!region) throw new Error('the block is the cold tier’s');
  return region;
}

/** The golden file of a block. */
function golden(name: string, bits: Bits, text: string): string {
  const mode: Mode = { bits, stackBits: bits, flat: true };
  const code = assemble(text, { bits, origin: ORIGIN }).bytes;
  const region = regionOf(code, mode);
  const module = new ModuleWriter();
  addRegion(module, 'region', region, mode);
  const { byteLength } = module;
  const bytes = module.build();
  expect(WebAssembly.validate(bytes)).toBe(true);
  const guest = guestText(code, bits);
  const [wasm] = wasmText(bytes);
  if (!wasm) throw new Error('the module has no function');
  return [
    `${name}: ${bits}-bit, ${guest.count} instructions, ${code.length} bytes → ${wasm.instructions} instructions, ${byteLength} bytes`,
    ...['', 'guest', ...guest.lines],
    ...['', 'ir', ...regionText(region)],
    ...['', 'wasm', ...wasm.lines.map((line) => `  ${line}`), ''],
  ].join('\n');
}

describe('what the hot tier makes of', () => {
  it.each(Object.entries(blocks))('%s', async (name, [bits, text]) => {
    await expect(golden(name, bits, text)).toMatchFileSnapshot(`blocks/${name}.txt`);
  });
});
